package play

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"hearth/lab/operators/kube"
)

const externalSecretsAPI = "/apis/external-secrets.io/v1"

var (
	clusterStores   = kube.Kind{API: externalSecretsAPI, Plural: "clustersecretstores"}
	stores          = kube.Kind{API: externalSecretsAPI, Plural: "secretstores"}
	externalSecrets = kube.Kind{API: externalSecretsAPI, Plural: "externalsecrets"}
	slicesOf        = kube.Kind{API: "/apis/discovery.k8s.io/v1", Plural: "endpointslices"}

	externalSecretsKinds = []kube.Kind{clusterStores, stores, externalSecrets, secrets, slicesOf}
)

// externalSecretsPass: stores first, so that what depends on them is Ready in the same pass.
func externalSecretsPass(ctx context.Context, w *World) error {
	var failed []error
	for _, k := range []kube.Kind{clusterStores, stores} {
		failed = append(failed, w.each(k, func(o kube.Object) error {
			status := kube.Object{"conditions": w.conditions(o, false, w.store(o))}
			if w.store(o).met {
				status["capabilities"] = "ReadWrite"
			}
			return w.tell(ctx, k, o, status)
		}))
	}
	failed = append(failed, w.each(externalSecrets, func(o kube.Object) error { return w.sync(ctx, o) }))
	return errors.Join(failed...)
}

// store judges a store. Of providers only 1Password Connect is known: its token, and that it runs.
func (w *World) store(o kube.Object) verdict {
	valid := verdict{kind: "Ready", reason: "Valid", message: "store validated", met: true}
	connect, is := kube.Dig(o, "spec", "provider")["onepassword"].(kube.Object)
	if !is {
		return valid
	}
	ref := kube.Dig(connect, "auth", "secretRef", "connectTokenSecretRef")
	where := kube.Namespace(o)
	if where == "" {
		where = kube.Text(ref, "namespace")
	}
	secret := w.Get(secrets, where, kube.Text(ref, "name"))
	if _, has := kube.Dig(secret, "data")[kube.Text(ref, "key")]; !has {
		return verdict{kind: "Ready", reason: "InvalidProviderConfig", message: "unable to create client", met: false}
	}
	if !w.answers(kube.Text(connect, "connectHost")) {
		return verdict{kind: "Ready", reason: "InvalidProviderConfig", message: "unable to validate store", met: false}
	}
	return valid
}

// answers tells whether a Service of the cluster (NAME.NAMESPACE, with or without .svc) has an endpoint
// that is ready; any other host is taken to answer.
func (w *World) answers(address string) bool {
	parsed, err := url.Parse(address)
	if err != nil {
		return false
	}
	parts := strings.Split(strings.TrimSuffix(parsed.Hostname(), ".cluster.local"), ".")
	if len(parts) > 3 || len(parts) < 2 || len(parts) == 3 && parts[2] != "svc" {
		return parsed.Hostname() != ""
	}
	all, _ := w.All(slicesOf)
	return slices.ContainsFunc(all, func(o kube.Object) bool {
		labels := kube.Strings(o, "metadata", "labels")
		return kube.Namespace(o) == parts[1] && labels["kubernetes.io/service-name"] == parts[0] &&
			slices.ContainsFunc(kube.Items(o, "endpoints"), func(e kube.Object) bool {
				return kube.Dig(e, "conditions")["ready"] == true
			})
	})
}

// sync makes an ExternalSecret's Secret, and says so.
func (w *World) sync(ctx context.Context, o kube.Object) error {
	ref := kube.Dig(o, "spec", "secretStoreRef")
	store := w.Get(stores, kube.Namespace(o), kube.Text(ref, "name"))
	if kube.Text(ref, "kind") == "ClusterSecretStore" {
		store = w.Get(clusterStores, "", kube.Text(ref, "name"))
	}
	if kube.Text(ref, "name") != "" && !kube.IsTrue(store, "Ready") {
		failed := verdict{kind: "Ready", reason: "SecretSyncedError", message: "could not get secret data from provider", met: false}
		return w.tell(ctx, externalSecrets, o, kube.Object{"conditions": w.conditions(o, false, failed)})
	}
	name := kube.Text(o, "spec", "target", "name")
	if name == "" {
		name = kube.Name(o)
	}
	fresh, err := w.fill(ctx, o, name)
	if err != nil {
		return err
	}
	synced := verdict{kind: "Ready", reason: "SecretSynced", message: "secret synced", met: true}
	status := kube.Object{
		"conditions": w.conditions(o, false, synced), "binding": kube.Object{"name": name},
	}
	if fresh || kube.Text(o, "status", "refreshTime") == "" {
		status["refreshTime"] = w.stamp()
	}
	return w.tell(ctx, externalSecrets, o, status)
}

// fill makes the Secret, or adds the keys that it lacks.
func (w *World) fill(ctx context.Context, o kube.Object, name string) (fresh bool, err error) {
	data, where := kube.Object{}, kube.Namespace(o)
	have := w.Get(secrets, where, name)
	for _, key := range keys(o) {
		if _, there := kube.Dig(have, "data")[key]; !there {
			data[key] = base64.StdEncoding.EncodeToString([]byte(madeUp(where, name, key)))
		}
	}
	if have != nil && len(data) == 0 {
		return false, nil
	}
	if have != nil {
		return true, w.put(ctx, secrets, http.MethodPatch, secrets.Path(where, name), kube.Merge,
			kube.Object{"data": data})
	}
	template := kube.Dig(o, "spec", "target", "template")
	metadata := maps.Clone(kube.Dig(template, "metadata"))
	metadata["name"], metadata["namespace"] = name, where
	labels := maps.Clone(kube.Dig(metadata, "labels"))
	labels["reconcile.external-secrets.io/managed"] = "true"
	metadata["labels"] = labels
	if policy := kube.Text(o, "spec", "target", "creationPolicy"); policy == "" || policy == "Owner" {
		metadata["ownerReferences"] = owner(o)
	}
	kind := kube.Text(template, "type")
	if kind == "" {
		kind = "Opaque"
	}
	return true, w.put(ctx, secrets, http.MethodPost, secrets.Path(where, ""), "", kube.Object{
		"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "type": kind, "data": data,
	})
}

// keys of the Secret: the template's, or those that are asked for one by one. What `dataFrom` would
// bring only the provider knows.
func keys(o kube.Object) []string {
	template := kube.Dig(o, "spec", "target", "template")
	out := slices.Sorted(maps.Keys(kube.Dig(template, "data")))
	if len(out) == 0 || kube.Text(template, "mergePolicy") == "Merge" {
		for _, item := range kube.Items(kube.Dig(o, "spec"), "data") {
			out = append(out, kube.Text(item, "secretKey"))
		}
	}
	return out
}

// madeUp is always the same value for the same key, and secret to nobody.
func madeUp(parts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(parts, "/")))
	return "lab-" + hex.EncodeToString(sum[:12])
}
