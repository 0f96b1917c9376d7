// Command operators plays the controller of one vendor's chart in a lab: it follows the vendor's objects
// as the chart's own service account, and writes the statuses, Secrets, addresses and volumes that others
// wait for. What it plays is in the chart's description. It runs nothing and reaches nobody outside.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"go.yaml.in/yaml/v3"

	"hearth/lab/operators/kube"
	"hearth/lab/operators/play"
)

// description is what is read of a chart's description.
type description struct {
	CRDs struct {
		Generated string           `yaml:"generated"`
		Made      string           `yaml:"made"`
		Kinds     []map[string]any `yaml:"kinds"`
	} `yaml:"crds"`
	Controller struct {
		Plays       string `yaml:"plays"`
		Provisioner string `yaml:"provisioner"`
		Lease       *struct{ Namespace, Name string }
	} `yaml:"controller"`
}

type flags struct{ description, kubeconfig, listen, namespace, pod, crds string }

func main() {
	var f flags
	flag.StringVar(&f.description, "description", "", "the chart's description")
	flag.StringVar(&f.kubeconfig, "kubeconfig", "", "who the controller is")
	flag.StringVar(&f.listen, "listen", "", "address and port of /readyz")
	flag.StringVar(&f.namespace, "namespace", "", "the pod's namespace")
	flag.StringVar(&f.pod, "pod", "", "the pod's name, which holds the lease")
	flag.StringVar(&f.crds, "crds", "", "folder with generated definitions")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	if err := run(ctx, f); err != nil {
		fmt.Fprintln(os.Stderr, "operators:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, f flags) error {
	text, err := os.ReadFile(f.description)
	if err != nil {
		return err
	}
	var d description
	if err := yaml.Unmarshal(text, &d); err != nil {
		return fmt.Errorf("%s: %w", f.description, err)
	}
	controller, known := play.All[d.Controller.Plays]
	if !known {
		return fmt.Errorf("%s: controller.plays is %q; there are %s", f.description, d.Controller.Plays,
			strings.Join(play.Names(), ", "))
	}
	client, err := kube.Open(f.kubeconfig)
	if err != nil {
		return err
	}
	failed := make(chan error, 1)
	go func() { failed <- listen(ctx, f.listen) }()
	if d.CRDs.Made == "controller" {
		define(ctx, client, definitions(f.crds, d))
	}
	w := &play.World{
		Client: client, Store: kube.NewStore(client), Own: f.namespace,
		Provisioner: d.Controller.Provisioner, Now: time.Now,
	}
	for _, k := range controller.Follows {
		go w.Follow(ctx, k)
	}
	hold := func(context.Context) (bool, error) { return true, nil }
	if lease := d.Controller.Lease; lease != nil {
		namespace := strings.ReplaceAll(lease.Namespace, "$own", f.namespace)
		hold = kube.Lease{Client: client, Namespace: namespace, Name: lease.Name, Me: f.pod}.Hold
	}
	go keep(ctx, w, controller, hold)
	select {
	case <-ctx.Done():
		return nil
	case err := <-failed:
		return err
	}
}

// listen answers /readyz while the program runs; without an address nobody asks.
func listen(ctx context.Context, address string) error {
	if address == "" {
		<-ctx.Done()
		return nil
	}
	server := &http.Server{Addr: address, ReadHeaderTimeout: 5 * time.Second}
	server.Handler = http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) { fmt.Fprintln(rw, "ok") })
	go func() {
		<-ctx.Done()
		server.Close()
	}()
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// settled is how long a burst of changes is let go by before a pass.
const settled = 50 * time.Millisecond

// keep runs a pass after every change, and at times without one, while the lease is held.
func keep(
	ctx context.Context, w *play.World, c play.Controller, hold func(context.Context) (bool, error),
) {
	again, said := time.Duration(0), ""
	var looked time.Time
	held := false
	for {
		select {
		case <-ctx.Done():
			return
		case <-w.Changed():
		case <-time.After(again):
		}
		time.Sleep(settled)
		again = 5 * time.Second
		var err error
		if time.Since(looked) >= 5*time.Second {
			held, err = hold(ctx)
			looked = time.Now()
		}
		// What was never read would look as if it were not there.
		if err == nil && held && w.HasRead(c.Follows) {
			err = c.Pass(ctx, w)
		}
		if err != nil {
			again = time.Second
			if err.Error() != said && ctx.Err() == nil {
				said = err.Error()
				slog.Warn("a pass failed", "error", said)
			}
		}
	}
}
