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

// patience is how long a control plane that answers nothing keeps its shared addresses. Real machines hold a
// lease of some seconds in etcd: one slow answer on a busy host is no reason to move a VIP, and every
// connection through it breaks when it moves. A machine without power or cable loses them at once.
const patience = 5 * time.Second

// startCaretaker moves shared addresses and the play of pods, and writes down that a machine switched itself off.
func (w *World) startCaretaker() (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(500 * time.Millisecond)
		defer tick.Stop()
		seen := map[string]time.Time{}
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			healthy := w.healthy(ctx)
			w.assignVIPs(lenient(healthy, seen, time.Now()))
			w.choosePlayers(ctx, healthy)
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

// healthy asks all control planes at once: a dead one must not hold up the others.
func (w *World) healthy(ctx context.Context) map[string]bool {
	out := map[string]bool{}
	var mu sync.Mutex
	var wg sync.WaitGroup
	for _, m := range w.Machines() {
		p := m.ControlPlane()
		if p == nil || !m.Port().Linked() {
			continue
		}
		wg.Add(1)
		go func() {
			defer wg.Done()
			ok := p.Healthy(ctx)
			mu.Lock()
			defer mu.Unlock()
			out[m.ID()] = ok
		}()
	}
	wg.Wait()
	return out
}

// lenient counts those as healthy that were so a moment ago; seen is when each one last was.
func lenient(healthy map[string]bool, seen map[string]time.Time, now time.Time) map[string]bool {
	out := map[string]bool{}
	for id, ok := range healthy {
		if ok {
			seen[id] = now
		}
		last, known := seen[id]
		out[id] = ok || known && now.Sub(last) < patience
	}
	for id := range seen { // no power, no cable, or gone: forgotten at once
		if _, asked := healthy[id]; !asked {
			delete(seen, id)
		}
	}
	return out
}

// assignVIPs gives each shared address to one healthy control plane that asks for it, and leaves it
// there while it stays healthy. Real machines agree on this through etcd.
func (w *World) assignVIPs(healthy map[string]bool) {
	wanted := map[netip.Addr][]*machine.Machine{}
	for _, m := range w.Machines() {
		if !healthy[m.ID()] {
			continue
		}
		for _, vip := range m.VIPs() {
			wanted[vip] = append(wanted[vip], m)
		}
	}
	held := map[netip.Addr]bool{}
	for _, m := range w.Machines() {
		for _, vip := range m.Port().Shared() {
			if !held[vip] && slices.Contains(wanted[vip], m) {
				held[vip] = true
			} else {
				w.hold(m, vip, false)
			}
		}
	}
	for vip, list := range wanted {
		if !held[vip] {
			w.hold(list[0], vip, true)
			w.forgetNeighbours()
		}
	}
}

func (w *World) hold(m *machine.Machine, vip netip.Addr, hold bool) {
	if err := m.Hold(vip, hold); err != nil {
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
