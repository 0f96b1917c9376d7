package netplan

import (
	"net/netip"
	"path"
	"slices"
	"strings"

	"github.com/siderolabs/talos/pkg/machinery/config/config"

	"hearth/lab/talos/hardware"
)

// Link is what one card gets.
type Link struct {
	Name      string
	Addresses []netip.Prefix
	Gateways  []netip.Addr
}

// Plan is what a machine's cards get, in their order.
type Plan []Link

// Addresses are all of them.
func (p Plan) Addresses() []netip.Prefix {
	var out []netip.Prefix
	for _, l := range p {
		out = append(out, l.Addresses...)
	}
	return out
}

// For says what each card gets: what the configuration says, and what DHCP or the cloud-init drive gives
// to the first card. DHCP runs, as in Talos, where it is asked for, and on cards that nothing is said
// about; one document about any link, even about one that does not exist, ends that for all cards. The
// addresses of a cloud-init drive stay until there are configured ones. cfg may be nil.
func For(cfg config.Config, spec *hardware.Spec) Plan {
	p := make(Plan, len(spec.Interfaces))
	for i, name := range spec.Interfaces {
		p[i].Name = name
	}
	if len(p) == 0 {
		return p
	}
	lease := true
	if cfg != nil {
		p.documents(cfg)
		p.devices(cfg, spec)
		if spec.Platform == hardware.PlatformMetal {
			lease = dhcp(cfg, spec)
		} else {
			lease = len(p[0].Addresses) == 0
		}
	}
	if lease {
		p[0].Addresses = append(p[0].Addresses, spec.Prefixes()...)
	}
	if lease || spec.Platform != hardware.PlatformMetal && len(p[0].Gateways) == 0 {
		p[0].Gateways = append(p[0].Gateways, spec.GatewayAddrs()...)
	}
	return p
}

// documents reads LinkConfig and its kind. A link that the machine does not have configures nothing.
func (p Plan) documents(cfg config.Config) {
	for _, l := range cfg.NetworkCommonLinkConfigs() {
		card := p.card(cfg, l.Name())
		if card == nil {
			continue
		}
		for _, a := range l.Addresses() {
			card.address(a.Address())
		}
		for _, r := range l.Routes() {
			if dst, ok := r.Destination().Get(); ok && dst.IsValid() && dst.Bits() != 0 {
				continue
			}
			if gw, ok := r.Gateway().Get(); ok {
				card.gateway(gw)
			}
		}
	}
}

// card is the one behind a link's name: itself, or what a VLAN, bond or bridge lies on.
func (p Plan) card(cfg config.Config, name string) *Link {
	for depth := 0; depth < 4; depth++ { // links that lie on themselves end here
		if i := slices.IndexFunc(p, func(l Link) bool { return l.Name == name }); i >= 0 {
			return &p[i]
		}
		below := p.below(cfg, name)
		if below == "" {
			return nil
		}
		name = below
	}
	return nil
}

func (p Plan) below(cfg config.Config, name string) string {
	for _, l := range cfg.NetworkCommonLinkConfigs() {
		if l.Name() != name {
			continue
		}
		switch on := l.(type) {
		case config.NetworkVLANConfig:
			return on.ParentLink()
		case interface{ Links() []string }: // bonds and bridges
			for _, member := range on.Links() {
				if p.card(cfg, member) != nil {
					return member
				}
			}
		}
	}
	return ""
}

// devices reads the deprecated .machine.network.interfaces.
func (p Plan) devices(cfg config.Config, spec *hardware.Spec) {
	for _, d := range devices(cfg) {
		for _, i := range cards(d, spec) {
			if d.Ignore() {
				continue
			}
			p[i].legacy(d.Addresses(), d.Routes())
			for _, v := range d.Vlans() {
				p[i].legacy(v.Addresses(), v.Routes())
			}
		}
	}
}

func devices(cfg config.Config) []config.Device {
	if cfg.Machine() == nil || cfg.Machine().Network() == nil {
		return nil
	}
	return cfg.Machine().Network().Devices()
}

// cards are the numbers of those that a device of the configuration means: by name, or by selector, of
// which the hardware address and `physical` are known here.
func cards(d config.Device, spec *hardware.Spec) []int {
	var out []int
	for i, name := range spec.Interfaces {
		switch s := d.Selector(); {
		case d.Interface() != "":
			if d.Interface() == name || d.Bond() != nil && slices.Contains(d.Bond().Interfaces(), name) && len(out) == 0 {
				out = append(out, i)
			}
		case s == nil || s.Bus() != "" || s.PCIID() != "" || s.KernelDriver() != "" || s.Physical() != nil && !*s.Physical():
		case glob(s.HardwareAddress(), spec.MACs[i]) && glob(s.PermanentAddress(), spec.MACs[i]):
			out = append(out, i)
		}
	}
	return out
}

func glob(pattern, mac string) bool {
	ok, err := path.Match(strings.ToLower(pattern), strings.ToLower(mac))
	return pattern == "" || ok && err == nil
}

// dhcp tells whether the first card asks for a lease.
func dhcp(cfg config.Config, spec *hardware.Spec) bool {
	first := spec.Interfaces[0]
	for _, d := range cfg.NetworkDHCPv4Configs() {
		if d.Name() == first {
			return true
		}
	}
	for _, d := range cfg.NetworkDHCPv6Configs() {
		if d.Name() == first {
			return true
		}
	}
	lease := cfg.RunDefaultDHCPOperators()
	for _, d := range devices(cfg) {
		if slices.Contains(cards(d, spec), 0) {
			return d.DHCP() && !d.Ignore()
		}
	}
	return lease
}

func (l *Link) legacy(addresses []string, routes []config.Route) {
	for _, a := range addresses {
		if x, err := netip.ParsePrefix(a); err == nil {
			l.address(x)
		} else if x, err := netip.ParseAddr(a); err == nil {
			l.address(netip.PrefixFrom(x, x.BitLen()))
		}
	}
	for _, r := range routes {
		dst := r.Network()
		if dst != "" && dst != "0.0.0.0/0" && dst != "::/0" {
			continue
		}
		if gw, err := netip.ParseAddr(r.Gateway()); err == nil {
			l.gateway(gw)
		}
	}
}

func (l *Link) address(a netip.Prefix) {
	if a.IsValid() && !slices.Contains(l.Addresses, a) {
		l.Addresses = append(l.Addresses, a)
	}
}

func (l *Link) gateway(g netip.Addr) {
	if g.IsValid() && !slices.Contains(l.Gateways, g) {
		l.Gateways = append(l.Gateways, g)
	}
}

// VIP is a shared address and the card that may hold it.
type VIP struct {
	Address netip.Addr
	Link    string
}

// Shared are the shared addresses that this machine can hold: those on a card that it has.
func Shared(cfg config.Config, spec *hardware.Spec) []VIP {
	p := make(Plan, len(spec.Interfaces))
	for i, name := range spec.Interfaces {
		p[i].Name = name
	}
	var out []VIP
	for _, v := range vips(cfg) {
		card := p.card(cfg, v.Link)
		if card == nil {
			for _, d := range devices(cfg) {
				if on := cards(d, spec); len(on) > 0 && d.Interface() == v.Link {
					card = &p[on[0]]
				}
			}
		}
		if card != nil && !slices.ContainsFunc(out, func(x VIP) bool { return x.Address == v.Address }) {
			out = append(out, VIP{v.Address, card.Name})
		}
	}
	return out
}

// vips are all that the configuration asks for; Link is as it is written there.
func vips(cfg config.Config) []VIP {
	var out []VIP
	for _, v := range cfg.NetworkVirtualIPConfigs() {
		out = append(out, VIP{v.VIP(), v.Link()})
	}
	add := func(c config.VIPConfig, link string) {
		if c == nil {
			return
		}
		if a, err := netip.ParseAddr(c.IP()); err == nil {
			out = append(out, VIP{a, link})
		}
	}
	for _, d := range devices(cfg) {
		add(d.VIPConfig(), d.Interface())
		for _, v := range d.Vlans() {
			add(v.VIPConfig(), d.Interface())
		}
	}
	return out
}
