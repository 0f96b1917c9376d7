package kubelet

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/siderolabs/talos/pkg/machinery/config/config"
	"github.com/siderolabs/talos/pkg/machinery/constants"

	"hearth/lab/talos/kube"
)

const (
	nodesPath = "/api/v1/nodes"
	leasePath = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases"
	podsPath  = "/api/v1/namespaces/kube-system/pods"
	// noCNI is what a kubelet says while nobody has configured pods' network.
	noCNI = "container runtime network not ready: NetworkReady=false reason:NetworkPluginNotReady message:Network plugin returns error: cni plugin not initialized"
)

// register makes the Node if it is missing, as a kubelet does once per start.
func (a *Agent) register(ctx context.Context) error {
	o, err := a.k.Get(ctx, nodesPath+"/"+a.Hostname)
	if kube.IsNotFound(err) {
		o, err = a.k.Create(ctx, nodesPath, kube.Object{
			"metadata": kube.Object{"name": a.Hostname, "labels": kube.Object{
				"kubernetes.io/hostname": a.Hostname, "kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64",
				"beta.kubernetes.io/os": "linux", "beta.kubernetes.io/arch": "amd64",
			}},
			"spec": kube.Object{"taints": Taints(a.Config())},
			// A Node without conditions loses its not-ready taint, and pods rush in.
			"status": a.nodeStatus(false),
		})
	}
	if err != nil {
		return err
	}
	a.uid, _ = kube.Dig(o, "metadata")["uid"].(string)
	return nil
}

// Taints are those a node registers with.
func Taints(cfg config.Config) []kube.Object {
	out := []kube.Object{{"key": "node.kubernetes.io/not-ready", "effect": "NoSchedule"}}
	for k, v := range cfg.Machine().NodeTaints() {
		value, effect, ok := strings.Cut(v, ":")
		if !ok {
			value, effect = "", v
		}
		out = append(out, kube.Object{"key": k, "value": value, "effect": effect})
	}
	if cfg.Machine().Type().IsControlPlane() && !cfg.Cluster().ScheduleOnControlPlanes() {
		out = append(out, kube.Object{"key": "node-role.kubernetes.io/control-plane", "effect": "NoSchedule"})
	}
	return out
}

// round is one turn of what a kubelet and Talos' node controllers do.
func (a *Agent) round(ctx context.Context) error {
	cni, err := a.network(ctx)
	if err != nil {
		return err
	}
	o, err := a.status(ctx, cni)
	if err != nil {
		return err // a Node that somebody deleted stays away until the kubelet starts again
	}
	if err := a.lease(ctx); err != nil {
		return err
	}
	if cni != a.ready {
		a.Event(fmt.Sprintf("node %s ready: %v", a.Hostname, cni))
	}
	a.ready = cni
	a.describe(ctx, o)
	a.Seen(o, cni)
	return a.mirror(ctx)
}

// network tells whether a CNI has configured this node: one of its pods was ready here once since the
// disk was wiped.
func (a *Agent) network(ctx context.Context) (bool, error) {
	if a.HasNetwork() {
		return true, nil
	}
	q := url.Values{"fieldSelector": {"spec.nodeName=" + a.Hostname}, "labelSelector": {"k8s-app in (cilium,flannel)"}}
	list, err := a.k.Get(ctx, "/api/v1/pods?"+q.Encode())
	if err != nil {
		return false, err
	}
	for _, p := range kube.Items(list) {
		if host, _ := kube.Dig(p, "spec")["hostNetwork"].(bool); host && kube.PodReady(p) {
			name, _ := kube.Dig(p, "metadata", "labels")["k8s-app"].(string)
			return true, os.WriteFile(a.marker(), []byte(name), 0o600)
		}
	}
	return false, nil
}

func (a *Agent) marker() string { return filepath.Join(a.Dir, "kubelet", "cni") }

// HasNetwork tells whether a CNI has configured this node already.
func (a *Agent) HasNetwork() bool { return a.Network() != "" }

// Network is the CNI that has configured this node, empty while none has.
func (a *Agent) Network() string {
	name, _ := os.ReadFile(a.marker()) // none is none
	return string(name)
}

func (a *Agent) status(ctx context.Context, cni bool) (kube.Object, error) {
	st := a.nodeStatus(cni)
	// Addresses are merged by their type otherwise, which two families of one type do not survive.
	list, _ := st["addresses"].([]kube.Object)
	st["addresses"] = append(list, kube.Object{"$patch": "replace"})
	return a.k.Patch(ctx, nodesPath+"/"+a.Hostname+"/status", kube.Strategic, kube.Object{"status": st})
}

func (a *Agent) nodeStatus(cni bool) kube.Object {
	now := time.Now().UTC().Format(time.RFC3339)
	cond := func(kind, status, reason, msg string) kube.Object {
		return kube.Object{"type": kind, "status": status, "reason": reason, "message": msg, "lastHeartbeatTime": now}
	}
	ready := cond("Ready", "False", "KubeletNotReady", noCNI)
	if cni {
		ready = cond("Ready", "True", "KubeletReady", "kubelet is posting ready status")
	}
	addrs := []kube.Object{}
	for _, ip := range a.NodeIPs() {
		addrs = append(addrs, kube.Object{"type": "InternalIP", "address": ip.String()})
	}
	res := kube.Object{
		"cpu": fmt.Sprint(a.Facts.CPUs), "memory": fmt.Sprintf("%dMi", a.Facts.MemoryMiB), "pods": "110",
		"ephemeral-storage": fmt.Sprint(a.Facts.DiskBytes),
	}
	image := a.Config().Machine().Kubelet().Image()
	return kube.Object{
		"addresses": append(addrs, kube.Object{"type": "Hostname", "address": a.Hostname}), "capacity": res, "allocatable": res,
		"conditions": []kube.Object{
			cond("MemoryPressure", "False", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
			cond("DiskPressure", "False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
			cond("PIDPressure", "False", "KubeletHasSufficientPID", "kubelet has sufficient PID available"), ready,
		},
		"nodeInfo": kube.Object{
			"kubeletVersion": image[strings.LastIndexByte(image, ':')+1:], "osImage": a.Facts.OSImage, "operatingSystem": "linux",
			"architecture": "amd64", "kernelVersion": a.Facts.KernelVersion, "containerRuntimeVersion": "containerd://" + constants.DefaultContainerdVersion,
			"bootID": a.Facts.BootID, "machineID": a.Facts.MachineID, "systemUUID": a.Facts.SystemUUID, "kubeProxyVersion": "",
		},
		"daemonEndpoints": kube.Object{"kubeletEndpoint": kube.Object{"Port": 10250}},
	}
}

func (a *Agent) lease(ctx context.Context) error {
	l := kube.Object{"metadata": kube.Object{"name": a.Hostname}, "spec": kube.Object{
		"holderIdentity": a.Hostname, "leaseDurationSeconds": 40,
		"renewTime": time.Now().UTC().Format("2006-01-02T15:04:05.000000Z"),
	}}
	_, err := a.k.Patch(ctx, leasePath+"/"+a.Hostname, kube.Merge, l)
	if kube.IsNotFound(err) {
		_, err = a.k.Create(ctx, leasePath, l)
	}
	return err
}
