// Package health is Talos' cluster health check as it runs on a control plane: the sequence of
// pkg/cluster/check of Talos v1.13.0, over the machines' APIs and Kubernetes. It only looks.
package health

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/siderolabs/talos/pkg/machinery/client"
	"github.com/siderolabs/talos/pkg/machinery/config/machine"

	"hearth/lab/talos/kube"
)

// Node is a machine that ought to be in the cluster.
type Node struct {
	IPs  []netip.Addr // the first is its own
	Type machine.Type
}

// Cluster is what gets checked.
type Cluster struct {
	Nodes []Node
	Talos *client.Client
	Kube  *kube.Client
	// CNI is the configured one; with "none" Talos does not wait for nodes to be ready.
	CNI string
}

// errSkip says that a check does not apply.
var errSkip = errors.New("SKIP")

type check struct {
	what    string
	timeout time.Duration
	run     func(context.Context, *Cluster) error
}

// checks are Talos' DefaultClusterChecks, in order and by their names.
var checks = []check{
	{"etcd to be healthy", 5 * time.Second, func(ctx context.Context, c *Cluster) error { return c.service(ctx, "etcd") }},
	{"etcd members to be consistent across nodes", 5 * time.Second, etcdConsistent},
	{"etcd members to be control plane nodes", 5 * time.Second, etcdMembers},
	{"apid to be ready", 5 * time.Second, apidReady},
	{"all nodes memory sizes", 5 * time.Second, memorySizes},
	{"all nodes disk sizes", 5 * time.Second, diskSizes},
	{"no diagnostics", 5 * time.Second, noDiagnostics},
	{"kubelet to be healthy", 5 * time.Second, func(ctx context.Context, c *Cluster) error { return c.service(ctx, "kubelet") }},
	{"all nodes to finish boot sequence", 5 * time.Second, booted},
	{"all k8s nodes to report", 30 * time.Second, nodesReported},
	{"all control plane static pods to be running", 5 * time.Second, staticPods},
	{"all control plane components to be ready", 5 * time.Second, components},
	{"all k8s nodes to report ready", 5 * time.Second, nodesReady},
	{"kube-proxy to report ready", 5 * time.Second, func(ctx context.Context, c *Cluster) error {
		return c.workload(ctx, "daemonsets", "k8s-app=kube-proxy")
	}},
	{"coredns to report ready", 5 * time.Second, coreDNS},
	{"all k8s nodes to report schedulable", 5 * time.Second, schedulable},
}

// poll is the pause between two tries of a check.
const poll = time.Second

// Wait runs the checks one after another until each holds, telling of its progress.
func Wait(ctx context.Context, c *Cluster, tell func(string) error) error {
	for _, x := range checks {
		if err := tell("waiting for " + x.what + ": ..."); err != nil {
			return err
		}
		said := ""
		for {
			err := x.once(ctx, c)
			state := "OK"
			if err != nil {
				state = err.Error()
			}
			if state != said {
				said = state
				if err := tell("waiting for " + x.what + ": " + state); err != nil {
					return err
				}
			}
			if err == nil || errors.Is(err, errSkip) {
				break
			}
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(poll):
			}
		}
	}
	return nil
}

func (x check) once(ctx context.Context, c *Cluster) error {
	ctx, cancel := context.WithTimeout(ctx, x.timeout)
	defer cancel()
	return x.run(ctx, c)
}

// of are the addresses of some nodes, the control planes' or all.
func (c *Cluster) of(controlPlanes bool) []string {
	var out []string
	for _, n := range c.Nodes {
		if !controlPlanes || n.Type.IsControlPlane() {
			out = append(out, n.IPs[0].String())
		}
	}
	slices.Sort(out)
	return out
}

func (c *Cluster) allIPs(controlPlanes bool) []string {
	var out []string
	for _, n := range c.Nodes {
		if controlPlanes && !n.Type.IsControlPlane() {
			continue
		}
		for _, ip := range n.IPs {
			out = append(out, ip.String())
		}
	}
	return out
}

func (c *Cluster) typeOf(ip string) machine.Type {
	for _, n := range c.Nodes {
		if n.IPs[0].String() == ip {
			return n.Type
		}
	}
	return machine.TypeUnknown
}

// service asks all control planes for one service.
func (c *Cluster) service(ctx context.Context, name string) error {
	nodes := c.of(true)
	infos, err := c.Talos.ServiceInfo(client.WithNodes(ctx, nodes...), name)
	if err != nil {
		return err
	}
	if len(infos) != len(nodes) {
		return fmt.Errorf("expected a response with %d node(s), got %d", len(nodes), len(infos))
	}
	var errs []error
	for _, i := range infos {
		node, last := i.Metadata.GetHostname(), i.Service.GetEvents().GetEvents()
		switch {
		case len(last) == 0:
			errs = append(errs, fmt.Errorf("%s: no events recorded yet for service %q", node, name))
		case last[len(last)-1].GetState() != "Running":
			e := last[len(last)-1]
			errs = append(errs, fmt.Errorf("%s: service %q not in expected state \"Running\": current state [%s] %s", node, name, e.GetState(), e.GetMsg()))
		case !i.Service.GetHealth().GetHealthy():
			errs = append(errs, fmt.Errorf("%s: service is not healthy: %s", node, name))
		}
	}
	return errors.Join(errs...)
}
