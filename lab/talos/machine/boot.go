package machine

import (
	"context"
	"net/netip"
	"slices"
	"sync"

	"github.com/google/uuid"
	"github.com/siderolabs/talos/pkg/machinery/config"
	talosconfig "github.com/siderolabs/talos/pkg/machinery/config/config"
	"github.com/siderolabs/talos/pkg/machinery/resources/runtime"

	"hearth/lab/talos/controlplane"
	"hearth/lab/talos/events"
	"hearth/lab/talos/hardware"
	"hearth/lab/talos/kubelet"
	"hearth/lab/talos/lan"
	"hearth/lab/talos/netplan"
	"hearth/lab/talos/resources"
)

// next is what follows a boot: another one, or darkness.
type next struct{ halt bool }

// boot is one life between power on (or reboot) and the end of it. Nothing in it survives.
type boot struct {
	m     *Machine
	spec  hardware.Spec
	id    string
	image hardware.Image

	ctx  context.Context
	stop context.CancelFunc
	wg   sync.WaitGroup

	events   *events.Bus
	services *events.Services
	res      *resources.State
	applied  chan config.Provider // a complete configuration arrived in maintenance mode

	showing sync.Mutex // of two who show the same thing, one after the other

	mu      sync.Mutex
	cfg     config.Provider   // active; nil without one
	raw     []byte            // its text, while no disk can keep it
	ext     []string          // the image's extensions
	said    map[string]string // failures of volumes that were told
	stage   runtime.MachineStage
	isReady bool
	plane   *controlplane.Plane
	agent   *kubelet.Agent
	try     *try
	then    next
	busy    string // the sequence that runs
	// stopWorkload ends what writes to EPHEMERAL, and returns when it has ended.
	stopWorkload func()
}

func (m *Machine) newBoot(parent context.Context) (*boot, error) {
	ctx, stop := context.WithCancel(parent)
	st, err := resources.New(ctx)
	if err != nil {
		stop()
		return nil, err
	}
	b := &boot{
		m: m, spec: m.Spec(), id: uuid.NewString(), image: m.image(), ctx: ctx, stop: stop,
		events: events.NewBus(), res: st, applied: make(chan config.Provider, 1), said: map[string]string{},
	}
	b.services = events.NewServices(func(id, state string, healthy bool) { b.serviceChanged(id, state, healthy) })
	return b, nil
}

// run lives until the boot ends, and says what comes then.
func (b *boot) run() next {
	defer b.wg.Wait()
	defer b.stop()
	b.begin()
	<-b.ctx.Done()
	b.wg.Wait()
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.then
}

// begin takes the machine as far as it gets.
func (b *boot) begin() {
	m := b.m
	if b.image.None() {
		m.event("no bootable device: no disk holds a system, and the drive is empty")
		b.setStage(runtime.MachineStageUnknown, false)
		return
	}
	cfg, err := m.persisted()
	if err != nil {
		m.event("configuration on disk cannot be read: %v", err)
	}
	b.setConfig(cfg)
	b.describeHardware()
	b.settle()
	b.spawn(b.describeExtensions)
	if err := b.network(); err != nil {
		m.event("network: %v", err)
	}
	b.setStage(runtime.MachineStageBooting, false)
	if b.upgradeStaged() {
		return
	}
	if b.complete() == nil {
		if cfg = b.maintenance(); cfg == nil {
			return
		}
		b.setConfig(cfg)
	}
	if !m.installed() {
		b.install()
		return
	}
	b.configured()
}

// spawn runs f as a part of this boot.
func (b *boot) spawn(f func(context.Context)) {
	b.wg.Add(1)
	go func() {
		defer b.wg.Done()
		f(b.ctx)
	}()
}

// workload runs everything in fs until the boot ends or halt is called, whichever is first.
func (b *boot) workload(fs ...func(context.Context)) {
	ctx, cancel := context.WithCancel(b.ctx)
	var wg sync.WaitGroup
	for _, f := range fs {
		wg.Add(1)
		b.wg.Add(1)
		go func() {
			defer b.wg.Done()
			defer wg.Done()
			f(ctx)
		}()
	}
	b.mu.Lock()
	b.stopWorkload = func() { cancel(); wg.Wait() }
	b.mu.Unlock()
	context.AfterFunc(b.ctx, cancel)
}

// end finishes the boot.
func (b *boot) end(n next) {
	b.mu.Lock()
	b.then = n
	b.mu.Unlock()
	b.stop()
}

func (b *boot) config() config.Provider {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.cfg
}

// complete is the active configuration when it is enough to boot with, else nil.
func (b *boot) complete() config.Provider {
	if cfg := b.config(); cfg != nil && cfg.CompleteForBoot() {
		return cfg
	}
	return nil
}

func (b *boot) setConfig(cfg config.Provider) {
	b.mu.Lock()
	b.cfg = cfg
	b.mu.Unlock()
}

func (b *boot) controlPlane() *controlplane.Plane {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.plane
}

func (b *boot) isControlPlane() bool {
	cfg := b.complete()
	return cfg != nil && cfg.Machine().Type().IsControlPlane()
}

// network gives the cards what configuration and platform say.
func (b *boot) network() error {
	var links []lan.Link
	for _, l := range netplan.For(b.configOrNil(), &b.spec) {
		links = append(links, lan.Link(l))
	}
	defer b.describeNetwork()
	return b.m.port.Configure(links)
}

// hostname is the machine's name under its active configuration.
func (b *boot) hostname() string {
	return netplan.Hostname(b.configOrNil(), &b.spec, b.m.onDisk().NodeID, b.m.port.Addresses())
}

// addresses are all that the cards have now, VIPs included.
func (b *boot) addresses() []netip.Prefix {
	out := b.m.port.Addresses()
	for _, v := range b.m.port.Shared() {
		out = append(out, netip.PrefixFrom(v, v.BitLen()))
	}
	return out
}

func (b *boot) vips() []netip.Addr {
	if !b.isControlPlane() {
		return nil
	}
	var out []netip.Addr
	for _, v := range netplan.Shared(b.complete(), &b.spec) {
		out = append(out, v.Address)
	}
	return out
}

func (b *boot) nodeIPs() []netip.Addr {
	cfg := b.complete()
	if cfg == nil {
		return nil
	}
	ips, err := netplan.NodeIPs(cfg, b.addresses())
	if err != nil {
		b.m.log.Printf("node IP: %v", err)
	}
	return ips
}

// isLocal tells whether a target of a call is this machine.
func (b *boot) isLocal(target string) bool {
	if target != "" && target == b.hostname() {
		return true
	}
	a, err := netip.ParseAddr(target)
	return err == nil && slices.ContainsFunc(b.addresses(), func(p netip.Prefix) bool { return p.Addr() == a })
}

func (b *boot) setStage(s runtime.MachineStage, ready bool) {
	b.mu.Lock()
	same := b.stage == s && b.isReady == ready
	b.stage, b.isReady = s, ready
	b.mu.Unlock()
	if same {
		return
	}
	b.describeStage(s, ready)
	b.events.MachineStatus(s, ready)
	b.m.event("stage %s, ready %v", s, ready)
}

func (b *boot) getStage() (runtime.MachineStage, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.stage, b.isReady
}

// configOrNil is the active configuration under the interface that rules read.
func (b *boot) configOrNil() talosconfig.Config {
	if cfg := b.config(); cfg != nil {
		return cfg
	}
	return nil
}
