package world

import (
	"context"
	"net/url"
	"slices"

	"hearth/lab/talos/kube"
	"hearth/lab/talos/machine"
	"hearth/lab/talos/pods"
)

// choosePlayers names one healthy control plane per cluster whose kwok plays pods, and takes the pods
// of machines without power or cable out of the play.
func (w *World) choosePlayers(ctx context.Context, healthy map[string]bool) {
	clusters := map[string][]*machine.Machine{}
	for _, m := range w.Machines() {
		if m.ControlPlane() != nil && healthy[m.ID()] {
			clusters[m.Cluster()] = append(clusters[m.Cluster()], m)
		}
	}
	w.mu.Lock()
	before := w.players
	w.players = map[string]string{}
	for cluster, list := range clusters {
		i := slices.IndexFunc(list, func(m *machine.Machine) bool { return m.ID() == before[cluster] })
		w.players[cluster] = list[max(0, i)].ID()
	}
	w.mu.Unlock()
	for cluster, list := range clusters {
		w.benchDead(ctx, cluster, list[0])
	}
}

// playsPods is asked by machines.
func (w *World) playsPods(id string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, player := range w.players {
		if player == id {
			return true
		}
	}
	return false
}

// benchDead removes the label from Nodes whose machine cannot run a pod now; their kubelet puts it
// back when it returns.
func (w *World) benchDead(ctx context.Context, cluster string, via *machine.Machine) {
	alive := map[string]bool{}
	for _, m := range w.Machines() {
		if i := m.Info(); i.Power == "on" && i.Cable == "up" && m.Cluster() == cluster {
			alive[i.Hostname] = true
		}
	}
	p := via.ControlPlane()
	if p == nil || w.sameAsBefore(cluster, alive) {
		return
	}
	k, err := p.Local()
	if err != nil {
		return
	}
	defer k.Close()
	list, err := k.Get(ctx, "/api/v1/nodes?"+url.Values{"labelSelector": {pods.Label + "=yes"}}.Encode())
	if err != nil {
		return
	}
	for _, node := range kube.Items(list) {
		name, _ := kube.Dig(node, "metadata")["name"].(string)
		if alive[name] {
			continue
		}
		_, err = k.Patch(ctx, "/api/v1/nodes/"+name, kube.Merge, kube.Object{
			"metadata": kube.Object{"labels": kube.Object{pods.Label: nil}},
		})
	}
	if err == nil {
		w.rememberAlive(cluster, alive)
	}
}

func (w *World) sameAsBefore(cluster string, alive map[string]bool) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	was := w.alive[cluster]
	for name := range was {
		if !alive[name] {
			return false
		}
	}
	return len(was) == len(alive)
}

func (w *World) rememberAlive(cluster string, alive map[string]bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.alive[cluster] = alive
}
