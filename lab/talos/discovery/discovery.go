// Package discovery stands for the cluster discovery service on the internet: machines of one
// cluster announce themselves there and read about each other. In one process, so it is reachable
// even from a machine whose cable is pulled; it keeps what was announced until a machine is reset.
package discovery

import (
	"net/netip"
	"slices"
	"strings"
	"sync"

	"github.com/siderolabs/talos/pkg/machinery/config/machine"
)

// Affiliate is what a machine tells about itself.
type Affiliate struct {
	NodeID          string
	Hostname        string
	Nodename        string
	MachineType     machine.Type
	Addresses       []netip.Addr
	OperatingSystem string
	APIPort         int // of the Kubernetes API, control planes only
}

// Service keeps affiliates by cluster.
type Service struct {
	mu       sync.Mutex
	clusters map[string]map[string]Affiliate
	watchers map[string]map[int]func()
	next     int
}

// New makes an empty service.
func New() *Service {
	return &Service{clusters: map[string]map[string]Affiliate{}, watchers: map[string]map[int]func(){}}
}

// Announce adds or replaces a machine.
func (s *Service) Announce(cluster string, a Affiliate) {
	s.mu.Lock()
	if s.clusters[cluster] == nil {
		s.clusters[cluster] = map[string]Affiliate{}
	}
	s.clusters[cluster][a.NodeID] = a
	s.mu.Unlock()
	s.tell(cluster)
}

// Leave removes a machine: it was reset, or it is no more.
func (s *Service) Leave(cluster, nodeID string) {
	s.mu.Lock()
	delete(s.clusters[cluster], nodeID)
	s.mu.Unlock()
	s.tell(cluster)
}

// Members lists a cluster's machines by name.
func (s *Service) Members(cluster string) []Affiliate {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([]Affiliate, 0, len(s.clusters[cluster]))
	for _, a := range s.clusters[cluster] {
		out = append(out, a)
	}
	slices.SortFunc(out, func(a, b Affiliate) int { return strings.Compare(a.Hostname+a.NodeID, b.Hostname+b.NodeID) })
	return out
}

// ControlPlanes are the addresses of all control planes but one's own.
func (s *Service) ControlPlanes(cluster, butNodeID string) []netip.Addr {
	var out []netip.Addr
	for _, a := range s.Members(cluster) {
		if a.MachineType.IsControlPlane() && a.NodeID != butNodeID {
			out = append(out, a.Addresses...)
		}
	}
	return out
}

// Watch calls f after every change of a cluster, until stop.
func (s *Service) Watch(cluster string, f func()) (stop func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.next++
	id := s.next
	if s.watchers[cluster] == nil {
		s.watchers[cluster] = map[int]func(){}
	}
	s.watchers[cluster][id] = f
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.watchers[cluster], id)
	}
}

func (s *Service) tell(cluster string) {
	s.mu.Lock()
	var all []func()
	for _, f := range s.watchers[cluster] {
		all = append(all, f)
	}
	s.mu.Unlock()
	for _, f := range all {
		f()
	}
}
