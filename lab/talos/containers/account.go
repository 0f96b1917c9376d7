package containers

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"time"

	"hearth/lab/talos/kube"
	"hearth/lab/talos/persist"
)

// usualSeconds is how long a token lives that a pod's own volume does not say anything about.
const usualSeconds = 3607

// wantsToken tells whether the pod mounts a token of its service account for the API, and for how long.
// The API server's admission puts such a volume into every pod that does not refuse it.
func wantsToken(pod kube.Object) (seconds int, wanted bool) {
	for _, v := range kube.List(kube.Dig(pod, "spec"), "volumes") {
		for _, source := range kube.List(kube.Dig(v, "projected"), "sources") {
			token, ok := source["serviceAccountToken"].(kube.Object)
			if !ok || token["audience"] != nil && token["audience"] != "" {
				continue
			}
			if s, _ := token["expirationSeconds"].(float64); s > 0 {
				return int(s), true
			}
			return usualSeconds, true
		}
	}
	return 0, false
}

// credentials writes a kubeconfig of the pod's own service account, and says when it has to be renewed.
// A pod that mounts no token gets no kubeconfig.
func (p *pod) credentials(ctx context.Context) (renew time.Time, err error) {
	seconds, wanted := wantsToken(p.object)
	if !wanted {
		return time.Now().Add(24 * time.Hour), nil
	}
	account, _ := kube.Dig(p.object, "spec")["serviceAccountName"].(string)
	path := fmt.Sprintf("/api/v1/namespaces/%s/serviceaccounts/%s/token", p.namespace, account)
	o, err := p.r.k.Do(ctx, http.MethodPost, path, "", kube.Object{
		"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest",
		"spec": kube.Object{
			"expirationSeconds": seconds,
			"boundObjectRef":    kube.Object{"apiVersion": "v1", "kind": "Pod", "name": p.name, "uid": p.uid},
		},
	})
	if err != nil {
		return renew, fmt.Errorf("token of service account %s: %w", account, err)
	}
	token, _ := kube.Dig(o, "status")["token"].(string)
	if token == "" {
		return renew, errors.New("the API server answered without a token")
	}
	if err := persist.Write(p.tokenPath(), []byte(token)); err != nil {
		return renew, err
	}
	config, err := kubeconfig(p.r.Server(), p.r.CA(), p.namespace, account, p.tokenPath())
	if err != nil {
		return renew, err
	}
	// As a kubelet does: when four fifths of its life are over.
	return time.Now().Add(time.Duration(seconds) * time.Second * 4 / 5), persist.Write(p.kubeconfigPath(), config)
}

func (p *pod) tokenPath() string      { return filepath.Join(p.folder(), "account", "token") }
func (p *pod) kubeconfigPath() string { return filepath.Join(p.folder(), "account", "kubeconfig") }

// kubeconfig reads the token from its file, so that a renewed one is used. JSON is YAML, too.
func kubeconfig(server string, ca []byte, namespace, account, tokenFile string) ([]byte, error) {
	named := func(name, key string, value kube.Object) []kube.Object {
		return []kube.Object{{"name": name, key: value}}
	}
	return json.MarshalIndent(kube.Object{
		"apiVersion": "v1", "kind": "Config", "current-context": "pod",
		"clusters": named("cluster", "cluster", kube.Object{"server": server, "certificate-authority-data": ca}),
		"users":    named(account, "user", kube.Object{"tokenFile": tokenFile}),
		"contexts": named("pod", "context", kube.Object{"cluster": "cluster", "user": account, "namespace": namespace}),
	}, "", "  ")
}
