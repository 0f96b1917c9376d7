package containers

import "hearth/lab/talos/kube"

const (
	unconfigured = "network is not ready: no CNI has configured this node"
	// noAgent is cilium-cni's own sentence: the plugin asks the agent on its node about every new pod.
	noAgent = "failed to create pod sandbox: plugin type=\"cilium-cni\" failed (add): unable to connect to Cilium agent: " +
		"dial unix /var/run/cilium/cilium.sock: connect: no such file or directory. Is the agent running?"
)

// noNetwork is why a new pod gets no network on this node now, empty when it gets one. Pods that have theirs
// keep it while an agent is away.
func (r *Runtime) noNetwork() string {
	switch r.Network() {
	case "":
		return unconfigured
	case "cilium":
		r.mu.Lock()
		defer r.mu.Unlock()
		for _, ready := range r.agents {
			if ready {
				return ""
			}
		}
		return noAgent
	}
	return ""
}

func isAgent(o kube.Object) bool {
	host, _ := kube.Dig(o, "spec")["hostNetwork"].(bool)
	return host && kube.Dig(o, "metadata", "labels")["k8s-app"] == "cilium"
}
