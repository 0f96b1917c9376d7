package health

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/cosi-project/runtime/pkg/safe"
	apimachine "github.com/siderolabs/talos/pkg/machinery/api/machine"
	"github.com/siderolabs/talos/pkg/machinery/client"
	"github.com/siderolabs/talos/pkg/machinery/constants"
	"github.com/siderolabs/talos/pkg/machinery/resources/block"
	"github.com/siderolabs/talos/pkg/machinery/resources/k8s"
	"github.com/siderolabs/talos/pkg/machinery/resources/runtime"
)

// Minima of Talos v1.13.0 (pkg/minimal), and what its partitions besides EPHEMERAL take.
const (
	minMemoryControlPlane = 1848*mib - 150*mib
	minMemoryWorker       = 1024*mib - 150*mib
	minDisk               = 6144 * mib
	otherPartitions       = (2048 + 100 + 1 + 10) * mib
	mib                   = 1 << 20
)

func etcdConsistent(ctx context.Context, c *Cluster) error {
	r, err := c.Talos.EtcdMemberList(client.WithNodes(ctx, c.of(true)...), &apimachine.EtcdMemberListRequest{})
	if err != nil {
		return err
	}
	if len(r.GetMessages()) == 0 {
		return errors.New("no messages returned")
	}
	var known []string
	for i, m := range r.GetMessages() {
		var have []string
		for _, x := range m.GetMembers() {
			have = append(have, fmt.Sprintf("%s/%x/%v", x.GetHostname(), x.GetId(), x.GetIsLearner()))
		}
		slices.Sort(have)
		if i == 0 {
			known = have
		} else if !slices.Equal(known, have) {
			return fmt.Errorf("%s: expected to have %v members, got %v", m.GetMetadata().GetHostname(), known, have)
		}
	}
	return nil
}

func etcdMembers(ctx context.Context, c *Cluster) error {
	r, err := c.Talos.EtcdMemberList(ctx, &apimachine.EtcdMemberListRequest{})
	if err != nil {
		return err
	}
	nodes := c.allIPs(true)
	var members []string
	for _, x := range r.GetMessages()[0].GetMembers() {
		for _, p := range x.GetPeerUrls() {
			u, err := url.Parse(p)
			if err != nil {
				return err
			}
			members = append(members, u.Hostname())
		}
	}
	for _, m := range members {
		if !slices.Contains(nodes, m) {
			return fmt.Errorf("etcd member ips %q are not subset of control plane node ips %q", members, nodes)
		}
	}
	return nil
}

func apidReady(ctx context.Context, c *Cluster) error {
	_, err := c.Talos.Version(client.WithNodes(ctx, c.of(false)...))
	return err
}

func memorySizes(ctx context.Context, c *Cluster) error {
	r, err := c.Talos.Memory(client.WithNodes(ctx, c.of(false)...))
	if err != nil {
		return fmt.Errorf("error getting nodes memory: %w", err)
	}
	var errs []error
	for _, m := range r.GetMessages() {
		node := m.GetMetadata().GetHostname()
		least := uint64(minMemoryWorker)
		if c.typeOf(node).IsControlPlane() {
			least = minMemoryControlPlane
		}
		if have := m.GetMeminfo().GetMemtotal() << 10; have < least {
			errs = append(errs, fmt.Errorf("node %q does not meet memory requirements: expected at least %d MiB, actual %d MiB", node, least/mib, have/mib))
		}
	}
	return errors.Join(errs...)
}

func diskSizes(ctx context.Context, c *Cluster) error {
	var errs []error
	for _, node := range c.of(false) {
		v, err := safe.StateGetByID[*block.VolumeStatus](client.WithNode(ctx, node), c.Talos.COSI, constants.EphemeralPartitionLabel)
		if err != nil {
			errs = append(errs, fmt.Errorf("error getting volume status for node %q: %w", node, err))
			continue
		}
		if have := v.TypedSpec().Size; have < minDisk-otherPartitions {
			errs = append(errs, fmt.Errorf("ephemeral partition %q for node %q is too small, expected at least %d MiB, actual %d MiB",
				v.TypedSpec().Location, node, (minDisk-otherPartitions)/mib, have/mib))
		}
	}
	return errors.Join(errs...)
}

func noDiagnostics(ctx context.Context, c *Cluster) error {
	var bad []string
	for _, node := range c.of(false) {
		list, err := safe.StateListAll[*runtime.Diagnostic](client.WithNode(ctx, node), c.Talos.COSI)
		if err != nil {
			return err
		}
		for d := range list.All() {
			bad = append(bad, node+": "+d.TypedSpec().Message)
		}
	}
	if len(bad) == 0 {
		return nil
	}
	return fmt.Errorf("active diagnostics: %s", strings.Join(bad, "; "))
}

func booted(ctx context.Context, c *Cluster) error {
	var bad []string
	for _, node := range c.of(false) {
		s, err := safe.StateGetByID[*runtime.MachineStatus](client.WithNode(ctx, node), c.Talos.COSI, runtime.MachineStatusID)
		if err != nil {
			return err
		}
		if s.TypedSpec().Stage != runtime.MachineStageRunning {
			bad = append(bad, fmt.Sprintf("%s: [%s]", s.TypedSpec().Stage, node))
		}
	}
	if len(bad) == 0 {
		return nil
	}
	return fmt.Errorf("nodes are not running: %s", strings.Join(bad, ", "))
}

func staticPods(ctx context.Context, c *Cluster) error {
	for _, node := range c.of(true) {
		list, err := safe.StateListAll[*k8s.StaticPodStatus](client.WithNode(ctx, node), c.Talos.COSI)
		if err != nil {
			return err
		}
		missing := []string{"kube-apiserver", "kube-controller-manager", "kube-scheduler"}
		for p := range list.All() {
			missing = slices.DeleteFunc(missing, func(app string) bool {
				return strings.HasPrefix(p.Metadata().ID(), "kube-system/"+app+"-")
			})
		}
		if len(missing) > 0 {
			return fmt.Errorf("missing static pods on node %s: %v", node, missing)
		}
	}
	return nil
}
