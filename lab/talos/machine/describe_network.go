package machine

import (
	"net/netip"
	"slices"

	"github.com/siderolabs/talos/pkg/machinery/nethelpers"
	"github.com/siderolabs/talos/pkg/machinery/resources/network"
)

// firstIndex is the first card's number: 1 is the loopback.
const firstIndex = 2

// describeNetwork shows cards, addresses, routes and names.
func (b *boot) describeNetwork() {
	b.showing.Lock()
	defer b.showing.Unlock()
	b.describeLinks()
	b.describeAddresses()
	b.describeRoutes()
	name := b.hostname()
	h := network.NewHostnameStatus(network.NamespaceName, network.HostnameID)
	h.TypedSpec().Hostname = name
	if name == "" {
		b.drop(h.Metadata())
	} else {
		b.put(h)
	}
	st := network.NewStatus(network.NamespaceName, network.StatusID)
	st.TypedSpec().AddressReady, st.TypedSpec().ConnectivityReady = len(b.addresses()) > 0, true
	st.TypedSpec().HostnameReady, st.TypedSpec().EtcFilesReady = name != "", true
	b.put(st)
}

// describeLinks shows the cards by their names.
func (b *boot) describeLinks() {
	linked := b.m.port.Linked()
	for i, name := range b.spec.Interfaces {
		l := network.NewLinkStatus(network.NamespaceName, name)
		s := l.TypedSpec()
		s.Index, s.Type, s.MTU, s.LinkState, s.OperationalState = b.index(name), nethelpers.LinkEther, 1500, linked, nethelpers.OperStateDown
		if linked {
			s.OperationalState = nethelpers.OperStateUp
		}
		_ = s.HardwareAddr.UnmarshalText([]byte(b.spec.MACs[i])) // Validate has seen it
		s.PermanentAddr = s.HardwareAddr
		b.put(l)
	}
	if len(b.spec.Interfaces) == 0 {
		return
	}
	// The first by its name, as Talos lists them.
	first := slices.Min(b.spec.Interfaces)
	a := network.NewHardwareAddr(network.NamespaceName, network.FirstHardwareAddr)
	a.TypedSpec().Name = first
	_ = a.TypedSpec().HardwareAddr.UnmarshalText([]byte(b.spec.MACs[slices.Index(b.spec.Interfaces, first)]))
	b.put(a)
}

func (b *boot) index(link string) uint32 {
	return uint32(slices.Index(b.spec.Interfaces, link) + firstIndex)
}

// describeAddresses shows what the cards have, VIPs included.
func (b *boot) describeAddresses() {
	addrs := b.addresses()
	for _, id := range []string{
		network.NodeAddressDefaultID, network.NodeAddressCurrentID, network.NodeAddressRoutedID, network.NodeAddressAccumulativeID,
	} {
		a := network.NewNodeAddress(network.NamespaceName, id)
		a.TypedSpec().Addresses = addrs
		if id == network.NodeAddressDefaultID {
			a.TypedSpec().Addresses = addrs[:min(1, len(addrs))]
		}
		b.put(a)
	}
	wanted := map[string]bool{}
	show := func(link string, p netip.Prefix) {
		a := network.NewAddressStatus(network.NamespaceName, network.AddressID(link, p))
		s := a.TypedSpec()
		s.Address, s.LinkName, s.LinkIndex, s.Family = p, link, b.index(link), family(p.Addr())
		b.put(a)
		wanted[a.Metadata().ID()] = true
	}
	for _, l := range b.m.port.Links() {
		for _, p := range l.Addresses {
			show(l.Name, p)
		}
	}
	for _, v := range b.m.port.Shared() {
		show(b.m.port.On(v), netip.PrefixFrom(v, v.BitLen()))
	}
	only[*network.AddressStatus](b, wanted)
}

// describeRoutes shows the default routes.
func (b *boot) describeRoutes() {
	wanted := map[string]bool{}
	for _, l := range b.m.port.Links() {
		for _, g := range l.Gateways {
			id := network.RouteID(nethelpers.TableMain, family(g), netip.Prefix{}, g, network.DefaultRouteMetric, l.Name)
			r := network.NewRouteStatus(network.NamespaceName, id)
			s := r.TypedSpec()
			s.Family, s.Gateway, s.OutLinkName, s.OutLinkIndex = family(g), g, l.Name, b.index(l.Name)
			s.Table, s.Priority, s.Type = nethelpers.TableMain, network.DefaultRouteMetric, nethelpers.TypeUnicast
			s.Scope, s.Protocol = nethelpers.ScopeGlobal, nethelpers.ProtocolStatic
			b.put(r)
			wanted[id] = true
		}
	}
	only[*network.RouteStatus](b, wanted)
}

func family(a netip.Addr) nethelpers.Family {
	if a.Is6() {
		return nethelpers.FamilyInet6
	}
	return nethelpers.FamilyInet4
}
