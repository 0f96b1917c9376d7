// Package kubelet is a machine's agent in Kubernetes: it joins with the bootstrap token and a signed
// certificate, and owns Node, Lease, conditions and the mirror pods of the control plane. It runs a
// program for the pods that have one; all others are played by kwok.
package kubelet

import (
	"context"
	"encoding/base64"
	"fmt"
	"log"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/siderolabs/talos/pkg/machinery/config/config"

	"hearth/lab/talos/containers"
	"hearth/lab/talos/events"
	"hearth/lab/talos/kube"
	"hearth/lab/talos/lan"
	"hearth/lab/talos/pki"
)

// Facts are what a kubelet reads from its machine.
type Facts struct {
	BootID, MachineID, SystemUUID string
	OSImage, KernelVersion        string
	CPUs                          int
	MemoryMiB, DiskBytes          uint64
}

// Agent is a kubelet during one boot.
type Agent struct {
	Dir      string // of the machine
	Hostname string
	Config   func() config.Config
	// NodeIPs may change with the configuration.
	NodeIPs  func() []netip.Addr
	Facts    Facts
	Net      *lan.Port
	Services *events.Services
	Log      *log.Logger
	Event    func(string)
	// Admin is Talos' own access on a control plane, nil on a worker.
	Admin func() (*kube.Client, error)
	// StaticPods are the control plane programs that run here now, with their images.
	StaticPods func() map[string]string
	// Pods runs programs for the pods that have one; nil when there are no programs.
	Pods *containers.Runtime
	// Seen hears of the Node after each round.
	Seen func(node kube.Object, ready bool)

	wake   chan struct{}
	k      *kube.Client
	uid    string
	ready  bool
	labels string // last complaint, said once
}

// Init prepares the agent.
func (a *Agent) Init() { a.wake = make(chan struct{}, 1) }

// Poke makes the next round come at once: the configuration changed.
func (a *Agent) Poke() {
	select {
	case a.wake <- struct{}{}:
	default:
	}
}

// Run joins and then keeps the Node true, until the boot ends.
func (a *Agent) Run(ctx context.Context) {
	a.Services.Set("kubelet", "Running", false, "Waiting for the Kubernetes API")
	for {
		err := a.join(ctx)
		if err == nil {
			break
		}
		a.Services.Set("kubelet", "Running", false, err.Error())
		if !a.wait(ctx, 300*time.Millisecond) {
			return
		}
	}
	defer a.k.Close()
	a.Event("kubelet joined as " + a.Hostname)
	if a.Pods != nil {
		var wg sync.WaitGroup
		defer wg.Wait()
		wg.Go(func() { a.Pods.Run(ctx, a.k) })
	}
	said := ""
	for {
		err := a.round(ctx)
		if err != nil && ctx.Err() == nil && err.Error() != said {
			said = err.Error()
			a.Log.Printf("kubelet: %v", err)
		}
		a.Services.Running("kubelet")
		pause := 5 * time.Second
		if !a.ready || err != nil {
			pause = time.Second
		}
		if !a.wait(ctx, pause) {
			return
		}
	}
}

func (a *Agent) wait(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-a.wake:
	case <-time.After(d):
	}
	return true
}

// Server is KubePrism when it is on, else the cluster's endpoint.
func (a *Agent) Server() string {
	if p := a.Config().Machine().Features().KubePrism(); p.Enabled() {
		return fmt.Sprintf("https://127.0.0.1:%d", p.Port())
	}
	return a.Config().Cluster().Endpoint().String()
}

// join gets a client certificate and registers the Node.
func (a *Agent) join(ctx context.Context) error {
	dir := filepath.Join(a.Dir, "kubelet")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	pair, err := read(dir)
	if err != nil {
		if pair, err = a.request(ctx); err != nil {
			return err
		}
		if err := pair.Write(dir, "client"); err != nil {
			return err
		}
	}
	if a.k, err = kube.New(a.Server(), a.Config().Cluster().IssuingCA().Crt, &pair, "", a.Net.DialContext); err != nil {
		return err
	}
	return a.register(ctx)
}

func read(dir string) (p pki.Pair, err error) {
	if p.Cert, err = os.ReadFile(filepath.Join(dir, "client.crt")); err == nil {
		p.Key, err = os.ReadFile(filepath.Join(dir, "client.key"))
	}
	return p, err
}

const csrPath = "/apis/certificates.k8s.io/v1/certificatesigningrequests"

// request asks for a certificate with the bootstrap token, and waits for the cluster to sign it.
func (a *Agent) request(ctx context.Context) (pki.Pair, error) {
	c := a.Config().Cluster()
	k, err := kube.New(a.Server(), c.IssuingCA().Crt, nil, c.Token().ID()+"."+c.Token().Secret(), a.Net.DialContext)
	if err != nil {
		return pki.Pair{}, err
	}
	defer k.Close()
	csr, key, err := pki.Request(pki.Leaf{CN: "system:node:" + a.Hostname, Org: []string{"system:nodes"}})
	if err != nil {
		return pki.Pair{}, err
	}
	o, err := k.Do(ctx, http.MethodPost, csrPath, "", kube.Object{
		"metadata": kube.Object{"generateName": "csr-"},
		"spec": kube.Object{
			"request": csr, "signerName": "kubernetes.io/kube-apiserver-client-kubelet",
			"usages": []string{"digital signature", "client auth"},
		},
	})
	if err != nil {
		return pki.Pair{}, err
	}
	name, _ := kube.Dig(o, "metadata")["name"].(string)
	for range 100 {
		if o, err = k.Get(ctx, csrPath+"/"+name); err != nil {
			return pki.Pair{}, err
		}
		if text, _ := kube.Dig(o, "status")["certificate"].(string); text != "" {
			crt, err := base64.StdEncoding.DecodeString(text)
			return pki.Pair{Cert: crt, Key: key}, err
		}
		if !a.wait(ctx, 200*time.Millisecond) {
			return pki.Pair{}, ctx.Err()
		}
	}
	return pki.Pair{}, fmt.Errorf("certificate request %s is not signed after 20s", name)
}
