package health

import (
	"context"
	"encoding/json"
	"encoding/pem"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"github.com/siderolabs/talos/pkg/machinery/config/machine"

	"hearth/lab/talos/kube"
)

const (
	nodesPath = "/api/v1/nodes"
	podsPath  = "/api/v1/namespaces/kube-system/pods"
	sets      = "/apis/apps/v1/namespaces/kube-system/deployments"
)

// cluster is one control plane and one worker, with an API that knows these lists.
func cluster(t *testing.T, lists map[string][]kube.Object) *Cluster {
	t.Helper()
	s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		items, ok := lists[r.URL.Path]
		if !ok {
			http.NotFound(w, r)
			return
		}
		if err := json.NewEncoder(w).Encode(kube.Object{"items": items}); err != nil {
			t.Error(err)
		}
	}))
	t.Cleanup(s.Close)
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})
	k, err := kube.New(s.URL, ca, nil, "", new(net.Dialer).DialContext)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(k.Close)
	return &Cluster{Kube: k, CNI: "flannel", Nodes: []Node{
		{IPs: []netip.Addr{netip.MustParseAddr("10.0.1.1"), netip.MustParseAddr("fd00:1::1")}, Type: machine.TypeControlPlane},
		{IPs: []netip.Addr{netip.MustParseAddr("10.0.2.1")}, Type: machine.TypeWorker},
	}}
}

func node(name, address, ready string) kube.Object {
	return kube.Object{
		"metadata": kube.Object{"name": name},
		"status": kube.Object{
			"addresses":  []kube.Object{{"type": "InternalIP", "address": address}, {"type": "Hostname", "address": name}},
			"conditions": []kube.Object{{"type": "Ready", "status": ready}},
		},
	}
}

func expect(t *testing.T, err error, want string) {
	t.Helper()
	if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
		t.Errorf("got %v, want %q", err, want)
	}
}

func TestMachinesAndNodesHaveToBeTheSame(t *testing.T) {
	both := []kube.Object{node("cp1", "fd00:1::1", "True"), node("worker1", "10.0.2.1", "True")}
	for _, x := range []struct {
		nodes []kube.Object
		want  string
	}{
		{both, ""},
		{both[:1], `can't find expected node with IPs ["10.0.2.1"]`},
		{append(both, node("stranger", "10.9.9.9", "True")), `unexpected nodes with IPs ["10.9.9.9"]`},
	} {
		expect(t, nodesReported(context.Background(), cluster(t, map[string][]kube.Object{nodesPath: x.nodes})), x.want)
	}
}

func TestNodesThatAreNotReadyAreNamedUnlessNobodyBringsANetwork(t *testing.T) {
	c := cluster(t, map[string][]kube.Object{nodesPath: {node("cp1", "10.0.1.1", "True"), node("worker1", "10.0.2.1", "False")}})
	expect(t, nodesReady(context.Background(), c), "some nodes are not ready: [worker1]")
	c.CNI = "none"
	if err := nodesReady(context.Background(), c); !errors.Is(err, errSkip) {
		t.Errorf("got %v", err)
	}
}

func TestAWorkloadHasAsManyReadyPodsAsItWants(t *testing.T) {
	set := kube.Object{"status": kube.Object{"replicas": 2}}
	one, two, sick := node("one", "", "True"), node("two", "", "True"), node("sick", "", "False")
	for want, pods := range map[string][]kube.Object{
		"":                                     {one, two},
		"expected 2 ready pods, got 1":         {one},
		"some pods are not ready: [sick]":      {one, sick},
		`no pods found for namespace "kube-sy`: {},
	} {
		expect(t, coreDNS(context.Background(), cluster(t, map[string][]kube.Object{sets: {set}, podsPath: pods})), want)
	}
	if err := coreDNS(context.Background(), cluster(t, map[string][]kube.Object{sets: {}})); !errors.Is(err, errSkip) {
		t.Errorf("without a Deployment: %v", err)
	}
}

func TestACordonedNodeIsNamedAndAnAPIThatRefusesIsAnError(t *testing.T) {
	cordoned := node("worker1", "10.0.2.1", "True")
	cordoned["spec"] = kube.Object{"unschedulable": true}
	expect(t, schedulable(context.Background(), cluster(t, map[string][]kube.Object{nodesPath: {cordoned}})), "some nodes are not schedulable: [worker1]")
	expect(t, schedulable(context.Background(), cluster(t, nil)), "404")
}
