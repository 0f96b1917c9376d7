package play

import (
	"context"
	"encoding/base64"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"hearth/lab/operators/kube"
)

const certificatesAPI = "/apis/cert-manager.io/v1"

var (
	clusterIssuers = kube.Kind{API: certificatesAPI, Plural: "clusterissuers"}
	issuers        = kube.Kind{API: certificatesAPI, Plural: "issuers"}
	certificates   = kube.Kind{API: certificatesAPI, Plural: "certificates"}

	certificateKinds = []kube.Kind{clusterIssuers, issuers, certificates, secrets}
)

func certificatesPass(ctx context.Context, w *World) error {
	var failed []error
	for _, k := range []kube.Kind{clusterIssuers, issuers} {
		failed = append(failed, w.each(k, func(o kube.Object) error { return w.issuer(ctx, k, o) }))
	}
	failed = append(failed, w.each(certificates, func(o kube.Object) error { return w.certify(ctx, o) }))
	return errors.Join(failed...)
}

// resources is where an issuer's Secrets lie.
func (w *World) resources(issuer kube.Object) string {
	if where := kube.Namespace(issuer); where != "" {
		return where
	}
	return w.Own
}

func (w *World) issuer(ctx context.Context, k kube.Kind, o kube.Object) error {
	spec, status := kube.Dig(o, "spec"), kube.Object{}
	var told verdict
	switch {
	case spec["selfSigned"] != nil:
		told = verdict{kind: "Ready", reason: "IsReady", message: "", met: true}
	case spec["ca"] != nil:
		told = verdict{kind: "Ready", reason: "KeyPairVerified", message: "Signing CA verified", met: true}
		if name := kube.Text(spec, "ca", "secretName"); pair(w.Get(secrets, w.resources(o), name)) == nil {
			told = verdict{kind: "Ready", reason: "ErrGetKeyPair",
				message: `Error getting keypair for CA issuer: secrets "` + name + `" not found`}
		}
	case spec["acme"] != nil:
		if err := w.account(ctx, o); err != nil {
			return err
		}
		told = verdict{kind: "Ready", reason: "ACMEAccountRegistered", message: "The ACME account was registered with the ACME server", met: true}
		status["acme"] = kube.Object{
			"uri":                 kube.Text(spec, "acme", "server") + "/acct/lab",
			"lastRegisteredEmail": kube.Text(spec, "acme", "email"),
		}
	default:
		return nil // Vault and the like: nobody answers for them here
	}
	status["conditions"] = w.conditions(o, true, told)
	return w.tell(ctx, k, o, status)
}

// account makes the key of an ACME account.
func (w *World) account(ctx context.Context, issuer kube.Object) error {
	name, where := kube.Text(issuer, "spec", "acme", "privateKeySecretRef", "name"), w.resources(issuer)
	if name == "" || w.Get(secrets, where, name) != nil {
		return nil
	}
	key, err := newKey()
	if err != nil {
		return err
	}
	return w.secret(ctx, kube.Object{"name": name, "namespace": where}, "Opaque", map[string][]byte{"tls.key": key})
}

func (w *World) secret(ctx context.Context, metadata kube.Object, kind string, data map[string][]byte) error {
	where, _ := metadata["namespace"].(string)
	encoded := kube.Object{}
	for key, value := range data {
		encoded[key] = base64.StdEncoding.EncodeToString(value)
	}
	return w.put(ctx, secrets, http.MethodPost, secrets.Path(where, ""), "", kube.Object{
		"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "type": kind, "data": encoded,
	})
}

// certify issues what can be issued; a Certificate that waits says what cert-manager's says.
func (w *World) certify(ctx context.Context, o kube.Object) error {
	const absent = "Issuing certificate as Secret does not exist"
	where, name := kube.Namespace(o), kube.Text(o, "spec", "secretName")
	secret := w.Get(secrets, where, name)
	if secret == nil {
		issuer := w.issuerOf(o)
		if !kube.IsTrue(issuer, "Ready") || !w.solvable(issuer) {
			waits := []verdict{
				{kind: "Ready", reason: "DoesNotExist", message: absent, met: false}, {kind: "Issuing", reason: "DoesNotExist", message: absent, met: true},
			}
			return w.tell(ctx, certificates, o, kube.Object{"conditions": w.conditions(o, true, waits...)})
		}
		data, err := issue(o, pair(w.signer(issuer)), w.Now())
		if err != nil {
			return err
		}
		if err := w.secret(ctx, tlsMetadata(o), "kubernetes.io/tls", data); err != nil {
			return err
		}
		secret = w.Get(secrets, where, name)
	}
	return w.issued(ctx, o, secret)
}

func (w *World) issuerOf(o kube.Object) kube.Object {
	ref := kube.Dig(o, "spec", "issuerRef")
	if kube.Text(ref, "kind") == "ClusterIssuer" {
		return w.Get(clusterIssuers, "", kube.Text(ref, "name"))
	}
	return w.Get(issuers, kube.Namespace(o), kube.Text(ref, "name"))
}

func (w *World) signer(issuer kube.Object) kube.Object {
	return w.Get(secrets, w.resources(issuer), kube.Text(issuer, "spec", "ca", "secretName"))
}

// solvable: an order ends only when a solver's token is there; the challenge would say so.
func (w *World) solvable(issuer kube.Object) bool {
	solvers := kube.Items(kube.Dig(issuer, "spec", "acme"), "solvers")
	return !slices.ContainsFunc(solvers, func(solver kube.Object) bool {
		ref := kube.Dig(solver, "dns01", "cloudflare", "apiTokenSecretRef")
		name := kube.Text(ref, "name")
		return name != "" && w.Get(secrets, w.resources(issuer), name) == nil
	})
}

func tlsMetadata(o kube.Object) kube.Object {
	ref := kube.Dig(o, "spec", "issuerRef")
	kind := kube.Text(ref, "kind")
	if kind == "" {
		kind = "Issuer"
	}
	return kube.Object{
		"name": kube.Text(o, "spec", "secretName"), "namespace": kube.Namespace(o),
		"labels": kube.Object{"controller.cert-manager.io/fao": "true"},
		"annotations": kube.Object{
			"cert-manager.io/certificate-name": kube.Name(o), "cert-manager.io/issuer-name": kube.Text(ref, "name"),
			"cert-manager.io/issuer-kind": kind, "cert-manager.io/issuer-group": "cert-manager.io",
			"cert-manager.io/common-name": kube.Text(o, "spec", "commonName"),
			"cert-manager.io/alt-names":   strings.Join(kube.Texts(kube.Dig(o, "spec"), "dnsNames"), ","),
		},
	}
}

func (w *World) issued(ctx context.Context, o, secret kube.Object) error {
	made := pair(secret)
	if made == nil {
		return nil // somebody else's Secret, or not seen yet
	}
	ready := verdict{kind: "Ready", reason: "Ready", message: "Certificate is up to date and has not expired", met: true}
	done := slices.DeleteFunc(w.conditions(o, true, ready), func(c any) bool {
		return kube.Text(c.(kube.Object), "type") == "Issuing"
	})
	before, after := made.leaf.NotBefore.UTC(), made.leaf.NotAfter.UTC()
	return w.tell(ctx, certificates, o, kube.Object{
		"conditions": done, "revision": 1.0,
		"notBefore": before.Format(time.RFC3339), "notAfter": after.Format(time.RFC3339),
		"renewalTime": before.Add(after.Sub(before) * 2 / 3).Truncate(time.Second).Format(time.RFC3339),
	})
}
