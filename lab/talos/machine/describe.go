package machine

import (
	"net/netip"
	"path/filepath"

	"github.com/cosi-project/runtime/pkg/resource"
	"github.com/cosi-project/runtime/pkg/safe"
	"github.com/siderolabs/talos/pkg/machinery/api/machine"
	"github.com/siderolabs/talos/pkg/machinery/config"
	"github.com/siderolabs/talos/pkg/machinery/nethelpers"
	"github.com/siderolabs/talos/pkg/machinery/resources/block"
	"github.com/siderolabs/talos/pkg/machinery/resources/cluster"
	rconfig "github.com/siderolabs/talos/pkg/machinery/resources/config"
	rhardware "github.com/siderolabs/talos/pkg/machinery/resources/hardware"
	"github.com/siderolabs/talos/pkg/machinery/resources/k8s"
	"github.com/siderolabs/talos/pkg/machinery/resources/network"
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

func (b *boot) describeStage(s runtime.MachineStage, ready bool) {
	r := runtime.NewMachineStatus()
	r.TypedSpec().Stage, r.TypedSpec().Status.Ready = s, ready
	b.put(r)
}

func (b *boot) serviceChanged(id, state string, healthy bool) {
	r := v1alpha1.NewService(id)
	r.TypedSpec().Running, r.TypedSpec().Healthy, r.TypedSpec().Unknown = state == "Running", healthy, state != "Running"
	b.put(r)
	b.events.Emit("", &machine.ServiceStateEvent{
		Service: id, Message: state, Health: &machine.ServiceHealth{Healthy: healthy, Unknown: state != "Running"},
	})
}

// describeHardware shows what a machine knows before anybody configures it.
func (b *boot) describeHardware() {
	for _, d := range b.spec.Disks {
		r := block.NewDisk(block.NamespaceName, d.Name)
		s := r.TypedSpec()
		s.DevPath, s.IOSize, s.SectorSize, s.SubSystem = filepath.Join("/dev", d.Name), 512, 512, "/sys/class/block"
		s.SetSize(d.SizeBytes)
		s.Model, s.Serial, s.Transport = d.Model, d.Serial, d.Transport
		b.put(r)
	}
	si := rhardware.NewSystemInformation(rhardware.SystemInformationID)
	si.TypedSpec().UUID, si.TypedSpec().ProductName = b.spec.UUID, "Standard PC (Q35 + ICH9, 2009)"
	pm := runtime.NewPlatformMetadataSpec(runtime.NamespaceName, runtime.PlatformMetadataID)
	pm.TypedSpec().Platform, pm.TypedSpec().Hostname, pm.TypedSpec().InstanceID = b.spec.Platform, b.spec.Hostname, b.spec.UUID
	b.put(si, pm, runtime.NewSecurityStateSpec(runtime.NamespaceName))
	if d := b.m.onDisk(); d.Installed {
		b.describeSystemDisk()
	}
	b.describeNetwork()
}

// describeSystemDisk shows the partitions of the installed system.
func (b *boot) describeSystemDisk() {
	disk := b.spec.Disks[0]
	dev := filepath.Join("/dev", disk.Name)
	sd := block.NewSystemDisk(block.NamespaceName, block.SystemDiskID)
	sd.TypedSpec().DiskID, sd.TypedSpec().DevPath = disk.Name, dev
	b.put(sd)
	sizes := map[string]uint64{"EFI": 2 << 30, "META": 1 << 20, "STATE": 100 << 20}
	var used uint64 = 4 << 20
	for _, s := range sizes {
		used += s
	}
	if disk.SizeBytes > used {
		sizes["EPHEMERAL"] = disk.SizeBytes - used
	}
	for i, name := range []string{"EFI", "META", "STATE", "EPHEMERAL"} {
		v := block.NewVolumeStatus(block.NamespaceName, name)
		s := v.TypedSpec()
		s.Phase, s.Type, s.PartitionIndex = block.VolumePhaseReady, block.VolumeTypePartition, i+1
		s.Location, s.MountLocation, s.ParentLocation = dev+string(rune('1'+i)), dev+string(rune('1'+i)), dev
		s.SetSize(sizes[name])
		b.put(v)
	}
}

// describeNetwork shows addresses and names.
func (b *boot) describeNetwork() {
	addrs := b.addresses()
	for _, id := range []string{
		network.NodeAddressDefaultID, network.NodeAddressCurrentID, network.NodeAddressRoutedID, network.NodeAddressAccumulativeID,
	} {
		a := network.NewNodeAddress(network.NamespaceName, id)
		a.TypedSpec().Addresses = addrs
		if id == network.NodeAddressDefaultID {
			a.TypedSpec().Addresses = addrs[:min(1, len(addrs))]
		}
		b.put(a)
	}
	for _, p := range addrs {
		a := network.NewAddressStatus(network.NamespaceName, network.AddressID("eth0", p))
		a.TypedSpec().Address, a.TypedSpec().LinkName, a.TypedSpec().LinkIndex = p, "eth0", 2
		b.put(a)
	}
	h := network.NewHostnameStatus(network.NamespaceName, network.HostnameID)
	h.TypedSpec().Hostname = b.hostname()
	l := network.NewLinkStatus(network.NamespaceName, "eth0")
	l.TypedSpec().Index, l.TypedSpec().LinkState, l.TypedSpec().OperationalState = 2, true, nethelpers.OperStateUp
	l.TypedSpec().Type, l.TypedSpec().MTU = nethelpers.LinkEther, 1500
	if len(b.spec.MACs) > 0 {
		_ = l.TypedSpec().HardwareAddr.UnmarshalText([]byte(b.spec.MACs[0])) // Validate has seen it
		l.TypedSpec().PermanentAddr = l.TypedSpec().HardwareAddr
	}
	st := network.NewStatus(network.NamespaceName, network.StatusID)
	st.TypedSpec().AddressReady, st.TypedSpec().ConnectivityReady = len(addrs) > 0, true
	st.TypedSpec().HostnameReady, st.TypedSpec().EtcFilesReady = true, true
	b.put(h, l, st)
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
	have, err := safe.StateListAll[*cluster.Member](b.ctx, b.res.State)
	if err != nil {
		return
	}
	for r := range have.All() {
		if !want[r.Metadata().ID()] {
			_ = b.res.Drop(b.ctx, r.Metadata()) // the boot may have ended meanwhile
		}
	}
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
