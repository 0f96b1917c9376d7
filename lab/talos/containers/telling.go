package containers

import (
	"context"
	"net/http"

	"hearth/lab/talos/kube"
)

// report tells the API how the pod is, when it does not know.
func (p *pod) report(ctx context.Context) {
	want := p.view.status(p.object, p.container)
	known := readyIn(p.object) == "True" == p.view.ready
	if text(want) == p.told && known && !p.unsaid || p.released {
		return
	}
	o, err := p.r.k.Patch(ctx, p.path()+"/status", kube.Strategic, kube.Object{"metadata": kube.Object{"uid": p.uid}, "status": want})
	p.unsaid = err != nil && !kube.IsNotFound(err) && !kube.IsConflict(err)
	switch {
	case err == nil:
		p.told = text(want)
		p.take(o)
	case p.unsaid && ctx.Err() == nil:
		p.r.Log.Printf("pod %s/%s: status: %v", p.namespace, p.name, err)
	}
}

// release has the API forget a pod that is being deleted and runs no more.
func (p *pod) release(ctx context.Context) {
	if !p.deleting() || p.live != nil || p.unsaid || p.released {
		return
	}
	_, err := p.r.k.Do(ctx, http.MethodDelete, p.path(), "", kube.Object{
		"apiVersion": "v1", "kind": "DeleteOptions", "gracePeriodSeconds": 0, "preconditions": kube.Object{"uid": p.uid},
	})
	p.released = err == nil || kube.IsNotFound(err) || kube.IsConflict(err)
	if !p.released && ctx.Err() == nil {
		p.r.Log.Printf("pod %s/%s: %v", p.namespace, p.name, err)
	}
}
