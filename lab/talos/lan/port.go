package lan

import (
	"fmt"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync"
)

// Card is a network card as the machine inside names it.
type Card struct{ Name, MAC string }

// Link is what a card is given.
type Link struct {
	Name      string
	Addresses []netip.Prefix
	Gateways  []netip.Addr
}

// Port is a machine's network cards and their cables.
type Port struct {
	*Namespace
	bridge string
	cards  []Card
	veths  []string

	mu      sync.Mutex
	powered bool
	cable   bool
	set     []Link
	shared  []held
}

// held is a VIP that the machine has now.
type held struct {
	address netip.Addr
	link    string
}

// Plug makes a namespace with these cards, each with a cable into the bridge. Without power there is no
// carrier yet. name is unique in this process and short (interface names end at 15 bytes).
func Plug(bridge, name string, cards []Card) (*Port, error) {
	ns, err := NewNamespace()
	if err != nil {
		return nil, err
	}
	p := &Port{Namespace: ns, bridge: bridge, cards: cards, cable: true}
	for i, c := range cards {
		v := fmt.Sprintf("%s-%d", name, i)
		_ = hostIP("link del " + v) // a killed simulator's, which the kernel may not have cleared away yet
		err := hostIP(fmt.Sprintf("link add %s type veth peer name %s address %s netns /proc/%d/fd/%d",
			v, c.Name, strings.ToLower(c.MAC), os.Getpid(), ns.fd))
		if err == nil {
			p.veths = append(p.veths, v)
			err = hostIP(fmt.Sprintf("link set %s master %s", v, bridge))
		}
		if err != nil {
			p.Unplug()
			return nil, fmt.Errorf("plug %s (%s) into %s: %w", c.Name, c.MAC, bridge, err)
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
		var lines []string
		for _, c := range p.cards {
			lines = append(lines, "addr flush dev "+c.Name, "link set "+c.Name+" down") // takes the routes of both families with it
		}
		if err := p.IP(lines...); err != nil {
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

// Configure gives the cards exactly these addresses, keeping VIPs, and default routes.
func (p *Port) Configure(links []Link) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	var lines []string
	for _, l := range p.set {
		now := find(links, l.Name)
		lines = append(lines, without("route del default via %s dev "+l.Name, l.Gateways, now.Gateways)...)
		lines = append(lines, without("addr del %s dev "+l.Name, l.Addresses, now.Addresses)...)
	}
	for _, c := range p.cards {
		lines = append(lines, "link set "+c.Name+" up")
	}
	for _, l := range links {
		for _, a := range l.Addresses {
			if !slices.Contains(find(p.set, l.Name).Addresses, a) {
				lines = append(lines, addLine(a, l.Name))
			}
		}
		for _, g := range l.Gateways { // a card that lost its last address has lost its routes too
			lines = append(lines, fmt.Sprintf("route replace default via %s dev %s onlink", g, l.Name))
		}
	}
	p.set = slices.Clone(links)
	return p.IP(lines...)
}

func find(links []Link, name string) Link {
	if i := slices.IndexFunc(links, func(l Link) bool { return l.Name == name }); i >= 0 {
		return links[i]
	}
	return Link{}
}

// without writes a line for everything that was there and is not wanted any more.
func without[T comparable](line string, was, now []T) []string {
	var out []string
	for _, x := range was {
		if !slices.Contains(now, x) {
			out = append(out, fmt.Sprintf(line, x))
		}
	}
	return out
}

// addLine: duplicate address detection would hold an IPv6 address back for a second.
func addLine(a netip.Prefix, card string) string {
	line := fmt.Sprintf("addr add %s dev %s", a, card)
	if a.Addr().Is6() {
		line += " nodad"
	}
	return line
}

// Links are the cards with what is configured, without VIPs.
func (p *Port) Links() []Link {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.set)
}

// Addresses are those configured, without VIPs.
func (p *Port) Addresses() []netip.Prefix {
	var out []netip.Prefix
	for _, l := range p.Links() {
		out = append(out, l.Addresses...)
	}
	return out
}

// Shared are the VIPs held now.
func (p *Port) Shared() []netip.Addr {
	p.mu.Lock()
	defer p.mu.Unlock()
	var out []netip.Addr
	for _, h := range p.shared {
		out = append(out, h.address)
	}
	return out
}

// On is the card that a VIP is held on.
func (p *Port) On(vip netip.Addr) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, h := range p.shared {
		if h.address == vip {
			return h.link
		}
	}
	return ""
}

// Hold takes a VIP onto a card.
func (p *Port) Hold(vip netip.Addr, card string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if slices.ContainsFunc(p.shared, func(h held) bool { return h.address == vip }) {
		return nil
	}
	p.shared = append(p.shared, held{vip, card})
	return p.IP(addLine(netip.PrefixFrom(vip, vip.BitLen()), card))
}

// Release gives a VIP up, if it is held.
func (p *Port) Release(vip netip.Addr) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i, h := range p.shared {
		if h.address == vip {
			p.shared = slices.Delete(p.shared, i, i+1)
			return p.IP(fmt.Sprintf("addr del %s dev %s", netip.PrefixFrom(vip, vip.BitLen()), h.link))
		}
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
