package kubelet

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/siderolabs/talos/pkg/machinery/config/config"

	"hearth/lab/talos/kube"
	"hearth/lab/talos/pods"
)

// Labels are those that the configuration asks for, in all its places.
func Labels(cfg config.Config) map[string]string {
	out := map[string]string{}
	for k, v := range cfg.Machine().NodeLabels() {
		out[k] = v
	}
	for k, list := range cfg.Machine().Kubelet().ExtraArgs() {
		if k != "node-labels" {
			continue
		}
		for _, kv := range strings.Split(strings.Join(list, ","), ",") {
			if x, y, ok := strings.Cut(kv, "="); ok {
				out[x] = y
			}
		}
	}
	if cfg.Machine().Type().IsControlPlane() {
		out["node-role.kubernetes.io/control-plane"] = ""
	}
	return out
}

// describe brings labels and annotations to the Node. A control plane may do it with Talos' own
// rights; a worker is only its kubelet, and the API server refuses what a kubelet may not say.
func (a *Agent) describe(ctx context.Context, node kube.Object) {
	want := Labels(a.Config())
	want[pods.Label] = "yes"
	labels := missing(want, kube.Dig(node, "metadata", "labels"))
	notes := missing(a.Config().Machine().NodeAnnotations(), kube.Dig(node, "metadata", "annotations"))
	if len(labels)+len(notes) == 0 {
		return
	}
	k := a.k
	if a.Admin != nil {
		admin, err := a.Admin()
		if err != nil {
			return // the API server here is not up yet; the next round tries again
		}
		defer admin.Close()
		k = admin
	}
	_, err := k.Patch(ctx, nodesPath+"/"+a.Hostname, kube.Merge, kube.Object{
		"metadata": kube.Object{"labels": labels, "annotations": notes},
	})
	if err != nil && err.Error() != a.labels {
		a.labels = err.Error()
		a.Log.Printf("node labels: %v", err)
	}
}

func missing(want map[string]string, have kube.Object) kube.Object {
	out := kube.Object{}
	for k, v := range want {
		if have[k] != v {
			out[k] = v
		}
	}
	return out
}

// mirror shows the control plane's programs as the mirror pods of their static pods.
func (a *Agent) mirror(ctx context.Context) error {
	if a.StaticPods == nil || len(a.NodeIPs()) == 0 {
		return nil
	}
	for app, image := range a.StaticPods() {
		if err := a.mirrorPod(ctx, app, image); err != nil {
			return err
		}
	}
	return nil
}

func (a *Agent) mirrorPod(ctx context.Context, app, image string) error {
	name, ip := app+"-"+a.Hostname, a.NodeIPs()[0].String()
	// A kubelet creates without asking first: the node authorizer forbids reading a pod that is not its own yet.
	have, err := a.k.Create(ctx, podsPath, kube.Object{
		"metadata": kube.Object{
			"name":   name,
			"labels": kube.Object{"k8s-app": app, "tier": "control-plane", "component": app},
			"annotations": kube.Object{
				"kubernetes.io/config.mirror": a.Facts.BootID, "kubernetes.io/config.hash": a.Facts.BootID, "kubernetes.io/config.source": "file",
			},
			"ownerReferences": []kube.Object{{"apiVersion": "v1", "kind": "Node", "name": a.Hostname, "uid": a.uid, "controller": true}},
		},
		"spec": kube.Object{
			"nodeName": a.Hostname, "hostNetwork": true, "priorityClassName": "system-cluster-critical",
			"tolerations": []kube.Object{{"operator": "Exists"}}, "containers": []kube.Object{{"name": app, "image": image}},
		},
	})
	if err != nil {
		return fmt.Errorf("mirror pod %s: %w", name, err)
	}
	if kube.PodReady(have) && kube.Dig(have, "status")["podIP"] == ip {
		return nil
	}
	now := time.Now().UTC().Format(time.RFC3339)
	_, err = a.k.Patch(ctx, podsPath+"/"+name+"/status", kube.Strategic, kube.Object{"status": kube.Object{
		"phase": "Running", "podIP": ip, "hostIP": ip, "podIPs": []kube.Object{{"ip": ip}}, "startTime": now,
		"conditions": []kube.Object{
			{"type": "Initialized", "status": "True"}, {"type": "Ready", "status": "True"},
			{"type": "ContainersReady", "status": "True"}, {"type": "PodScheduled", "status": "True"},
		},
		"containerStatuses": []kube.Object{{
			"name": app, "ready": true, "started": true, "restartCount": 0, "image": image, "imageID": image,
			"state": kube.Object{"running": kube.Object{"startedAt": now}},
		}},
	}})
	return err
}
