package machine

import (
	"net/netip"

	"github.com/cosi-project/runtime/pkg/resource"
	"github.com/cosi-project/runtime/pkg/resource/meta"
	"github.com/cosi-project/runtime/pkg/safe"
	"github.com/siderolabs/talos/pkg/machinery/api/machine"
	"github.com/siderolabs/talos/pkg/machinery/config"
	"github.com/siderolabs/talos/pkg/machinery/resources/cluster"
	rconfig "github.com/siderolabs/talos/pkg/machinery/resources/config"
	"github.com/siderolabs/talos/pkg/machinery/resources/k8s"
	"github.com/siderolabs/talos/pkg/machinery/resources/runtime"
	"github.com/siderolabs/talos/pkg/machinery/resources/v1alpha1"

	"hearth/lab/talos/kube"
)

// put shows resources to clients. A boot that has ended has nobody to show them to.
func (b *boot) put(all ...resource.Resource) {
	for _, r := range all {
		if err := b.res.Put(b.ctx, r); err != nil && b.ctx.Err() == nil {
			b.m.log.Printf("resource %s: %v", r.Metadata(), err)
		}
	}
}

// drop takes one away.
func (b *boot) drop(p resource.Pointer) {
	if err := b.res.Drop(b.ctx, p); err != nil && b.ctx.Err() == nil {
		b.m.log.Printf("resource %s: %v", p, err)
	}
}

// only drops those resources of a kind whose IDs are not wanted any more.
func only[T meta.ResourceWithRD](b *boot, wanted map[string]bool) {
	have, err := safe.StateListAll[T](b.ctx, b.res.State)
	if err != nil {
		return // the boot has ended
	}
	for r := range have.All() {
		if !wanted[r.Metadata().ID()] {
			b.drop(r.Metadata())
		}
	}
}

func (b *boot) describeStage(s runtime.MachineStage, ready bool) {
	r := runtime.NewMachineStatus()
	r.TypedSpec().Stage, r.TypedSpec().Status.Ready = s, ready
	b.put(r)
}

func (b *boot) serviceChanged(id, state string, healthy bool) {
	r := v1alpha1.NewService(id)
	r.TypedSpec().Running, r.TypedSpec().Healthy, r.TypedSpec().Unknown = true, healthy, false
	if state == "Running" {
		b.put(r)
	} else {
		b.drop(r.Metadata()) // only what runs is a resource
	}
	b.events.Emit("", &machine.ServiceStateEvent{
		Service: id, Message: state, Health: &machine.ServiceHealth{Healthy: healthy, Unknown: state != "Running"},
	})
}

// describeConfig shows what follows from the active configuration.
func (b *boot) describeConfig() {
	cfg := b.complete()
	b.put(rconfig.NewMachineConfig(cfg))
	t := rconfig.NewMachineType()
	t.SetMachineType(cfg.Machine().Type())
	nn := k8s.NewNodename(k8s.NamespaceName, k8s.NodenameID)
	nn.TypedSpec().Nodename = b.hostname()
	id := cluster.NewIdentity(cluster.NamespaceName, cluster.LocalIdentity)
	id.TypedSpec().NodeID = b.m.onDisk().NodeID
	info := cluster.NewInfo()
	info.TypedSpec().ClusterID, info.TypedSpec().ClusterName = cfg.Cluster().ID(), cfg.Cluster().Name()
	ks := k8s.NewKubeletSpec(k8s.NamespaceName, k8s.KubeletID)
	ks.TypedSpec().Image, ks.TypedSpec().ExpectedNodename = cfg.Machine().Kubelet().Image(), b.hostname()
	b.put(t, nn, id, info, ks)
	b.describeNodeIP()
	b.describeNetwork()
	if cfg.Machine().Type().IsControlPlane() {
		b.describeStaticPodConfigs(cfg)
	}
}

func (b *boot) describeNodeIP() {
	ip := k8s.NewNodeIP(k8s.NamespaceName, k8s.KubeletID)
	ip.TypedSpec().Addresses = b.nodeIPs()
	b.put(ip)
}

func (b *boot) describeStaticPodConfigs(cfg config.Provider) {
	api, kcm, sched := k8s.NewAPIServerConfig(), k8s.NewControllerManagerConfig(), k8s.NewSchedulerConfig()
	api.TypedSpec().Image = cfg.Cluster().APIServer().Image()
	kcm.TypedSpec().Image, kcm.TypedSpec().Enabled = cfg.Cluster().ControllerManager().Image(), true
	sched.TypedSpec().Image, sched.TypedSpec().Enabled = cfg.Cluster().Scheduler().Image(), true
	bm := k8s.NewBootstrapManifestsConfig()
	bm.TypedSpec().CNIName = cfg.Cluster().Network().CNI().Name()
	bm.TypedSpec().CoreDNSEnabled, bm.TypedSpec().ProxyEnabled = cfg.Cluster().CoreDNS().Enabled(), cfg.Cluster().Proxy().Enabled()
	b.put(api, kcm, sched, bm)
}

// describeMembers shows what discovery knows.
func (b *boot) describeMembers() {
	cfg := b.complete()
	if cfg == nil || b.ctx.Err() != nil {
		return
	}
	want := map[string]bool{}
	for _, a := range b.m.env.Discovery.Members(cfg.Cluster().ID()) {
		r := cluster.NewMember(cluster.NamespaceName, a.Hostname)
		s := r.TypedSpec()
		s.NodeID, s.Hostname, s.MachineType, s.OperatingSystem = a.NodeID, a.Hostname, a.MachineType, a.OperatingSystem
		s.Addresses = append([]netip.Addr{}, a.Addresses...)
		if a.APIPort > 0 {
			s.ControlPlane = &cluster.ControlPlane{APIServerPort: a.APIPort}
		}
		b.put(r)
		want[a.Hostname] = true
	}
	only[*cluster.Member](b, want)
}

// describeNode shows the Node as Talos sees it, and the control plane's pods.
func (b *boot) describeNode(node kube.Object, ready bool) {
	r := k8s.NewNodeStatus(k8s.NamespaceName, b.hostname())
	r.TypedSpec().Nodename, r.TypedSpec().NodeReady = b.hostname(), ready
	r.TypedSpec().Unschedulable, _ = kube.Dig(node, "spec")["unschedulable"].(bool)
	b.put(r)
	if p := b.controlPlane(); p != nil {
		for app := range b.staticPods(p) {
			sp := k8s.NewStaticPodStatus(k8s.NamespaceName, "kube-system/"+app+"-"+b.hostname())
			sp.TypedSpec().PodStatus = map[string]any{
				"phase": "Running", "conditions": []any{map[string]any{"type": "Ready", "status": "True"}},
			}
			b.put(sp)
		}
	}
}
