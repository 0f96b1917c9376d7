package machine

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"path/filepath"
	"strconv"
	"time"

	talosconfig "github.com/siderolabs/talos/pkg/machinery/config/config"
	"github.com/siderolabs/talos/pkg/machinery/constants"
	"github.com/siderolabs/talos/pkg/machinery/resources/runtime"

	"hearth/lab/talos/containers"
	"hearth/lab/talos/controlplane"
	"hearth/lab/talos/discovery"
	"hearth/lab/talos/kube"
	"hearth/lab/talos/kubelet"
	"hearth/lab/talos/kubeprism"
	"hearth/lab/talos/netplan"
	"hearth/lab/talos/pods"
)

// configured starts everything that a machine with a configuration runs.
func (b *boot) configured() {
	b.setStage(runtime.MachineStageBooting, false)
	if err := b.network(); err != nil {
		b.m.event("network: %v", err)
	}
	b.settle()
	b.describeConfig()
	b.describeExtensionServices()
	b.join()
	b.spawn(b.secured)
	if b.isControlPlane() {
		b.prepareControlPlane()
	}
	if p := b.complete().Machine().Features().KubePrism(); p.Enabled() {
		b.spawn(func(ctx context.Context) {
			bal := &kubeprism.Balancer{Net: b.m.port, Port: p.Port(), Endpoints: b.apiServers}
			if err := bal.Run(ctx); err != nil && ctx.Err() == nil {
				b.m.event("kubeprism: %v", err)
			}
		})
	}
	work := []func(context.Context){b.kubelet().Run}
	if p := b.controlPlane(); p != nil {
		work = append(work, p.Run, b.player(p).Run)
	}
	b.workload(work...)
	b.spawn(b.watchBoot)
}

// join announces the machine to discovery and keeps its view of the others.
func (b *boot) join() {
	cl := b.complete().Cluster()
	if !cl.Discovery().Enabled() {
		return
	}
	b.announce()
	stop := b.m.env.Discovery.Watch(cl.ID(), b.describeMembers)
	b.spawn(func(ctx context.Context) {
		<-ctx.Done()
		stop()
	})
	b.describeMembers()
}

func (b *boot) announce() {
	cfg := b.complete()
	a := discovery.Affiliate{
		NodeID: b.m.onDisk().NodeID, Hostname: b.hostname(), Nodename: b.hostname(), MachineType: cfg.Machine().Type(),
		OperatingSystem: b.osImage(),
	}
	for _, p := range b.m.port.Addresses() {
		a.Addresses = append(a.Addresses, p.Addr())
	}
	if cfg.Machine().Type().IsControlPlane() {
		a.APIPort = cfg.Cluster().LocalAPIServerPort()
	}
	b.m.env.Discovery.Announce(cfg.Cluster().ID(), a)
}

func (b *boot) osImage() string { return fmt.Sprintf("Talos (%s)", b.image.Version) }

func (b *boot) otherControlPlanes() []netip.Addr {
	return b.m.env.Discovery.ControlPlanes(b.complete().Cluster().ID(), b.m.onDisk().NodeID)
}

// apiServers are those that KubePrism may use: this machine's own, the others', the endpoint.
func (b *boot) apiServers() []string {
	cl := b.complete().Cluster()
	port := strconv.Itoa(cl.LocalAPIServerPort())
	var out []string
	if p := b.controlPlane(); p != nil && p.Started() {
		out = append(out, net.JoinHostPort("127.0.0.1", port))
	}
	for _, a := range b.otherControlPlanes() {
		out = append(out, net.JoinHostPort(a.String(), port))
	}
	ep := cl.Endpoint()
	epPort := ep.Port()
	if epPort == "" {
		epPort = "443"
	}
	return append(out, net.JoinHostPort(ep.Hostname(), epPort))
}

func (b *boot) prepareControlPlane() {
	cfg := b.complete()
	addrs, err := netplan.EtcdAddresses(cfg, b.m.port.Addresses())
	if err != nil || len(addrs) == 0 {
		b.services.Set("etcd", "Waiting", false, fmt.Sprintf("Waiting for etcd spec: no address matches advertisedSubnets (%v)", err))
		b.m.event("etcd: no address of this machine matches advertisedSubnets")
		return
	}
	p := &controlplane.Plane{
		Dir: b.m.dir, Hostname: b.hostname(), EtcdAddresses: addrs, NodeAddresses: b.nodeIPs(), VIPs: b.vips(),
		Config: func() talosconfig.Config { return b.complete() }, Peers: b.otherControlPlanes,
		Net: b.m.port, Services: b.services, Log: b.m.log, Programs: b.m.env.Programs,
		Event: func(s string) { b.m.event("%s", s) },
	}
	p.Init()
	b.mu.Lock()
	b.plane = p
	b.mu.Unlock()
	b.spawn(b.trust)
}

func (b *boot) kubelet() *kubelet.Agent {
	d := b.m.onDisk()
	a := &kubelet.Agent{
		Dir: b.m.dir, Hostname: b.hostname(), Config: func() talosconfig.Config { return b.complete() }, NodeIPs: b.nodeIPs,
		Net: b.m.port, Services: b.services, Log: b.m.log, Event: func(s string) { b.m.event("%s", s) },
		Facts: kubelet.Facts{
			BootID: b.id, MachineID: d.NodeID[:32], SystemUUID: b.spec.UUID, OSImage: b.osImage(), KernelVersion: constants.DefaultKernelVersion,
			CPUs: b.spec.CPUs, MemoryMiB: b.spec.MemoryMiB, DiskBytes: b.ephemeralBytes(),
		},
		Seen: b.describeNode,
	}
	if p := b.controlPlane(); p != nil {
		a.Admin = func() (*kube.Client, error) {
			if !p.Started() {
				return nil, fmt.Errorf("kube-apiserver of this machine is not ready")
			}
			return p.Local()
		}
		a.StaticPods = func() map[string]string { return b.staticPods(p) }
	}
	a.Init()
	a.Pods = b.containers(a)
	b.mu.Lock()
	b.agent = a
	b.mu.Unlock()
	b.services.Running("cri")
	return a
}

// containers is the part of a kubelet that runs programs, nil when there are none.
func (b *boot) containers(a *kubelet.Agent) *containers.Runtime {
	if len(b.m.env.Containers) == 0 {
		return nil
	}
	return &containers.Runtime{
		Table: b.m.env.Containers, Node: a.Hostname, Dir: filepath.Join(b.m.dir, "kubelet", "pods"),
		Logs: filepath.Join(b.m.dir, "log", "pods"), Net: b.m.port, Addresses: b.nodeIPs, Network: a.Network,
		Server: a.Server, CA: func() []byte { return b.complete().Cluster().IssuingCA().Crt }, Log: b.m.log, Event: a.Event,
	}
}

// staticPods are the Kubernetes programs that run here now, with their images.
func (b *boot) staticPods(p *controlplane.Plane) map[string]string {
	cl, pids := b.complete().Cluster(), p.PIDs()
	out := map[string]string{}
	for name, image := range map[string]string{
		"kube-apiserver": cl.APIServer().Image(), "kube-controller-manager": cl.ControllerManager().Image(),
		"kube-scheduler": cl.Scheduler().Image(),
	} {
		if pids[name] > 0 {
			out[name] = image
		}
	}
	return out
}

// watchBoot turns the stage to running, and to ready when the services are up.
func (b *boot) watchBoot(ctx context.Context) {
	for sleep(ctx, 200*time.Millisecond) {
		if s, _ := b.getStage(); s != runtime.MachineStageBooting && s != runtime.MachineStageRunning {
			return // a sequence has taken over
		}
		if !b.services.Healthy("apid") {
			continue
		}
		ready := b.services.Healthy("kubelet") && (!b.isControlPlane() || b.services.Healthy("etcd"))
		b.setStage(runtime.MachineStageRunning, ready)
	}
}

// player plays the cluster's pods while the world chooses this machine for it.
func (b *boot) player(p *controlplane.Plane) *pods.Player {
	return &pods.Player{
		Path: b.m.env.Programs.Path("kwok"), Dir: b.m.dir, Kubeconfig: p.AdminKubeconfig, Start: b.m.port.Start,
		Chosen: func() bool { return p.Started() && b.m.env.PlaysPods(b.m.ID()) }, Log: b.m.log.Printf,
		Real: b.m.env.Containers.Repositories(),
	}
}
