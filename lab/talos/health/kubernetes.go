package health

import (
	"context"
	"fmt"
	"net/netip"
	"net/url"
	"slices"

	"hearth/lab/talos/kube"
)

func (c *Cluster) list(ctx context.Context, path, labels string) ([]kube.Object, error) {
	o, err := c.Kube.Get(ctx, path+"?"+url.Values{"labelSelector": {labels}}.Encode())
	return kube.Items(o), err
}

func name(o kube.Object) string {
	n, _ := kube.Dig(o, "metadata")["name"].(string)
	return n
}

// conditionTrue reads one of an object's conditions.
func conditionTrue(o kube.Object, kind string) bool {
	conds, _ := kube.Dig(o, "status")["conditions"].([]any)
	return slices.ContainsFunc(conds, func(x any) bool {
		c, _ := x.(kube.Object)
		return c["type"] == kind && c["status"] == "True"
	})
}

func addresses(node kube.Object) []string {
	list, _ := kube.Dig(node, "status")["addresses"].([]any)
	var out []string
	for _, x := range list {
		a, _ := x.(kube.Object)
		if text, ok := a["address"].(string); ok && a["type"] == "InternalIP" {
			out = append(out, text)
		}
	}
	return out
}

// matchNodes compares machines with Nodes by their addresses.
func (c *Cluster) matchNodes(nodes []kube.Object, controlPlanes bool) error {
	var got, unexpected []string
	known := c.allIPs(controlPlanes)
	for _, n := range nodes {
		addrs := addresses(n)
		got = append(got, addrs...)
		if !slices.ContainsFunc(addrs, func(a string) bool { return slices.Contains(known, a) }) {
			unexpected = append(unexpected, addrs...)
		}
	}
	for _, n := range c.Nodes {
		if controlPlanes && !n.Type.IsControlPlane() {
			continue
		}
		if !slices.ContainsFunc(n.IPs, func(ip netip.Addr) bool { return slices.Contains(got, ip.String()) }) {
			return fmt.Errorf("can't find expected node with IPs %q", n.IPs)
		}
	}
	if len(unexpected) > 0 {
		return fmt.Errorf("unexpected nodes with IPs %q", unexpected)
	}
	return nil
}

func nodesReported(ctx context.Context, c *Cluster) error {
	nodes, err := c.list(ctx, "/api/v1/nodes", "")
	if err != nil {
		return err
	}
	return c.matchNodes(nodes, false)
}

func components(ctx context.Context, c *Cluster) error {
	nodes, err := c.list(ctx, "/api/v1/nodes", "node-role.kubernetes.io/control-plane")
	if err != nil {
		return err
	}
	if err := c.matchNodes(nodes, true); err != nil {
		return err
	}
	for _, app := range []string{"kube-apiserver", "kube-scheduler", "kube-controller-manager"} {
		pods, err := c.list(ctx, "/api/v1/namespaces/kube-system/pods", "k8s-app="+app)
		if err != nil {
			return fmt.Errorf("error listing pods for app %s: %w", app, err)
		}
		if len(pods) != len(nodes) {
			return fmt.Errorf("expected number of pods for %s to be %d, got %d", app, len(nodes), len(pods))
		}
		if bad := notReady(pods); len(bad) > 0 {
			return fmt.Errorf("some pods are not ready for %s: %v", app, bad)
		}
	}
	return nil
}

func notReady(list []kube.Object) []string {
	var out []string
	for _, o := range list {
		if !conditionTrue(o, "Ready") {
			out = append(out, name(o))
		}
	}
	return out
}

func nodesReady(ctx context.Context, c *Cluster) error {
	if c.CNI == "none" {
		return errSkip
	}
	nodes, err := c.list(ctx, "/api/v1/nodes", "")
	if err != nil {
		return err
	}
	if bad := notReady(nodes); len(bad) > 0 {
		return fmt.Errorf("some nodes are not ready: %v", bad)
	}
	return nil
}

// workload waits for the pods of a DaemonSet or Deployment, if there is one.
func (c *Cluster) workload(ctx context.Context, kind, labels string) error {
	sets, err := c.list(ctx, "/apis/apps/v1/namespaces/kube-system/"+kind, labels)
	if err != nil {
		return err
	}
	if len(sets) == 0 {
		return errSkip
	}
	field := "desiredNumberScheduled"
	if kind == "deployments" {
		field = "replicas"
	}
	want, _ := kube.Dig(sets[0], "status")[field].(float64)
	pods, err := c.list(ctx, "/api/v1/namespaces/kube-system/pods", labels)
	if err != nil {
		return err
	}
	if len(pods) == 0 {
		return fmt.Errorf("no pods found for namespace %q and label selector %q", "kube-system", labels)
	}
	if bad := notReady(pods); len(bad) > 0 {
		return fmt.Errorf("some pods are not ready: %v", bad)
	}
	if len(pods) != int(want) {
		return fmt.Errorf("expected %d ready pods, got %d", int(want), len(pods))
	}
	return nil
}

func coreDNS(ctx context.Context, c *Cluster) error {
	if c.CNI == "none" {
		return errSkip
	}
	return c.workload(ctx, "deployments", "k8s-app=kube-dns")
}

func schedulable(ctx context.Context, c *Cluster) error {
	nodes, err := c.list(ctx, "/api/v1/nodes", "")
	if err != nil {
		return err
	}
	var bad []string
	for _, n := range nodes {
		if off, _ := kube.Dig(n, "spec")["unschedulable"].(bool); off {
			bad = append(bad, name(n))
		}
	}
	if len(bad) > 0 {
		return fmt.Errorf("some nodes are not schedulable: %v", bad)
	}
	return nil
}
