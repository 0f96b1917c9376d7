// Package netplan reads from a machine configuration which addresses, names and shared addresses a
// machine takes, by the rules of Talos' network controllers. It is pure: it changes no interface.
// All links of a machine are one to it, so VLANs and bonds fall together (see the README).
package netplan

import (
	"crypto/sha256"
	"math/big"
	"net/netip"
	"slices"
	"strings"

	"github.com/siderolabs/net"
	"github.com/siderolabs/talos/pkg/machinery/config/config"
	"github.com/siderolabs/talos/pkg/machinery/nethelpers"

	"hearth/lab/talos/hardware"
)

// Plan is what a machine's cards get.
type Plan struct {
	Addresses []netip.Prefix
	Gateways  []netip.Addr
}

// For merges a configuration with what the first boot finds. Configured addresses replace those of
// the cloud-init drive or DHCP; configured gateways replace theirs. cfg may be nil.
func For(cfg config.Config, spec *hardware.Spec) Plan {
	p := Plan{}
	if cfg != nil {
		for _, l := range cfg.NetworkCommonLinkConfigs() {
			p.addLink(l)
		}
		p.addLegacy(cfg)
	}
	if len(p.Addresses) == 0 {
		p.Addresses = spec.Prefixes()
	}
	if len(p.Gateways) == 0 {
		p.Gateways = spec.GatewayAddrs()
	}
	return p
}

func (p *Plan) addLink(l config.NetworkCommonLinkConfig) {
	for _, a := range l.Addresses() {
		p.addAddress(a.Address())
	}
	for _, r := range l.Routes() {
		if dst, ok := r.Destination().Get(); ok && dst.IsValid() && dst.Bits() != 0 {
			continue
		}
		if gw, ok := r.Gateway().Get(); ok {
			p.addGateway(gw)
		}
	}
}

// addLegacy reads the deprecated .machine.network.interfaces.
func (p *Plan) addLegacy(cfg config.Config) {
	if cfg.Machine() == nil || cfg.Machine().Network() == nil {
		return
	}
	for _, d := range cfg.Machine().Network().Devices() {
		p.addLegacyAddresses(d.Addresses())
		p.addLegacyRoutes(d.Routes())
		for _, v := range d.Vlans() {
			p.addLegacyAddresses(v.Addresses())
			p.addLegacyRoutes(v.Routes())
		}
	}
}

func (p *Plan) addLegacyAddresses(list []string) {
	for _, a := range list {
		if x, err := netip.ParsePrefix(a); err == nil {
			p.addAddress(x)
		} else if x, err := netip.ParseAddr(a); err == nil {
			p.addAddress(netip.PrefixFrom(x, x.BitLen()))
		}
	}
}

func (p *Plan) addLegacyRoutes(list []config.Route) {
	for _, r := range list {
		dst := r.Network()
		if dst != "" && dst != "0.0.0.0/0" && dst != "::/0" {
			continue
		}
		if gw, err := netip.ParseAddr(r.Gateway()); err == nil {
			p.addGateway(gw)
		}
	}
}

func (p *Plan) addAddress(a netip.Prefix) {
	if a.IsValid() && !slices.Contains(p.Addresses, a) {
		p.Addresses = append(p.Addresses, a)
	}
}

func (p *Plan) addGateway(g netip.Addr) {
	if g.IsValid() && !slices.Contains(p.Gateways, g) {
		p.Gateways = append(p.Gateways, g)
	}
}

// VIPs are the shared addresses that the configuration asks for, in either form.
func VIPs(cfg config.Config) []netip.Addr {
	var out []netip.Addr
	add := func(s string) {
		if a, err := netip.ParseAddr(s); err == nil && !slices.Contains(out, a) {
			out = append(out, a)
		}
	}
	for _, v := range cfg.NetworkVirtualIPConfigs() {
		add(v.VIP().String())
	}
	if cfg.Machine() == nil || cfg.Machine().Network() == nil {
		return out
	}
	for _, d := range cfg.Machine().Network().Devices() {
		if d.VIPConfig() != nil {
			add(d.VIPConfig().IP())
		}
		for _, v := range d.Vlans() {
			if v.VIPConfig() != nil {
				add(v.VIPConfig().IP())
			}
		}
	}
	return out
}

// excluded are subnets that never give a node or etcd address: VIPs, and pods' and services' nets.
func excluded(cfg config.Config) []string {
	var out []string
	for _, v := range VIPs(cfg) {
		out = append(out, "!"+v.String())
	}
	return out
}

// routed are the addresses that Talos' NoK8s filter leaves, sorted as its v1 algorithm sorts.
func routed(cfg config.Config, have []netip.Prefix) []netip.Addr {
	var cidrs []netip.Prefix
	if cl := cfg.Cluster(); cl != nil && cl.Network() != nil {
		for _, c := range slices.Concat(cl.Network().PodCIDRs(), cl.Network().ServiceCIDRs()) {
			if p, err := netip.ParsePrefix(c); err == nil {
				cidrs = append(cidrs, p)
			}
		}
	}
	var out []netip.Addr
	for _, h := range have {
		if !slices.ContainsFunc(cidrs, func(c netip.Prefix) bool { return c.Contains(h.Addr()) }) {
			out = append(out, h.Addr())
		}
	}
	slices.SortFunc(out, netip.Addr.Compare)
	return out
}

// NodeIPs are the addresses a kubelet registers: at most one of each family, by the configured valid
// subnets (default: the families of the service networks, in their order), never a VIP.
func NodeIPs(cfg config.Config, have []netip.Prefix) ([]netip.Addr, error) {
	valid := cfg.Machine().Kubelet().NodeIP().ValidSubnets()
	if len(valid) == 0 {
		for _, c := range cfg.Cluster().Network().ServiceCIDRs() {
			if p, err := netip.ParsePrefix(c); err == nil && p.Addr().Is6() {
				valid = append(valid, "::/0")
			} else {
				valid = append(valid, "0.0.0.0/0")
			}
		}
	}
	ips, err := net.FilterIPs(routed(cfg, have), slices.Concat(valid, excluded(cfg)))
	if err != nil {
		return nil, err
	}
	var out []netip.Addr
	var has4, has6 bool
	for _, ip := range ips {
		if ip.Is4() && !has4 {
			out, has4 = append(out, ip), true
		} else if ip.Is6() && !has6 {
			out, has6 = append(out, ip), true
		}
	}
	return out, nil
}

// EtcdAddresses are those an etcd member advertises: the first routed one, or all in the advertised
// subnets.
func EtcdAddresses(cfg config.Config, have []netip.Prefix) ([]netip.Addr, error) {
	valid := cfg.Cluster().Etcd().AdvertisedSubnets()
	if len(valid) == 0 {
		ips, err := net.FilterIPs(routed(cfg, have), append([]string{"0.0.0.0/0", "::/0"}, excluded(cfg)...))
		return ips[:min(1, len(ips))], err
	}
	return net.FilterIPs(routed(cfg, have), slices.Concat(valid, excluded(cfg)))
}

// Hostname is the configured name, else the platform's (cloud-init, DHCP), else Talos' own.
func Hostname(cfg config.Config, spec *hardware.Spec, nodeID string, addrs []netip.Prefix) string {
	var h config.NetworkHostnameConfig
	if cfg != nil {
		h = cfg.NetworkHostnameConfig()
	}
	if h != nil && h.Hostname() != "" {
		return shortName(h.Hostname())
	}
	if spec.Hostname != "" {
		return shortName(spec.Hostname)
	}
	if h != nil && h.AutoHostname() == nethelpers.AutoHostnameKindAddr && len(addrs) > 0 {
		return "talos-" + strings.NewReplacer(":", "", ".", "-").Replace(addrs[0].Addr().String())
	}
	return stableName(nodeID)
}

func shortName(fqdn string) string {
	name, _, _ := strings.Cut(fqdn, ".")
	return strings.ToLower(name)
}

// stableName is Talos' default: a piece of the node identity's hash, in base 36.
func stableName(nodeID string) string {
	sum := sha256.Sum256([]byte(nodeID))
	text := new(big.Int).SetBytes(sum[:8]).Text(36)
	text = strings.Repeat("0", max(0, 7-len(text))) + text
	return "talos-" + text[1:4] + "-" + text[4:7]
}
