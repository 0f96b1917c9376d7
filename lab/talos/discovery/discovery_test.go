package discovery

import (
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/siderolabs/talos/pkg/machinery/config/machine"
)

func TestMachinesOfOneClusterSeeEachOtherAndNoOthers(t *testing.T) {
	s := New()
	addr := func(text string) []netip.Addr { return []netip.Addr{netip.MustParseAddr(text)} }
	s.Announce("a", Affiliate{NodeID: "1", Hostname: "cp1", MachineType: machine.TypeControlPlane, Addresses: addr("10.0.1.1")})
	s.Announce("a", Affiliate{NodeID: "2", Hostname: "cp2", MachineType: machine.TypeControlPlane, Addresses: addr("10.0.1.2")})
	s.Announce("a", Affiliate{NodeID: "3", Hostname: "w1", MachineType: machine.TypeWorker, Addresses: addr("10.0.2.1")})
	s.Announce("b", Affiliate{NodeID: "4", Hostname: "other", MachineType: machine.TypeControlPlane, Addresses: addr("10.0.9.9")})
	if got := s.ControlPlanes("a", "1"); len(got) != 1 || got[0].String() != "10.0.1.2" {
		t.Fatalf("got %v", got)
	}
	s.Leave("a", "2")
	if got := s.Members("a"); len(got) != 2 || got[0].Hostname != "cp1" {
		t.Fatalf("got %v", got)
	}
}

func TestWatchersHearOfEveryChangeUntilTheyStop(t *testing.T) {
	s := New()
	var heard atomic.Int32
	stop := s.Watch("a", func() { heard.Add(1) })
	var wg sync.WaitGroup
	for range 20 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			s.Announce("a", Affiliate{NodeID: "1"})
		}()
	}
	wg.Wait()
	stop()
	s.Announce("a", Affiliate{NodeID: "1"})
	if heard.Load() != 20 {
		t.Fatalf("heard %d", heard.Load())
	}
}
