package containers

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"time"

	"hearth/lab/talos/kube"
	"hearth/lab/talos/process"
)

// again is how long a pod waits between two tries to start or to be deleted.
const again = 500 * time.Millisecond

// pod is one pod with a program, from the first sight of it until the API has it no more.
type pod struct {
	r                    *Runtime
	uid, namespace, name string
	container            string
	program              Program
	news                 chan kube.Object // the latest
	gone                 chan struct{}
	number               atomic.Int64 // of the process

	// What follows is its own goroutine's.
	object   kube.Object
	view     view
	live     *process.Running
	ports    map[string]int
	probe    probe
	begun    bool // ran once, in this boot or an earlier one
	started  time.Time
	next     time.Time // no start before
	backOff  time.Duration
	renew    time.Time // the token
	told     string    // what the API was told last
	unsaid   bool      // and could not be
	released bool      // the API was asked to forget the pod
}

func newPod(r *Runtime, o kube.Object, container string, program Program) *pod {
	meta := kube.Dig(o, "metadata")
	namespace, _ := meta["namespace"].(string)
	name, _ := meta["name"].(string)
	p := &pod{
		r: r, uid: uid(o), namespace: namespace, name: name, container: container, program: program, object: o,
		news: make(chan kube.Object, 1), gone: make(chan struct{}), ports: map[string]int{},
	}
	p.restore()
	return p
}

// tell hands over the newest state; only one goroutine may.
func (p *pod) tell(o kube.Object) {
	select {
	case <-p.news:
	default:
	}
	p.news <- o
}

func (p *pod) pid() int { return int(p.number.Load()) }

func (p *pod) folder() string { return filepath.Join(p.r.Dir, p.uid) }

func (p *pod) scratch() string { return filepath.Join(p.folder(), "scratch") }

func (p *pod) path() string { return "/api/v1/namespaces/" + p.namespace + "/pods/" + p.name }

func (p *pod) deleting() bool { return kube.Dig(p.object, "metadata")["deletionTimestamp"] != nil }

// run looks after the pod until it is gone or the boot ends, when its program ends at once.
func (p *pod) run(ctx context.Context) {
	defer p.kill()
	for {
		p.act(ctx)
		p.report(ctx)
		p.release(ctx)
		var ended <-chan error
		if p.live != nil {
			ended = p.live.Done
		}
		select {
		case <-ctx.Done():
			return
		case <-p.gone:
			p.clear()
			return
		case o := <-p.news:
			p.take(o)
		case err := <-ended:
			p.ended(err)
		case <-time.After(max(p.pause(), 20*time.Millisecond)):
		}
	}
}

// pause is how long nothing is to be done unless something happens.
func (p *pod) pause() time.Duration {
	switch {
	case p.unsaid:
		return time.Second
	case p.deleting():
		return again
	case p.live != nil && p.probe.url != "":
		return time.Until(p.probe.next)
	case p.live != nil:
		return time.Minute // the token wants renewal at times
	case p.view.over():
		return time.Hour
	}
	return time.Until(p.next)
}

func (p *pod) act(ctx context.Context) {
	switch {
	case p.deleting() && p.live != nil:
		p.stop(ctx)
	case p.live != nil:
		p.keepAccount(ctx)
		if ready, known := p.probe.ask(ctx, p.r.Net.DialContext); known {
			p.view.turn(ready)
		}
	case p.deleting() || p.view.over() || time.Now().Before(p.next):
	default:
		p.start(ctx)
	}
}

// keepAccount renews the token in time; one that cannot be renewed now still lives for a while.
func (p *pod) keepAccount(ctx context.Context) {
	if time.Now().Before(p.renew) {
		return
	}
	renew, err := p.credentials(ctx)
	if err != nil {
		p.r.Log.Printf("pod %s/%s: %v", p.namespace, p.name, err)
		renew = time.Now().Add(time.Minute)
	}
	p.renew = renew
}

func (p *pod) start(ctx context.Context) {
	p.next = time.Now().Add(again)
	if host, _ := kube.Dig(p.object, "spec")["hostNetwork"].(bool); !host {
		if why := p.r.noNetwork(); why != "" {
			p.view.state = waiting(creating, why)
			return
		}
	}
	child, err := p.prepare(ctx)
	if err != nil {
		p.view.state = waiting(creating, err.Error())
		return
	}
	p.begin()
	live, err := child.Launch()
	if err != nil {
		p.died(128, "StartError: "+err.Error())
		return
	}
	p.live = live
	p.number.Store(int64(live.PID()))
	p.r.Event(fmt.Sprintf("pod %s/%s: %s started", p.namespace, p.name, filepath.Base(p.program.Path)))
}

// begin notes that the container runs.
func (p *pod) begin() {
	if p.begun {
		p.view.restarts++
	}
	p.begun, p.started = true, time.Now()
	p.view.phase, p.view.addresses = running, p.r.Addresses()
	p.view.state = kube.Object{"running": kube.Object{"startedAt": stamp(p.started)}}
	p.view.turn(p.probe.url == "")
}

// prepare makes what the program needs to start.
func (p *pod) prepare(ctx context.Context) (*process.Child, error) {
	tmp := filepath.Join(p.folder(), "tmp")
	if err := errors.Join(os.MkdirAll(p.scratch(), 0o700), os.MkdirAll(tmp, 0o700)); err != nil {
		return nil, err
	}
	if time.Now().After(p.renew) {
		renew, err := p.credentials(ctx)
		if err != nil {
			return nil, err
		}
		p.renew = renew
	}
	c := &process.Child{
		Name: p.name, Path: p.program.Path, Alone: true, Start: p.r.Net.Start,
		Env: append(outside(), "HOME="+p.scratch(), "TMPDIR="+tmp),
		Log: filepath.Join(p.r.Logs, p.namespace+"_"+p.name+"_"+p.container+".log"),
	}
	var errs []error
	filled := func(text string) string {
		out, err := fill(text, p.value)
		errs = append(errs, err)
		return out
	}
	for _, a := range p.program.Args {
		c.Args = append(c.Args, filled(a))
	}
	c.Args = append(c.Args, p.program.own(p.object, p.container)...)
	for k, v := range p.program.Environment {
		c.Env = append(c.Env, k+"="+filled(v))
	}
	p.probe = probe{url: filled(p.program.Ready)}
	return c, errors.Join(errs...)
}

// value is what stands for a word in braces.
func (p *pod) value(word string) (string, error) {
	switch word {
	case "address":
		return p.r.address()
	case "directory":
		return p.scratch(), nil
	case "kubeconfig":
		return p.kubeconfigPath(), nil
	case "namespace":
		return p.namespace, nil
	case "pod":
		return p.name, nil
	case "node":
		return p.r.Node, nil
	}
	if _, ok := p.ports[word]; !ok {
		port, err := p.r.ports.take()
		if err != nil {
			return "", err
		}
		p.ports[word] = port
	}
	return strconv.Itoa(p.ports[word]), nil
}
