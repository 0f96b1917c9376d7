package containers

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"time"

	"hearth/lab/talos/kube"
)

// A kubelet restarts at once, then after 10 seconds and twice as long each time, up to five minutes, and
// forgets after ten. Here everything is about ten times as fast.
const (
	backOffFirst  = time.Second
	backOffAtMost = 16 * time.Second
	steady        = time.Minute
	// usualGrace is how long a program has to end when its pod does not say.
	usualGrace = 30 * time.Second
)

// stop asks the program to end, as long as the pod's grace lasts.
func (p *pod) stop(ctx context.Context) {
	grace := usualGrace
	if s, ok := kube.Dig(p.object, "metadata")["deletionGracePeriodSeconds"].(float64); ok {
		grace = time.Duration(s * float64(time.Second))
	}
	p.live.Signal(syscall.SIGTERM)
	select {
	case <-ctx.Done():
	case <-p.gone:
	case err := <-p.live.Done:
		p.ended(err)
	case <-time.After(grace):
		p.ended(p.live.Kill())
	}
}

// ended takes note of a process that is no more.
func (p *pod) ended(err error) {
	p.live = nil
	p.number.Store(0)
	code, reason := 0, "Completed"
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		code, reason = exit.ExitCode(), "Error"
		if s, ok := exit.Sys().(syscall.WaitStatus); ok && s.Signaled() {
			code = 128 + int(s.Signal())
		}
	case err != nil:
		code, reason = 128, "StartError: "+err.Error()
	}
	p.r.Event(fmt.Sprintf("pod %s/%s: ended with exit code %d", p.namespace, p.name, code))
	p.died(code, reason)
}

// died decides what follows: the end of the pod, or another try.
func (p *pod) died(code int, reason string) {
	began, _ := kube.Dig(p.view.state, "running")["startedAt"].(string)
	end := terminated(code, reason, began)
	p.view.turn(false)
	p.view.state = end
	policy := kube.Dig(p.object, "spec")["restartPolicy"]
	if p.deleting() || policy == "Never" || policy == "OnFailure" && code == 0 {
		p.view.phase = failed
		if code == 0 {
			p.view.phase = succeeded
		}
		return
	}
	p.view.last = end
	if time.Since(p.started) > steady {
		p.backOff = 0
	}
	if p.backOff > 0 {
		p.view.state = waiting(crashLoop, fmt.Sprintf("back-off %s restarting failed container=%s pod=%s_%s(%s)",
			p.backOff, p.container, p.name, p.namespace, p.uid))
	}
	p.next = time.Now().Add(p.backOff)
	p.backOff = min(max(2*p.backOff, backOffFirst), backOffAtMost)
}

// kill ends the program without asking.
func (p *pod) kill() {
	if p.live != nil {
		_ = p.live.Kill() // its exit code is of no use to anybody
	}
	p.number.Store(0)
	for _, port := range p.ports {
		p.r.ports.give(port)
	}
}

// clear removes what the pod had on this node; its log stays.
func (p *pod) clear() {
	p.kill()
	p.live = nil
	if err := os.RemoveAll(p.folder()); err != nil {
		p.r.Log.Printf("pod %s/%s: %v", p.namespace, p.name, err)
	}
}
