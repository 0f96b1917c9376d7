// Package play has the controllers that the lab plays: for each, what it follows and one pass over all
// of it. A pass looks at the caches, says what each object's status should be in the vendor's own words,
// and writes what differs; it may be repeated at any time.
package play

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"time"

	"hearth/lab/operators/kube"
)

// World is what a pass works with.
type World struct {
	*kube.Client
	*kube.Store
	// Own is the namespace of the controller's pod.
	Own string
	// Provisioner is whose volumes are made.
	Provisioner string
	Now         func() time.Time
}

// Controller is one vendor's.
type Controller struct {
	Follows []kube.Kind
	Pass    func(context.Context, *World) error
}

// All of them, by the name in a chart's description.
var All = map[string]Controller{
	"certificates":     {Follows: certificateKinds, Pass: certificatesPass},
	"cilium":           {Follows: []kube.Kind{services, ciliumPools}, Pass: ciliumPass},
	"external-secrets": {Follows: externalSecretsKinds, Pass: externalSecretsPass},
	"metallb":          {Follows: []kube.Kind{services, namespaces, addressPools}, Pass: metallbPass},
	"volumes":          {Follows: volumeKinds, Pass: volumesPass},
}

// Names of all of them.
func Names() []string { return slices.Sorted(maps.Keys(All)) }

const core = "/api/v1"

var (
	services   = kube.Kind{API: core, Plural: "services"}
	namespaces = kube.Kind{API: core, Plural: "namespaces"}
	secrets    = kube.Kind{API: core, Plural: "secrets"}
	events     = kube.Kind{API: core, Plural: "events"}
)

// verdict is one condition to be written.
type verdict struct {
	kind, reason, message string
	met                   bool
	unknown               bool
}

func (v verdict) status() string {
	if v.unknown {
		return "Unknown"
	}
	if v.met {
		return "True"
	}
	return "False"
}

// conditions returns an object's conditions with these in it; a transition's time is when it happened.
func (w *World) conditions(o kube.Object, observed bool, told ...verdict) []any {
	var out []any
	for _, c := range kube.Items(kube.Dig(o, "status"), "conditions") {
		if !slices.ContainsFunc(told, func(v verdict) bool { return v.kind == c["type"] }) {
			out = append(out, c)
		}
	}
	for _, v := range told {
		c := kube.Object{
			"type": v.kind, "status": v.status(), "reason": v.reason, "message": v.message,
			"lastTransitionTime": w.stamp(),
		}
		if observed {
			c["observedGeneration"] = kube.Generation(o)
		}
		if before := kube.Condition(o, v.kind); before != nil && before["status"] == c["status"] {
			c["lastTransitionTime"] = before["lastTransitionTime"]
		}
		out = append(out, c)
	}
	return out
}

func (w *World) stamp() string { return w.Now().UTC().Format(time.RFC3339) }

// tell writes the fields of a status that differ from what is there.
func (w *World) tell(ctx context.Context, k kube.Kind, o kube.Object, status kube.Object) error {
	have, changed := kube.Dig(o, "status"), kube.Object{}
	for key, value := range status {
		if !reflect.DeepEqual(have[key], value) {
			changed[key] = value
		}
	}
	if len(changed) == 0 {
		return nil
	}
	path := k.Path(kube.Namespace(o), kube.Name(o)) + "/status"
	return w.put(ctx, k, http.MethodPatch, path, kube.Merge, kube.Object{"status": changed})
}

// put makes a request and remembers what it returned. What is gone by now is no error, and neither is
// what exists already or has changed: a watch brings the news, and another pass.
func (w *World) put(ctx context.Context, k kube.Kind, method, path, contentType string, body any) error {
	made, err := w.Do(ctx, method, path, contentType, body)
	if kube.HasCode(err, http.StatusNotFound) || kube.HasCode(err, http.StatusConflict) {
		return nil
	}
	if err == nil && made["kind"] != "Status" {
		w.Put(k, made)
	}
	return err
}

// each runs a step for every living object; what fails for one does not hide the others.
func (w *World) each(k kube.Kind, step func(kube.Object) error) error {
	all, _ := w.All(k)
	var failed []error
	for _, o := range all {
		if !kube.Dying(o) {
			failed = append(failed, step(o))
		}
	}
	return errors.Join(failed...)
}

// owner is a reference to the controller of an object.
func owner(o kube.Object) []any {
	return []any{kube.Object{
		"apiVersion": o["apiVersion"], "kind": o["kind"], "name": kube.Name(o),
		"uid": kube.Text(o, "metadata", "uid"), "controller": true, "blockOwnerDeletion": true,
	}}
}

// list makes a slice of maps one of anything, as JSON has it.
func list(items ...kube.Object) []any {
	out := []any{}
	for _, item := range items {
		out = append(out, item)
	}
	return out
}
