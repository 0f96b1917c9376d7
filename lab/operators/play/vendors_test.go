package play

import (
	"crypto/x509"
	"encoding/base64"
	"strings"
	"testing"

	"hearth/lab/operators/kube"
)

const store = `
/apis/external-secrets.io/v1/clustersecretstores/onepassword
spec: {provider: {onepassword: {connectHost: "http://connect.op.svc.cluster.local:8080", auth: {secretRef: {connectTokenSecretRef: {name: token, key: token, namespace: op}}}}}}
---
/apis/external-secrets.io/v1/namespaces/app/externalsecrets/login
spec: {secretStoreRef: {kind: ClusterSecretStore, name: onepassword}, target: {name: login-made}, data: [{secretKey: user}, {secretKey: password}]}
---
/api/v1/namespaces/x/secrets/other
data: {}
`

const connect = `
---
/api/v1/namespaces/op/secrets/token
data: {token: dA==}
---
/apis/discovery.k8s.io/v1/namespaces/op/endpointslices/connect-1
metadata: {labels: {kubernetes.io/service-name: connect}}
endpoints: [{conditions: {ready: true}}]
`

const (
	storePath  = "/apis/external-secrets.io/v1/clustersecretstores/onepassword"
	loginPath  = "/apis/external-secrets.io/v1/namespaces/app/externalsecrets/login"
	secretPath = "/api/v1/namespaces/app/secrets/login-made"
)

func TestAStoreWithoutItsTokenIsNotReadyAndNeitherIsWhatAsksIt(t *testing.T) {
	s := stage(t, "external-secrets", store)
	s.pass()
	s.ready(storePath, "False", "InvalidProviderConfig", "unable to create client")
	s.ready(loginPath, "False", "SecretSyncedError", "could not get secret data from provider")
	if s.at(secretPath) != nil {
		t.Error("a Secret was made without a store")
	}
	s.quiet()
}

func TestAStoreWhoseServerDoesNotRunIsNotReady(t *testing.T) {
	s := stage(t, "external-secrets", store+strings.ReplaceAll(connect, "ready: true", "ready: false"))
	s.pass()
	s.ready(storePath, "False", "InvalidProviderConfig", "unable to validate store")
}

func TestAnExternalSecretGetsItsSecretWithAValueForEveryKey(t *testing.T) {
	s := stage(t, "external-secrets", store+connect)
	s.pass()
	s.ready(storePath, "True", "Valid", "store validated")
	s.ready(loginPath, "True", "SecretSynced", "secret synced")
	data := kube.Dig(s.at(secretPath), "data")
	user, _ := base64.StdEncoding.DecodeString(kube.Text(data, "user"))
	if len(data) != 2 || !strings.HasPrefix(string(user), "lab-") || data["user"] == data["password"] {
		t.Errorf("the Secret holds %v", data)
	}
	s.quiet()
	delete(s.api.objects, secretPath)
	s.pass()
	if s.at(secretPath) == nil {
		t.Error("a Secret that was deleted did not come back")
	}
}

const issuing = `
/apis/cert-manager.io/v1/clusterissuers/letsencrypt
spec: {acme: {server: "https://acme.example/directory", privateKeySecretRef: {name: account}, solvers: [{dns01: {cloudflare: {apiTokenSecretRef: {name: api, key: t}}}}]}}
---
/apis/cert-manager.io/v1/namespaces/web/certificates/site
spec: {secretName: site-tls, dnsNames: [site.example], issuerRef: {kind: ClusterIssuer, name: letsencrypt}}
---
/apis/cert-manager.io/v1/namespaces/web/issuers/own
spec: {ca: {secretName: root}}
---
/apis/cert-manager.io/v1/namespaces/web/issuers/self
spec: {selfSigned: {}}
---
/apis/cert-manager.io/v1/namespaces/web/certificates/root
spec: {secretName: root, isCA: true, commonName: root, issuerRef: {name: self}}
---
/apis/cert-manager.io/v1/namespaces/web/certificates/leaf
spec: {secretName: leaf, dnsNames: [leaf.example], issuerRef: {name: own}}
`

func TestACertificateWaitsForItsSolversTokenInCertManagersWords(t *testing.T) {
	s := stage(t, "certificates", issuing)
	s.pass()
	const site, absent = "/apis/cert-manager.io/v1/namespaces/web/certificates/site", "Issuing certificate as Secret does not exist"
	s.ready("/apis/cert-manager.io/v1/clusterissuers/letsencrypt", "True", "ACMEAccountRegistered",
		"The ACME account was registered with the ACME server")
	if s.at("/api/v1/namespaces/own/secrets/account") == nil {
		t.Error("the account has no key in the controller's namespace")
	}
	s.ready(site, "False", "DoesNotExist", absent)
	s.says(site, "Issuing", "True", "DoesNotExist", absent)
	s.api.objects["/api/v1/namespaces/own/secrets/api"] = kube.Object{"metadata": kube.Object{"name": "api", "namespace": "own"}}
	s.pass()
	s.ready(site, "True", "Ready", "Certificate is up to date and has not expired")
	if kube.Condition(s.at(site), "Issuing") != nil {
		t.Error("an issued certificate is still being issued")
	}
}

func TestACertificateIsSignedByItsIssuersPair(t *testing.T) {
	s := stage(t, "certificates", issuing)
	s.pass()
	own := "/apis/cert-manager.io/v1/namespaces/web/issuers/own"
	for range 3 {
		s.pass()
	}
	s.ready(own, "True", "KeyPairVerified", "Signing CA verified")
	roots := x509.NewCertPool()
	roots.AddCert(pair(s.at("/api/v1/namespaces/web/secrets/root")).leaf)
	leaf := pair(s.at("/api/v1/namespaces/web/secrets/leaf"))
	if leaf == nil {
		t.Fatal("no leaf was issued")
	}
	if _, err := leaf.leaf.Verify(x509.VerifyOptions{Roots: roots, DNSName: "leaf.example", CurrentTime: s.Now()}); err != nil {
		t.Error(err)
	}
	s.quiet()
}

func TestAnIssuerWithoutItsPairSaysWhichSecretIsMissing(t *testing.T) {
	s := stage(t, "certificates", "/apis/cert-manager.io/v1/namespaces/web/issuers/own\nspec: {ca: {secretName: root}}")
	s.pass()
	s.ready("/apis/cert-manager.io/v1/namespaces/web/issuers/own", "False", "ErrGetKeyPair",
		`Error getting keypair for CA issuer: secrets "root" not found`)
}

const claim = `
/api/v1/namespaces/app/persistentvolumeclaims/data
metadata: {annotations: {volume.kubernetes.io/storage-provisioner: csi.proxmox.sinextra.dev}}
spec: {storageClassName: proxmox, accessModes: [ReadWriteOnce], resources: {requests: {storage: 10Gi}}}
---
/apis/storage.k8s.io/v1/storageclasses/proxmox
provisioner: csi.proxmox.sinextra.dev
volumeBindingMode: WaitForFirstConsumer
parameters: {storage: local-zfs, csi.storage.k8s.io/fstype: ext4}
---
/apis/storage.k8s.io/v1/csidrivers/csi.proxmox.sinextra.dev
spec: {storageCapacity: true}
---
/api/v1/nodes/worker1
metadata: {labels: {topology.kubernetes.io/region: home, topology.kubernetes.io/zone: atlas}}
`

func TestAClaimThatWaitsForItsConsumerGetsItsVolumeWhereTheNodeIs(t *testing.T) {
	s := stage(t, "volumes", claim)
	s.Provisioner = proxmox
	s.pass()
	if s.at("/api/v1/persistentvolumes/pvc-u0") != nil {
		t.Fatal("a volume was made before there was a consumer")
	}
	if s.at("/apis/storage.k8s.io/v1/namespaces/own/csistoragecapacities/csisc-proxmox-home-atlas") == nil {
		t.Error("the scheduler is not told that there is room")
	}
	annotations := kube.Dig(s.at("/api/v1/namespaces/app/persistentvolumeclaims/data"), "metadata", "annotations")
	annotations["volume.kubernetes.io/selected-node"] = "worker1"
	s.pass()
	made := s.at("/api/v1/persistentvolumes/pvc-u0")
	if got := kube.Text(made, "spec", "csi", "volumeHandle"); got != "home/atlas/local-zfs/vm-9999-pvc-u0" {
		t.Errorf("its handle is %q", got)
	}
	if kube.Text(made, "spec", "claimRef", "uid") != "u0" || kube.Dig(made, "spec", "nodeAffinity")["required"] == nil {
		t.Errorf("made %v", made)
	}
	s.quiet()
}

func TestOnlyAReleasedVolumeOfItsOwnIsDeleted(t *testing.T) {
	const volume = "/api/v1/persistentvolumes/%\nmetadata: {annotations: {pv.kubernetes.io/provisioned-by: driver.longhorn.io}}\n" +
		"spec: {persistentVolumeReclaimPolicy: Delete}\nstatus: {phase: Released}"
	text := strings.ReplaceAll(volume, "%", "gone") +
		"\n---\n" + strings.Replace(strings.ReplaceAll(volume, "%", "kept"), "Policy: Delete", "Policy: Retain", 1) +
		"\n---\n" + strings.Replace(strings.ReplaceAll(volume, "%", "others"), "driver.longhorn.io", "else", 1)
	s := stage(t, "volumes", text)
	s.Provisioner = "driver.longhorn.io"
	if did := s.pass(); len(did) != 1 || did[0] != "DELETE /api/v1/persistentvolumes/gone" {
		t.Errorf("it did %v", did)
	}
}
