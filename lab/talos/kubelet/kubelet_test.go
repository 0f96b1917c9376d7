package kubelet

import (
	"fmt"
	"net/netip"
	"testing"

	"github.com/siderolabs/talos/pkg/machinery/config/config"
	"github.com/siderolabs/talos/pkg/machinery/config/configloader"

	"hearth/lab/talos/kube"
)

const text = `version: v1alpha1
machine:
  type: %s
  nodeLabels: {topology.kubernetes.io/zone: atlas}
  nodeTaints: {storage: "only:NoExecute", bare: NoSchedule}
  kubelet: {image: "ghcr.io/siderolabs/kubelet:v1.36.3", extraArgs: {node-labels: "a=b,c=d"}}
cluster:
  allowSchedulingOnControlPlanes: %v
  controlPlane: {endpoint: "https://10.0.3.1:6443"}
`

func load(t *testing.T, kind string, schedulable bool) config.Config {
	t.Helper()
	cfg, err := configloader.NewFromBytes([]byte(fmt.Sprintf(text, kind, schedulable)))
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

func TestLabelsComeFromAllPlacesOfTheConfiguration(t *testing.T) {
	got := Labels(load(t, "worker", false))
	if fmt.Sprint(got) != "map[a:b c:d topology.kubernetes.io/zone:atlas]" {
		t.Error(got)
	}
	if _, ok := Labels(load(t, "controlplane", false))["node-role.kubernetes.io/control-plane"]; !ok {
		t.Error("a control plane says that it is one")
	}
}

func TestANodeRegistersNotReadyAndControlPlanesKeepPodsAwayUnlessTold(t *testing.T) {
	const role = "node-role.kubernetes.io/control-plane:NoSchedule"
	for _, x := range []struct {
		kind        string
		schedulable bool
		away        bool
	}{{"worker", false, false}, {"controlplane", false, true}, {"controlplane", true, false}} {
		found := map[string]bool{}
		for _, taint := range Taints(load(t, x.kind, x.schedulable)) {
			value := ""
			if v, _ := taint["value"].(string); v != "" {
				value = "=" + v
			}
			found[fmt.Sprintf("%v%s:%v", taint["key"], value, taint["effect"])] = true
		}
		for _, want := range []string{"node.kubernetes.io/not-ready:NoSchedule", "storage=only:NoExecute", "bare:NoSchedule"} {
			if !found[want] {
				t.Errorf("%s is not in %v", want, found)
			}
		}
		if found[role] != x.away {
			t.Errorf("%s, schedulable %v: %v", x.kind, x.schedulable, found)
		}
	}
}

func TestOnlyWhatDiffersIsWrittenToTheNode(t *testing.T) {
	got := missing(map[string]string{"a": "1", "b": "2", "c": ""}, kube.Object{"a": "1", "b": "3", "x": "y"})
	if fmt.Sprint(got) != "map[b:2 c:]" {
		t.Error(got)
	}
}

func TestTheNodeTellsItsAddressesInOrderAndWhyItIsNotReady(t *testing.T) {
	a := &Agent{
		Hostname: "cp1", Config: func() config.Config { return load(t, "controlplane", false) },
		NodeIPs: func() []netip.Addr {
			return []netip.Addr{netip.MustParseAddr("fd00:1::1"), netip.MustParseAddr("10.0.1.1")}
		},
		Facts: Facts{CPUs: 4, MemoryMiB: 4096, DiskBytes: 1 << 30},
	}
	status := a.nodeStatus(false)
	if got := fmt.Sprint(status["addresses"]); got != "[map[address:fd00:1::1 type:InternalIP] map[address:10.0.1.1 type:InternalIP] map[address:cp1 type:Hostname]]" {
		t.Error(got)
	}
	if got := kube.Dig(status, "nodeInfo")["kubeletVersion"]; got != "v1.36.3" {
		t.Error(got)
	}
	for ready, want := range map[bool]string{false: "False " + noCNI, true: "True kubelet is posting ready status"} {
		conditions, _ := a.nodeStatus(ready)["conditions"].([]kube.Object)
		last := conditions[len(conditions)-1]
		if got := fmt.Sprintf("%v %v", last["status"], last["message"]); last["type"] != "Ready" || got != want {
			t.Errorf("%v: %s", last["type"], got)
		}
	}
}

func TestAPodIsReadyOnlyWhenItsConditionSaysSo(t *testing.T) {
	pod := func(status string) kube.Object {
		return kube.Object{"status": kube.Object{"conditions": []any{kube.Object{"type": "Ready", "status": status}}}}
	}
	if !kube.PodReady(pod("True")) || kube.PodReady(pod("False")) || kube.PodReady(kube.Object{}) {
		t.Error("misread")
	}
}
