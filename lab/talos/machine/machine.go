// Package machine is one simulated Talos machine: power, boots, maintenance mode, installation, the
// machine API and the sequences behind it. It knows its own cable and disk, and of other machines only
// what real ones know: addresses in the configuration and the discovery service.
package machine

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/netip"
	"os"
	"path/filepath"
	"sync"
	"time"

	"hearth/lab/talos/containers"
	"hearth/lab/talos/controlplane"
	"hearth/lab/talos/discovery"
	"hearth/lab/talos/faults"
	"hearth/lab/talos/hardware"
	"hearth/lab/talos/lan"
	"hearth/lab/talos/netplan"
	"hearth/lab/talos/storage"
)

// Surroundings are what machines of one world share.
type Surroundings struct {
	Programs                *controlplane.Programs
	Discovery               *discovery.Service
	Images                  *Images
	RebootTime, InstallTime time.Duration
	// Containers are the images that a program stands for.
	Containers containers.Table
	// PlaysPods tells whether a machine is the one whose kwok plays its cluster's pods.
	PlaysPods func(machine string) bool
	// Timeline hears of everything worth a line in GET /events.
	Timeline func(machine, event string)
	// Trace hears of every call; it may be nil.
	Trace func(line string)
}

// Machine is one box, on or off.
type Machine struct {
	env    *Surroundings
	dir    string
	port   *lan.Port
	log    *log.Logger
	faults *faults.Set

	mu   sync.Mutex
	spec hardware.Spec
	disk disk
	cur  *boot
	on   bool
	stop context.CancelFunc
	done chan struct{}
}

// New makes a machine that is off, with what is on its disk from earlier.
func New(env *Surroundings, spec hardware.Spec, dir string, port *lan.Port, set *faults.Set) (*Machine, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	m := &Machine{
		env: env, dir: dir, port: port, spec: spec, faults: set,
		log: log.New(os.Stderr, spec.ID+" ", log.Ltime|log.Lmicroseconds|log.Lmsgprefix),
	}
	return m, m.loadDisk()
}

func (m *Machine) event(format string, a ...any) {
	text := fmt.Sprintf(format, a...)
	m.log.Print(text)
	m.env.Timeline(m.spec.ID, text)
}

// ID is the machine's name in its world.
func (m *Machine) ID() string { return m.spec.ID }

// Spec is the hardware as it will be at the next power on.
func (m *Machine) Spec() hardware.Spec {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.spec
}

// Change rebuilds the hardware; a running machine notices at its next power on.
func (m *Machine) Change(c hardware.Change) (hardware.Spec, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	next := m.spec.Apply(c)
	if err := next.Validate(); err != nil {
		return m.spec, err
	}
	m.spec = next
	m.disk.Contents.Plug(next.Disks)
	return next, m.saveDisk()
}

// Faults are those ordered for this machine.
func (m *Machine) Faults() *faults.Set { return m.faults }

// On tells whether the machine has power.
func (m *Machine) On() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.on
}

// PowerOn starts the machine; one that is on stays on.
func (m *Machine) PowerOn() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.on {
		return nil
	}
	if err := m.port.Power(true); err != nil {
		return err
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan struct{})
	m.on, m.stop, m.done = true, stop, done
	m.event("power on")
	go func() {
		defer close(done)
		m.live(ctx)
	}()
	return nil
}

// PowerOff pulls the power: nothing is asked, only what is on the disk stays.
func (m *Machine) PowerOff() error {
	m.mu.Lock()
	stop, done, on := m.stop, m.done, m.on
	m.mu.Unlock()
	if !on {
		return nil
	}
	stop()
	<-done
	return nil
}

// live boots again and again until the power goes.
func (m *Machine) live(ctx context.Context) {
	defer m.wentOff()
	for sleep(ctx, m.Spec().BootDuration()) && ctx.Err() == nil {
		b, err := m.newBoot(ctx)
		if err != nil {
			m.event("cannot boot: %v", err)
			<-ctx.Done()
			return
		}
		m.mu.Lock()
		m.cur = b
		m.mu.Unlock()
		next := b.run()
		m.mu.Lock()
		m.cur = nil
		m.mu.Unlock()
		if ctx.Err() != nil {
			return
		}
		if next.halt {
			return
		}
		if !sleep(ctx, m.env.RebootTime) {
			return
		}
	}
}

func (m *Machine) wentOff() {
	if err := m.port.Power(false); err != nil {
		m.log.Printf("power: %v", err)
	}
	m.mu.Lock()
	m.on, m.cur = false, nil
	m.mu.Unlock()
	m.event("power off")
}

// Cable pulls (false) or plugs in (true) the machine's cables.
func (m *Machine) Cable(up bool) error {
	m.event("cable %s", map[bool]string{true: "up", false: "down"}[up])
	return m.port.Cable(up)
}

// Port is the machine's place in the network.
func (m *Machine) Port() *lan.Port { return m.port }

// Scrap throws the machine away, with its disks.
func (m *Machine) Scrap() error {
	if err := m.PowerOff(); err != nil {
		return err
	}
	if cl, id := m.membership(); cl != "" {
		m.env.Discovery.Leave(cl, id)
	}
	m.port.Unplug()
	return os.RemoveAll(m.dir)
}

// StartWiping starts the machine from its drive with the choice "Reset Talos installation" of the boot
// menu there: the system's disks are wiped, data stays, and it boots again.
func (m *Machine) StartWiping() error {
	if spec := m.Spec(); spec.Platform != hardware.PlatformMetal || spec.Image.None() {
		return errors.New("there is no drive with an image to start from")
	}
	if err := m.PowerOff(); err != nil {
		return err
	}
	if cl, id := m.membership(); cl != "" {
		m.env.Discovery.Leave(cl, id)
	}
	m.event("the system's disks are wiped from the drive's boot menu")
	if err := m.wipe(storage.Wipe{System: true}); err != nil {
		return err
	}
	return m.PowerOn()
}

// boot is the current one, or nil.
func (m *Machine) boot() *boot {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.cur
}

// ControlPlane is the machine's, while it runs one.
func (m *Machine) ControlPlane() *controlplane.Plane {
	if b := m.boot(); b != nil {
		return b.controlPlane()
	}
	return nil
}

// Cluster is the ID of the cluster whose configuration the machine runs, or "".
func (m *Machine) Cluster() string {
	if b := m.boot(); b != nil {
		if cfg := b.complete(); cfg != nil {
			return cfg.Cluster().ID()
		}
	}
	return ""
}

// VIPs are the shared addresses that the machine may hold now.
func (m *Machine) VIPs() []netip.Addr {
	if b := m.boot(); b != nil {
		return b.vips()
	}
	return nil
}

// Hold takes a VIP (true) or gives it up. One that the configuration no longer puts on a card cannot be taken.
func (m *Machine) Hold(vip netip.Addr, hold bool) error {
	b := m.boot()
	if b != nil {
		defer b.describeNetwork()
	}
	if !hold {
		return m.port.Release(vip)
	}
	if b == nil || !b.isControlPlane() {
		return nil
	}
	for _, v := range netplan.Shared(b.complete(), &b.spec) {
		if v.Address == vip {
			return m.port.Hold(vip, v.Link)
		}
	}
	return nil
}

// Dir is where the machine's disk lies.
func (m *Machine) Dir() string { return m.dir }

func (m *Machine) configPath() string { return filepath.Join(m.dir, "config.yaml") }

// sleep waits; false when the context ended first.
func sleep(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}
