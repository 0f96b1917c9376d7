package containers

import (
	"context"
	"fmt"
	"log"
	"net"
	"net/netip"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"hearth/lab/talos/kube"
)

// Net is the machine's network, in which programs run.
type Net interface {
	Start(cmd *exec.Cmd) error
	Listen(address string) (net.Listener, error)
	DialContext(ctx context.Context, network, address string) (net.Conn, error)
}

// Runtime runs programs for the pods of one node during one boot.
type Runtime struct {
	Table     Table
	Node      string
	Dir       string // each pod has a folder in it
	Logs      string
	Net       Net
	Addresses func() []netip.Addr // the node's, first one first
	// Network is the CNI that has configured the node; without one only pods of the host's network start.
	Network func() string
	// Server and CA lead a program to the API.
	Server func() string
	CA     func() []byte
	Log    *log.Logger
	Event  func(string)

	ports ports
	k     *kube.Client
	wg    sync.WaitGroup

	mu     sync.Mutex
	pods   map[string]*pod // by UID
	agents map[string]bool // of Cilium, by UID: ready or not
}

// Run looks after the node's pods with the kubelet's own rights until the boot ends. Programs are gone
// when it returns: nobody asked them, as when power goes.
func (r *Runtime) Run(ctx context.Context, k *kube.Client) {
	r.mu.Lock()
	r.k, r.pods, r.agents = k, map[string]*pod{}, map[string]bool{}
	r.mu.Unlock()
	r.ports = ports{listen: r.Net.Listen, taken: map[int]bool{}}
	defer r.wg.Wait()
	said := ""
	for {
		err := r.follow(ctx)
		if ctx.Err() != nil {
			return
		}
		if err != nil && err.Error() != said {
			said = err.Error()
			r.Log.Printf("pods: %v", err)
		}
		if !sleep(ctx, time.Second) {
			return
		}
	}
}

// follow lists the node's pods once and then hears of their changes, until the stream ends.
func (r *Runtime) follow(ctx context.Context) error {
	q := url.Values{"fieldSelector": {"spec.nodeName=" + r.Node}}
	list, err := r.k.Get(ctx, "/api/v1/pods?"+q.Encode())
	if err != nil {
		return err
	}
	there := map[string]bool{}
	for _, o := range kube.Items(list) {
		there[uid(o)] = true
		r.see(ctx, o)
	}
	r.forget(there)
	version, _ := kube.Dig(list, "metadata")["resourceVersion"].(string)
	q.Set("watch", "true")
	q.Set("resourceVersion", version)
	q.Set("timeoutSeconds", "600")
	return r.k.Watch(ctx, "/api/v1/pods?"+q.Encode(), func(kind string, o kube.Object) {
		if kind == "DELETED" {
			r.lose(uid(o))
			return
		}
		r.see(ctx, o)
	})
}

// see takes note of a pod as the API has it now.
func (r *Runtime) see(ctx context.Context, o kube.Object) {
	id := uid(o)
	r.mu.Lock()
	defer r.mu.Unlock()
	if isAgent(o) {
		r.agents[id] = kube.PodReady(o)
	}
	if p := r.pods[id]; p != nil {
		p.tell(o)
		return
	}
	name, program, ok := r.Table.Find(o)
	if _, mirror := kube.Dig(o, "metadata", "annotations")["kubernetes.io/config.mirror"]; !ok || mirror {
		return
	}
	p := newPod(r, o, name, program)
	r.pods[id] = p
	r.wg.Go(func() { p.run(ctx) })
}

// lose ends a pod that the API has no more.
func (r *Runtime) lose(id string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.agents, id)
	if p := r.pods[id]; p != nil {
		delete(r.pods, id)
		close(p.gone)
	}
}

// forget ends all pods that are not there, and clears away what earlier ones left.
func (r *Runtime) forget(there map[string]bool) {
	r.mu.Lock()
	var lost []string
	for id := range r.agents {
		if !there[id] {
			delete(r.agents, id)
		}
	}
	for id := range r.pods {
		if !there[id] {
			lost = append(lost, id)
		}
	}
	r.mu.Unlock()
	for _, id := range lost {
		r.lose(id)
	}
	entries, _ := os.ReadDir(r.Dir) // none yet is none
	for _, e := range entries {
		if !there[e.Name()] {
			_ = os.RemoveAll(filepath.Join(r.Dir, e.Name()))
		}
	}
}

// PIDs are the programs that run now, by namespace and name of their pods.
func (r *Runtime) PIDs() map[string]int {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := map[string]int{}
	for _, p := range r.pods {
		if pid := p.pid(); pid > 0 {
			out[p.namespace+"/"+p.name] = pid
		}
	}
	return out
}

// address is where programs of this machine listen, ready to get a port behind it.
func (r *Runtime) address() (string, error) {
	all := r.Addresses()
	if len(all) == 0 {
		return "", fmt.Errorf("node %s has no address", r.Node)
	}
	if all[0].Is6() {
		return "[" + all[0].String() + "]", nil
	}
	return all[0].String(), nil
}

// outside is what a program is given of the simulator's environment: nothing that leads to the clusters
// and clouds of the person at the keyboard.
func outside() []string {
	var out []string
	for _, kv := range os.Environ() {
		name, _, _ := strings.Cut(kv, "=")
		if strings.HasPrefix(name, "KUBE") || strings.HasPrefix(name, "TALOS") || strings.HasPrefix(name, "PULUMI") || strings.HasPrefix(name, "HELM") {
			continue
		}
		out = append(out, kv)
	}
	return out
}

func uid(o kube.Object) string {
	id, _ := kube.Dig(o, "metadata")["uid"].(string)
	return id
}

// sleep waits; false when the context ended first.
func sleep(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}
