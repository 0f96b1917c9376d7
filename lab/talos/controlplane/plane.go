// Package controlplane runs one machine's real etcd and Kubernetes programs, with the PKI, flags and
// images that the machine configuration asks for, and applies Talos' bootstrap manifests. The
// programs are the ones in the tools' folder; an image of another version is refused by name.
package controlplane

import (
	"context"
	"fmt"
	"log"
	"net"
	"net/netip"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/siderolabs/talos/pkg/machinery/config/config"

	"hearth/lab/talos/etcd"
	"hearth/lab/talos/events"
	"hearth/lab/talos/kube"
	"hearth/lab/talos/lan"
	"hearth/lab/talos/pki"
	"hearth/lab/talos/process"
)

// Plane is a control plane during one boot. All fields but Config are as they were when it booted.
type Plane struct {
	Dir           string // of the machine
	Hostname      string
	EtcdAddresses []netip.Addr
	NodeAddresses []netip.Addr
	VIPs          []netip.Addr
	Config        func() config.Config
	Peers         func() []netip.Addr
	Net           *lan.Port
	Services      *events.Services
	Log           *log.Logger
	Programs      *Programs
	// Event tells the world's timeline.
	Event func(string)

	Etcd *etcd.Member

	mu       sync.Mutex
	children map[string]*process.Child
	changed  chan struct{}
	ready    bool
	probe    *kube.Client // asks the API server whether it is ready, once made
}

// Init prepares etcd; Run does the rest.
func (p *Plane) Init() {
	p.children, p.changed = map[string]*process.Child{}, make(chan struct{}, 1)
	p.Etcd = &etcd.Member{
		Dir: filepath.Join(p.Dir, "etcd"), Secrets: p.secrets(), Name: p.Hostname, Addresses: p.EtcdAddresses,
		Config: p.Config, Peers: p.Peers, Net: p.Net, Log: p.Log,
		State: func(state string, healthy bool, msg string) { p.Services.Set("etcd", state, healthy, msg) },
	}
	p.Etcd.Init()
}

// Run brings up etcd, then Kubernetes, and stays until the boot ends.
func (p *Plane) Run(ctx context.Context) {
	p.Services.Set("etcd", "Preparing", false, "Running pre state")
	if err := p.writeSecrets(); err != nil {
		p.Services.Set("etcd", "Failed", false, err.Error())
		p.Log.Printf("secrets: %v", err)
		return
	}
	var wg sync.WaitGroup
	defer wg.Wait()
	if !p.startEtcd(ctx, &wg) {
		return
	}
	running := map[string]*supervised{}
	for {
		sctx, cancel := context.WithCancel(ctx)
		settled := make(chan struct{})
		go func() {
			defer close(settled)
			p.settle(sctx, ctx, &wg, running)
		}()
		select {
		case <-ctx.Done():
		case <-p.changed:
		}
		cancel()
		<-settled
		if ctx.Err() != nil {
			return
		}
		p.retire(running)
	}
}

// settle starts what does not run yet and applies the manifests; another configuration interrupts it.
func (p *Plane) settle(ctx, life context.Context, wg *sync.WaitGroup, running map[string]*supervised) {
	for _, x := range p.kubernetes() {
		if running[x.name] == nil {
			p.launch(life, wg, running, x)
		}
		if x.name != "kube-apiserver" {
			continue
		}
		if running[x.name] == nil || !p.waitReady(ctx) {
			return // the others would only crash without it
		}
	}
	p.applyManifests(ctx)
}

// supervised is a program that runs, and how to end it.
type supervised struct {
	program
	stop func()
}

// launch starts a program, unless its image is not the one at hand.
func (p *Plane) launch(ctx context.Context, wg *sync.WaitGroup, running map[string]*supervised, x program) {
	if err := p.Programs.Check(x.image); err != nil {
		p.Log.Printf("%s: %v", x.name, err)
		p.Event(x.name + " refused: " + err.Error())
		p.Services.Set(x.name, "Failed", false, err.Error())
		return
	}
	p.Services.Forget(x.name)
	cctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	c := p.child(x.name, x.args)
	wg.Add(1)
	go func() {
		defer wg.Done()
		defer close(done)
		c.Run(cctx)
	}()
	running[x.name] = &supervised{x, func() { cancel(); <-done }}
}

// retire stops what another configuration starts differently, as a kubelet does with static pods.
func (p *Plane) retire(running map[string]*supervised) {
	if err := p.writeSecrets(); err != nil {
		p.Log.Printf("secrets: %v", err)
		return
	}
	wanted := map[string]program{}
	for _, x := range p.kubernetes() {
		wanted[x.name] = x
	}
	for name, r := range running {
		x, ok := wanted[name]
		if ok && x.image == r.image && slices.Equal(x.args, r.args) {
			continue
		}
		p.Event(name + " stops: another configuration")
		r.stop()
		delete(running, name)
	}
}

// program is one of Kubernetes' static pods.
type program struct {
	name, image string
	args        []string
}

func (p *Plane) kubernetes() []program {
	cfg := p.Config()
	var advertise netip.Addr
	if len(p.NodeAddresses) > 0 {
		advertise = p.NodeAddresses[0]
	}
	out := []program{{"kube-apiserver", cfg.Cluster().APIServer().Image(), apiServerArgs(cfg, p.secrets(), advertise)}}
	if !cfg.Machine().Controlplane().ControllerManager().Disabled() {
		out = append(out, program{"kube-controller-manager", cfg.Cluster().ControllerManager().Image(), controllerManagerArgs(cfg, p.secrets())})
	}
	if !cfg.Machine().Controlplane().Scheduler().Disabled() {
		out = append(out, program{"kube-scheduler", cfg.Cluster().Scheduler().Image(), schedulerArgs(cfg, p.secrets())})
	}
	return out
}

func (p *Plane) startEtcd(ctx context.Context, wg *sync.WaitGroup) bool {
	if err := p.Programs.Check(p.Config().Cluster().Etcd().Image()); err != nil {
		p.Log.Printf("etcd: %v", err)
		p.Services.Set("etcd", "Failed", false, err.Error())
		return false
	}
	flags, err := p.Etcd.Args(ctx)
	if err != nil {
		return false // the boot ended
	}
	ectx, stop := context.WithCancel(ctx)
	done := make(chan struct{})
	c := p.child("etcd", flags)
	wg.Add(1)
	go func() {
		defer wg.Done()
		defer close(done)
		c.Run(ectx)
	}()
	p.Etcd.Stoppable(func() { stop(); <-done })
	begin := time.Now()
	for !p.Etcd.Listening(ctx) || !p.Etcd.Healthy(ctx) {
		if !wait(ctx, 100*time.Millisecond) {
			return false
		}
	}
	p.Services.Running("etcd")
	p.Event("etcd healthy after " + time.Since(begin).Round(10*time.Millisecond).String())
	wg.Add(1)
	go func() {
		defer wg.Done()
		p.watchEtcd(ctx)
	}()
	return true
}

// watchEtcd keeps the service's health true to the member's.
func (p *Plane) watchEtcd(ctx context.Context) {
	for wait(ctx, 2*time.Second) {
		if p.Etcd.Healthy(ctx) {
			p.Services.Running("etcd")
		} else if ctx.Err() == nil {
			p.Services.Set("etcd", "Running", false, "etcd: no answer from a quorum")
		}
	}
}

func (p *Plane) child(name string, flags []string) *process.Child {
	c := &process.Child{
		Name: name, Path: p.Programs.Path(name), Args: flags, Env: []string{"GOGC=50"},
		Log: filepath.Join(p.Dir, "log", name+".log"), Start: p.Net.Start,
		Ended: func(err error) { p.Log.Printf("%s ended: %v", name, err) },
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.children[name] = c
	return c
}

// PIDs are the running programs'.
func (p *Plane) PIDs() map[string]int {
	p.mu.Lock()
	defer p.mu.Unlock()
	out := map[string]int{}
	for name, c := range p.children {
		if pid := c.PID(); pid > 0 {
			out[name] = pid
		}
	}
	return out
}

func (p *Plane) waitReady(ctx context.Context) bool {
	begin := time.Now()
	k, err := p.Admin(p.localAPI())
	if err != nil {
		p.Log.Printf("kube-apiserver: %v", err)
		return false
	}
	context.AfterFunc(ctx, k.Close)
	for !k.Ready(ctx) {
		if !wait(ctx, 100*time.Millisecond) {
			return false
		}
	}
	p.mu.Lock()
	p.ready, p.probe = true, k
	p.mu.Unlock()
	p.Event("kube-apiserver ready after " + time.Since(begin).Round(10*time.Millisecond).String())
	return true
}

// Started tells whether the API server was ready once in this boot.
func (p *Plane) Started() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.ready
}

// Healthy asks the API server itself, now.
func (p *Plane) Healthy(ctx context.Context) bool {
	p.mu.Lock()
	k := p.probe
	p.mu.Unlock()
	if k == nil {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	return k.Ready(ctx)
}

func (p *Plane) localAPI() string {
	return "https://" + net.JoinHostPort("127.0.0.1", portText(p.Config().Cluster().LocalAPIServerPort()))
}

// Local is the machine's own API server, as Talos uses it.
func (p *Plane) Local() (*kube.Client, error) { return p.Admin(p.localAPI()) }

// Admin is a client with Talos' own rights.
func (p *Plane) Admin(server string) (*kube.Client, error) {
	cl := p.Config().Cluster()
	pair, err := pki.Issue(cl.IssuingCA(), pki.Leaf{CN: "talos:admin", Org: []string{"system:masters"}, Client: true, TTL: 10 * time.Hour})
	if err != nil {
		return nil, fmt.Errorf("admin certificate: %w", err)
	}
	return kube.New(server, cl.IssuingCA().Crt, &pair, "", p.Net.DialContext)
}

// AdminKubeconfig is for a program of the simulator's own, beside the API server.
func (p *Plane) AdminKubeconfig() ([]byte, error) {
	cl := p.Config().Cluster()
	pair, err := pki.Issue(cl.IssuingCA(), pki.Leaf{CN: "talossim:pods", Org: []string{"system:masters"}, Client: true})
	if err != nil {
		return nil, err
	}
	return kube.Kubeconfig(cl.Name(), "pods", "pods", p.localAPI(), cl.IssuingCA().Crt, pair), nil
}

// wait sleeps; false when the boot ended.
func wait(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}

// Reconfigure hears that another configuration is active.
func (p *Plane) Reconfigure() {
	select {
	case p.changed <- struct{}{}:
	default:
	}
}
