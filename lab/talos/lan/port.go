package lan

import (
	"fmt"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync"
)

// Port is a machine's network cards and their cables.
type Port struct {
	*Namespace
	bridge string
	veths  []string

	mu      sync.Mutex
	powered bool
	cable   bool
	set     []netip.Prefix
	shared  []netip.Addr // VIPs held now
}

// Plug makes a namespace with one card per MAC, each with a cable into the bridge. Without power there
// is no carrier yet. name is unique in this process and short (interface names end at 15 bytes).
func Plug(bridge, name string, macs []string) (*Port, error) {
	ns, err := NewNamespace()
	if err != nil {
		return nil, err
	}
	p := &Port{Namespace: ns, bridge: bridge, cable: true}
	for i, mac := range macs {
		v := fmt.Sprintf("%s-%d", name, i)
		_ = hostIP("link del " + v) // a killed simulator's, which the kernel may not have cleared away yet
		err := hostIP(fmt.Sprintf("link add %s type veth peer name eth%d address %s netns /proc/%d/fd/%d",
			v, i, strings.ToLower(mac), os.Getpid(), ns.fd))
		if err == nil {
			p.veths = append(p.veths, v)
			err = hostIP(fmt.Sprintf("link set %s master %s", v, bridge))
		}
		if err != nil {
			p.Unplug()
			return nil, fmt.Errorf("plug %s into %s: %w", mac, bridge, err)
		}
	}
	return p, nil
}

// Unplug removes the cards and the namespace.
func (p *Port) Unplug() {
	for _, v := range p.veths {
		_ = hostIP("link del " + v) // gone already when the bridge went first
	}
	p.Close()
}

// Power turns carrier on or off. Without power the machine has no address.
func (p *Port) Power(on bool) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.powered = on
	if !on {
		p.set, p.shared = nil, nil
		if err := p.IP("addr flush dev eth0", "route flush dev eth0"); err != nil {
			return err
		}
	}
	return p.carrier()
}

// Cable pulls (false) or plugs in (true) every cable of the machine.
func (p *Port) Cable(up bool) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cable = up
	return p.carrier()
}

// Linked tells whether the cable is in.
func (p *Port) Linked() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.cable
}

func (p *Port) carrier() error {
	to := "down"
	if p.powered && p.cable {
		to = "up"
	}
	var lines []string
	for _, v := range p.veths {
		lines = append(lines, "link set "+v+" "+to)
	}
	return hostIP(lines...)
}

// Configure gives the first card exactly these addresses, keeping VIPs, and default routes.
func (p *Port) Configure(addrs []netip.Prefix, gateways []netip.Addr) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	var lines []string
	for i := range p.veths {
		lines = append(lines, fmt.Sprintf("link set eth%d up", i))
	}
	for _, a := range p.set {
		if !slices.Contains(addrs, a) {
			lines = append(lines, fmt.Sprintf("addr del %s dev eth0", a))
		}
	}
	for _, a := range addrs {
		if !slices.Contains(p.set, a) {
			lines = append(lines, addLine(a))
		}
	}
	for _, g := range gateways {
		lines = append(lines, fmt.Sprintf("route replace default via %s dev eth0 onlink", g))
	}
	p.set = slices.Clone(addrs)
	return p.IP(lines...)
}

// addLine: duplicate address detection would hold an IPv6 address back for a second.
func addLine(a netip.Prefix) string {
	if a.Addr().Is6() {
		return fmt.Sprintf("addr add %s dev eth0 nodad", a)
	}
	return fmt.Sprintf("addr add %s dev eth0", a)
}

// Addresses are those configured, without VIPs.
func (p *Port) Addresses() []netip.Prefix {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.set)
}

// Shared are the VIPs held now.
func (p *Port) Shared() []netip.Addr {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.shared)
}

// Hold takes a VIP (true) or gives it up.
func (p *Port) Hold(vip netip.Addr, hold bool) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	held := slices.Contains(p.shared, vip)
	host := netip.PrefixFrom(vip, vip.BitLen())
	switch {
	case hold && !held:
		p.shared = append(p.shared, vip)
		return p.IP(addLine(host))
	case !hold && held:
		p.shared = slices.DeleteFunc(p.shared, func(a netip.Addr) bool { return a == vip })
		return p.IP(fmt.Sprintf("addr del %s dev eth0", host))
	}
	return nil
}

// ForgetNeighbours is what a gratuitous ARP does to everybody else.
func ForgetNeighbours(ports []*Port) {
	for _, p := range ports {
		_ = p.IP("neigh flush all") // an empty table is no error worth reporting
	}
	_ = hostIP("neigh flush all")
}
