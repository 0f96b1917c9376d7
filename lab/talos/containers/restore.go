package containers

import (
	"strconv"
	"time"

	"hearth/lab/talos/kube"
)

// restore reads what an earlier boot, or nobody, has reported about the pod. A container that ran then
// has ended with that boot, as a runtime finds it after a loss of power.
func (p *pod) restore() {
	status := kube.Dig(p.object, "status")
	p.view = view{phase: pending, began: time.Now(), since: time.Now(), state: waiting(creating, "")}
	if t, err := time.Parse(time.RFC3339, field(status, "startTime")); err == nil {
		p.view.began = t
	}
	for _, c := range kube.List(status, "containerStatuses") {
		if c["name"] == p.container {
			p.resume(c, field(status, "phase"))
		}
	}
}

func (p *pod) resume(c kube.Object, phase string) {
	restarts, _ := c["restartCount"].(float64)
	p.view.restarts = int(restarts)
	if last := kube.Dig(c, "lastState"); len(last) > 0 {
		p.view.last = last
	}
	state := kube.Dig(c, "state")
	_, ran := state["running"]
	_, ended := state["terminated"]
	p.begun = ran || ended || restarts > 0 || p.view.last != nil
	if phase == running {
		p.view.phase = running
	}
	switch {
	case phase == succeeded || phase == failed:
		p.view.phase, p.view.state = phase, state
		p.told = text(p.view.status(p.object, p.container)) // nothing to add
	case ran:
		p.view.state = state
		p.died(255, "Unknown")
	case ended:
		p.view.state, p.view.last = state, state
	}
}

// take looks at a newer state of the pod. Versions of one collection are numbers that grow.
func (p *pod) take(o kube.Object) {
	if version(o) >= version(p.object) {
		p.object = o
	}
}

func version(o kube.Object) uint64 {
	n, _ := strconv.ParseUint(field(kube.Dig(o, "metadata"), "resourceVersion"), 10, 64)
	return n
}

func field(o kube.Object, key string) string {
	s, _ := o[key].(string)
	return s
}
