// Package world is all machines and what surrounds them: the bridge, the shared addresses, and what is
// written down so that a restart of the simulator is a loss of power and nothing worse.
package world

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"hearth/lab/talos/containers"
	"hearth/lab/talos/controlplane"
	"hearth/lab/talos/discovery"
	"hearth/lab/talos/faults"
	"hearth/lab/talos/hardware"
	"hearth/lab/talos/lan"
	"hearth/lab/talos/machine"
	"hearth/lab/talos/persist"
)

// Options say where a world lives.
type Options struct {
	Bridge, State, Bin, Factory string
	Containers                  containers.Table // programs for pods
	RebootTime, InstallTime     time.Duration
	Trace                       func(string)
}

// Errors that the control API tells apart.
var (
	ErrExists   = errors.New("exists already")
	ErrNotFound = errors.New("no such machine")
	ErrInvalid  = errors.New("invalid")
)

// World is the house.
type World struct {
	opts     Options
	env      *machine.Surroundings
	timeline *Timeline
	stop     func()

	mu       sync.Mutex
	machines map[string]*machine.Machine
	records  map[string]*record
	ports    int                        // numbers cables
	owners   map[string]string          // machine by VIP
	players  map[string]string          // machine by cluster
	alive    map[string]map[string]bool // Nodes in play, by cluster
}

// record is what is written down about a machine besides its disk.
type record struct {
	Spec   hardware.Spec  `json:"spec"`
	On     bool           `json:"on"`
	Cable  bool           `json:"cable"`
	Faults []faults.Fault `json:"faults"`
}

// New opens a world; machines that had power when it was last closed get it back.
func New(opts Options) (*World, error) {
	for _, program := range []string{"etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kwok"} {
		if _, err := os.Stat(filepath.Join(opts.Bin, program)); err != nil {
			return nil, fmt.Errorf("--bin %s: %w (it must hold etcd, kube-apiserver, kube-controller-manager, kube-scheduler and kwok)", opts.Bin, err)
		}
	}
	images, err := machine.NewImages(opts.Factory)
	if err != nil {
		return nil, err
	}
	w := &World{
		opts: opts, machines: map[string]*machine.Machine{}, records: map[string]*record{}, owners: map[string]string{},
		players: map[string]string{}, alive: map[string]map[string]bool{}, timeline: NewTimeline(),
	}
	w.env = &machine.Surroundings{
		Programs: controlplane.NewPrograms(opts.Bin), Discovery: discovery.New(), Images: images,
		RebootTime: opts.RebootTime, InstallTime: opts.InstallTime, Timeline: w.timeline.Add, Trace: opts.Trace,
		PlaysPods: w.playsPods, Containers: opts.Containers,
	}
	if err := w.restore(); err != nil {
		return nil, err
	}
	w.stop = w.startCaretaker()
	return w, nil
}

func (w *World) recordPath() string { return filepath.Join(w.opts.State, "world.json") }

func (w *World) machineDir(id string) string {
	return filepath.Join(w.opts.State, "machines", url.PathEscape(id))
}

func (w *World) restore() error {
	if err := persist.ReadJSON(w.recordPath(), &w.records); err != nil {
		return fmt.Errorf("--state %s: %w", w.opts.State, err)
	}
	for id, r := range w.records {
		m, err := w.build(r)
		if err != nil {
			return fmt.Errorf("machine %s: %w", id, err)
		}
		w.machines[id] = m
	}
	for id, r := range w.records {
		if !r.On {
			continue
		}
		if err := w.machines[id].PowerOn(); err != nil {
			return fmt.Errorf("machine %s: %w", id, err)
		}
	}
	return nil
}

func (w *World) build(r *record) (*machine.Machine, error) {
	w.ports++
	var cards []lan.Card
	for i, mac := range r.Spec.MACs {
		cards = append(cards, lan.Card{Name: r.Spec.Interfaces[i], MAC: mac})
	}
	port, err := lan.Plug(w.opts.Bridge, fmt.Sprintf("tm%d", w.ports), cards)
	if err != nil {
		return nil, err
	}
	m, err := machine.New(w.env, r.Spec, w.machineDir(r.Spec.ID), port, faults.NewSet(r.Faults))
	if err == nil && !r.Cable {
		err = m.Cable(false)
	}
	if err != nil {
		port.Unplug()
	}
	return m, err
}

// save writes the records down; the caller holds the lock.
func (w *World) save() error {
	for id, m := range w.machines {
		r := w.records[id]
		r.Spec, r.Cable, r.Faults = m.Spec(), m.Port().Linked(), m.Faults().List()
	}
	return persist.WriteJSON(w.recordPath(), w.records)
}

// Create builds a machine with a past, powered off.
func (w *World) Create(spec hardware.Spec, past hardware.Past) (*machine.Machine, error) {
	spec.Complete()
	if err := errors.Join(spec.Validate(), past.Validate(&spec)); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, r := range w.records {
		if clash := spec.Clashes(&r.Spec); clash != "" {
			return nil, fmt.Errorf("%w: %s", ErrExists, clash)
		}
	}
	// What a scrapped machine of this name left behind would be another machine's disk.
	if err := os.RemoveAll(w.machineDir(spec.ID)); err != nil {
		return nil, err
	}
	r := &record{Spec: spec, Cable: true}
	m, err := w.build(r)
	if err != nil {
		return nil, err
	}
	if err := m.Remember(past); err != nil {
		return nil, errors.Join(fmt.Errorf("%w: configuration: %w", ErrInvalid, err), m.Scrap())
	}
	w.records[spec.ID], w.machines[spec.ID] = r, m
	w.timeline.Add(spec.ID, "created")
	return m, w.save()
}

// Machine finds one.
func (w *World) Machine(id string) (*machine.Machine, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if m := w.machines[id]; m != nil {
		return m, nil
	}
	return nil, fmt.Errorf("%w: %q", ErrNotFound, id)
}

// Machines lists all, by ID.
func (w *World) Machines() []*machine.Machine {
	w.mu.Lock()
	defer w.mu.Unlock()
	out := make([]*machine.Machine, 0, len(w.machines))
	for _, m := range w.machines {
		out = append(out, m)
	}
	slices.SortFunc(out, func(a, b *machine.Machine) int { return strings.Compare(a.ID(), b.ID()) })
	return out
}

// Power switches a machine: on, off (nobody is asked) or reset.
func (w *World) Power(id, to string) error {
	m, err := w.Machine(id)
	if err != nil {
		return err
	}
	switch to {
	case "on":
		err = m.PowerOn()
	case "off":
		err = m.PowerOff()
	case "reset":
		if err = m.PowerOff(); err == nil {
			err = m.PowerOn()
		}
	default:
		return fmt.Errorf("%w: to: %q: must be on, off or reset", ErrInvalid, to)
	}
	if err != nil {
		return err
	}
	return w.Remember()
}

// Remember writes down what has changed.
func (w *World) Remember() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	for id, m := range w.machines {
		w.records[id].On = m.On()
	}
	return w.save()
}

// Delete pulls the power and throws the machine away.
func (w *World) Delete(id string) error {
	m, err := w.Machine(id)
	if err != nil {
		return err
	}
	if err := m.Scrap(); err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.machines, id)
	delete(w.records, id)
	w.timeline.Add(id, "deleted")
	return w.save()
}

// Close pulls every machine's power, as a restart of the simulator does.
func (w *World) Close() {
	w.stop()
	var wg sync.WaitGroup
	for _, m := range w.Machines() {
		wg.Add(1)
		go func() {
			defer wg.Done()
			if err := m.PowerOff(); err == nil {
				m.Port().Unplug()
			}
		}()
	}
	wg.Wait()
}
