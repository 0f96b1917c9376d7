package world

import (
	"context"
	"net/netip"
	"slices"
	"sync"
	"time"

	"hearth/lab/talos/lan"
	"hearth/lab/talos/machine"
)

// startCaretaker moves shared addresses, and writes down that a machine switched itself off.
func (w *World) startCaretaker() (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(500 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			w.assignVIPs(ctx)
			w.noticePower()
		}
	}()
	return func() { cancel(); <-done }
}

func (w *World) noticePower() {
	w.mu.Lock()
	defer w.mu.Unlock()
	changed := false
	for id, m := range w.machines {
		if on := m.On(); w.records[id].On != on {
			w.records[id].On, changed = on, true
		}
	}
	if changed {
		_ = w.save() // tried again at the next change; the disk being full shows elsewhere
	}
}

// candidate is a machine that wants a shared address, and whether it may have it now.
type candidate struct {
	m       *machine.Machine
	healthy bool
}

// assignVIPs gives each shared address to one healthy control plane that asks for it, and leaves it
// there while it stays healthy. Real machines agree on this through etcd.
func (w *World) assignVIPs(ctx context.Context) {
	wanted := w.candidates(ctx)
	held := map[netip.Addr]*machine.Machine{}
	for _, m := range w.Machines() {
		for _, vip := range m.Port().Shared() {
			c := wanted[vip]
			i := slices.IndexFunc(c, func(x candidate) bool { return x.m == m && x.healthy })
			if i >= 0 && held[vip] == nil {
				held[vip] = m
				continue
			}
			w.hold(m, vip, false)
		}
	}
	for vip, list := range wanted {
		if held[vip] != nil {
			continue
		}
		if i := slices.IndexFunc(list, func(x candidate) bool { return x.healthy }); i >= 0 {
			w.hold(list[i].m, vip, true)
			w.forgetNeighbours()
		}
	}
}

// candidates asks all control planes at once: a dead one must not hold up the others.
func (w *World) candidates(ctx context.Context) map[netip.Addr][]candidate {
	out := map[netip.Addr][]candidate{}
	var mu sync.Mutex
	var wg sync.WaitGroup
	for _, m := range w.Machines() {
		vips := m.VIPs()
		if len(vips) == 0 {
			continue
		}
		wg.Add(1)
		go func() {
			defer wg.Done()
			p := m.ControlPlane()
			healthy := m.Port().Linked() && p != nil && p.Healthy(ctx)
			mu.Lock()
			defer mu.Unlock()
			for _, v := range vips {
				out[v] = append(out[v], candidate{m, healthy})
			}
		}()
	}
	wg.Wait()
	for _, list := range out {
		slices.SortFunc(list, func(a, b candidate) int {
			if a.m.ID() < b.m.ID() {
				return -1
			}
			return 1
		})
	}
	return out
}

func (w *World) hold(m *machine.Machine, vip netip.Addr, hold bool) {
	if err := m.Port().Hold(vip, hold); err != nil {
		w.timeline.Add(m.ID(), "VIP "+vip.String()+": "+err.Error())
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if hold {
		w.owners[vip.String()] = m.ID()
		w.timeline.Add(m.ID(), "holds VIP "+vip.String())
		return
	}
	delete(w.owners, vip.String())
	w.timeline.Add(m.ID(), "gives up VIP "+vip.String())
}

func (w *World) forgetNeighbours() {
	var ports []*lan.Port
	for _, m := range w.Machines() {
		ports = append(ports, m.Port())
	}
	lan.ForgetNeighbours(ports)
}

// VIPs are the shared addresses and the machines that hold them.
func (w *World) VIPs() map[string]string {
	w.mu.Lock()
	defer w.mu.Unlock()
	out := map[string]string{}
	for vip, id := range w.owners {
		if m := w.machines[id]; m != nil && slices.Contains(m.Port().Shared(), netip.MustParseAddr(vip)) {
			out[vip] = id
		}
	}
	return out
}
