package containers

import (
	"encoding/json"
	"net/netip"
	"time"

	"hearth/lab/talos/kube"
)

// Phases and reasons, in Kubernetes' words.
const (
	pending, running, succeeded, failed = "Pending", "Running", "Succeeded", "Failed"

	creating  = "ContainerCreating"
	crashLoop = "CrashLoopBackOff"
)

// view is a pod as its kubelet sees it.
type view struct {
	phase     string
	began     time.Time   // when the kubelet took it
	state     kube.Object // of the container that has a program
	last      kube.Object // its state before the last restart
	restarts  int
	ready     bool
	since     time.Time // ready, or not
	addresses []netip.Addr
}

func (v *view) over() bool { return v.phase == succeeded || v.phase == failed }

func (v *view) turn(ready bool) {
	if v.ready != ready {
		v.ready, v.since = ready, time.Now()
	}
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// status is what a kubelet writes about the pod; name is the container that has a program.
func (v *view) status(pod kube.Object, name string) kube.Object {
	began := stamp(v.began)
	out := kube.Object{
		"phase": v.phase, "startTime": began, "conditions": v.conditions(name),
		"containerStatuses": v.containers(pod, name),
	}
	if len(v.addresses) > 0 {
		var ips []kube.Object
		for _, a := range v.addresses {
			ips = append(ips, kube.Object{"ip": a.String()})
		}
		out["hostIP"], out["hostIPs"], out["podIP"], out["podIPs"] = ips[0]["ip"], ips, ips[0]["ip"], ips
	}
	var init []kube.Object
	for _, c := range kube.List(kube.Dig(pod, "spec"), "initContainers") {
		init = append(init, v.played(c, began, c["restartPolicy"] != "Always"))
	}
	if init != nil {
		out["initContainerStatuses"] = init
	}
	return out
}

func (v *view) conditions(name string) []kube.Object {
	condition := func(kind string, yes bool, since time.Time, reason, message string) kube.Object {
		status := "False"
		if yes {
			status = "True"
		}
		return kube.Object{
			"type": kind, "status": status, "lastTransitionTime": stamp(since), "reason": reason, "message": message,
		}
	}
	reason, message := "", ""
	switch {
	case v.over():
		reason = "PodCompleted"
	case !v.ready:
		reason, message = "ContainersNotReady", "containers with unready status: ["+name+"]"
	}
	return []kube.Object{
		condition("Initialized", true, v.began, "", ""),
		condition("Ready", v.ready, v.since, reason, message),
		condition("ContainersReady", v.ready, v.since, reason, message),
	}
}

func (v *view) containers(pod kube.Object, name string) []kube.Object {
	out := []kube.Object{}
	for _, c := range kube.List(kube.Dig(pod, "spec"), "containers") {
		if c["name"] != name {
			out = append(out, v.played(c, stamp(v.began), v.over()))
			continue
		}
		_, runs := v.state["running"]
		status := kube.Object{
			"name": name, "image": c["image"], "imageID": c["image"], "ready": v.ready, "started": runs,
			"restartCount": v.restarts, "state": v.state,
		}
		if v.last != nil {
			status["lastState"] = v.last
		}
		out = append(out, status)
	}
	return out
}

// played is a container without a program, beside one that has one.
func (v *view) played(c kube.Object, began string, ended bool) kube.Object {
	state := kube.Object{"running": kube.Object{"startedAt": began}}
	if ended {
		state = kube.Object{"terminated": kube.Object{
			"exitCode": 0, "reason": "Completed", "startedAt": began, "finishedAt": began,
		}}
	} else if v.phase == pending {
		state = waiting(creating, "")
	}
	return kube.Object{
		"name": c["name"], "image": c["image"], "imageID": c["image"], "ready": !v.over() && v.phase != pending,
		"started": !ended && v.phase != pending, "restartCount": 0, "state": state,
	}
}

func waiting(reason, message string) kube.Object {
	return kube.Object{"waiting": kube.Object{"reason": reason, "message": message}}
}

func terminated(code int, reason, started string) kube.Object {
	return kube.Object{"terminated": kube.Object{
		"exitCode": code, "reason": reason, "startedAt": started, "finishedAt": stamp(time.Now()),
	}}
}

// readyIn is the pod's Ready condition as the API has it.
func readyIn(pod kube.Object) string {
	for _, c := range kube.List(kube.Dig(pod, "status"), "conditions") {
		if c["type"] == "Ready" {
			s, _ := c["status"].(string)
			return s
		}
	}
	return ""
}

func text(o kube.Object) string {
	b, _ := json.Marshal(o) // of maps, texts and numbers: cannot fail
	return string(b)
}
