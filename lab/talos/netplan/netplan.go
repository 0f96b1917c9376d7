// Package netplan reads from a machine configuration which addresses, names and shared addresses a
// machine's cards take, by the rules of Talos' network controllers. It is pure: it changes no interface.
// VLANs, bonds and bridges are their cards to it (see the README).
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

// VIPs are the shared addresses that the configuration asks for, in either form, on any link.
func VIPs(cfg config.Config) []netip.Addr {
	var out []netip.Addr
	for _, v := range vips(cfg) {
		if !slices.Contains(out, v.Address) {
			out = append(out, v.Address)
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

// Hostname is the configured name, else the platform's (cloud-init, DHCP), else Talos' own. A machine
// without a configuration has no name of its own.
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
	if cfg == nil || cfg.Machine() == nil {
		return "" // the identity that a name is made of lies on STATE, which nobody has made
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
