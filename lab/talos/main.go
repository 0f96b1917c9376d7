// Talossim simulates Talos machines: real clients, real etcd and Kubernetes behind a simulated machine
// API. README.md says what is modelled, approximated and absent.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"hearth/lab/talos/containers"
	"hearth/lab/talos/control"
	"hearth/lab/talos/world"
)

// version is stamped when linking.
var version = "development"

func main() {
	if len(os.Args) == 2 && os.Args[1] == "--version" {
		fmt.Println("talossim", version)
		return
	}
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "talossim:", err)
		os.Exit(1)
	}
}

func parse(args []string) (opts world.Options, listen, trace string, err error) {
	programs := ""
	f := flag.NewFlagSet("talossim", flag.ContinueOnError)
	f.StringVar(&opts.Bridge, "bridge", "", "bridge that is the machines' network (required)")
	f.StringVar(&opts.State, "state", "", "folder for everything that survives a loss of power (required)")
	f.StringVar(&opts.Bin, "bin", "", "folder with etcd, kube-apiserver, kube-controller-manager, kube-scheduler, kwok (required)")
	f.StringVar(&opts.Factory, "factory", "https://factory.talos.dev", "image factory to ask for its images; empty: nobody is asked")
	f.StringVar(&listen, "control", "127.0.0.1:9900", "address of the control API")
	f.StringVar(&programs, "programs", "", "JSON list of the programs that stand for images of pods; empty: all pods are played")
	f.StringVar(&trace, "trace", "", "file that gets a line per call of the machine API")
	f.DurationVar(&opts.RebootTime, "reboot-time", time.Second, "how long a machine is dark between two boots")
	f.DurationVar(&opts.InstallTime, "install-time", 500*time.Millisecond, "how long writing a system to a disk takes")
	if err = f.Parse(args); err != nil {
		return opts, listen, trace, err
	}
	for name, value := range map[string]string{"bridge": opts.Bridge, "state": opts.State, "bin": opts.Bin} {
		if value == "" {
			err = errors.Join(err, fmt.Errorf("--%s is required", name))
		}
	}
	table, wrong := containers.Load(programs)
	if wrong != nil {
		err = errors.Join(err, fmt.Errorf("--programs: %w", wrong))
	}
	opts.Containers = table
	return opts, listen, trace, err
}

func run(args []string) error {
	opts, listen, trace, err := parse(args)
	if errors.Is(err, flag.ErrHelp) {
		return nil
	}
	if err != nil {
		return err
	}
	if trace != "" {
		f, err := os.OpenFile(trace, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
		if err != nil {
			return fmt.Errorf("--trace: %w", err)
		}
		defer f.Close()
		var mu sync.Mutex
		opts.Trace = func(line string) {
			mu.Lock()
			defer mu.Unlock()
			fmt.Fprintln(f, line)
		}
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	// The control address first: two simulators on one state would ruin each other's machines.
	l, err := net.Listen("tcp", listen)
	if err != nil {
		return fmt.Errorf("--control: %w", err)
	}
	w, err := world.New(opts)
	if err != nil {
		return errors.Join(err, l.Close())
	}
	srv := &http.Server{Handler: control.Handler(w), ReadHeaderTimeout: 10 * time.Second}
	context.AfterFunc(ctx, func() { _ = srv.Close() })
	log.Printf("control API on http://%s, machines on %s", l.Addr(), opts.Bridge)
	if err := srv.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	log.Print("pulling every machine's power")
	w.Close()
	return nil
}
