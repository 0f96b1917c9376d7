package controlplane

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/siderolabs/talos/pkg/machinery/config"
	"github.com/siderolabs/talos/pkg/machinery/config/configloader"

	"hearth/lab/talos/kube"
)

const text = `version: v1alpha1
machine: {type: controlplane, features: {kubePrism: {enabled: true, port: 7445}}}
cluster:
  token: abcdef.0123456789abcdef
  controlPlane: {endpoint: "https://10.0.3.1:6443"}
  apiServer: {extraArgs: {enable-admission-plugins: AlwaysPullImages, etcd-servers: evil, v: "3"}}
  network: {podSubnets: [10.244.0.0/16], serviceSubnets: [10.96.0.0/12, "fd00:96::/108"], cni: {name: none}}
  inlineManifests:
  - {name: mine, contents: "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: mine}\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: too}"}
`

func load(t *testing.T) config.Provider {
	t.Helper()
	cfg, err := configloader.NewFromBytes([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

func TestExtraArgumentsGrowReplaceOrAreRefusedAsTalosDoes(t *testing.T) {
	got := apiServerArgs(load(t), "/s", netip.MustParseAddr("10.0.1.1"))
	for _, want := range []string{
		"--enable-admission-plugins=NodeRestriction,AlwaysPullImages", "--etcd-servers=https://127.0.0.1:2379", "--v=3",
		"--advertise-address=10.0.1.1", "--service-cluster-ip-range=10.96.0.0/12,fd00:96::/108", "--authorization-config=/s/authorization-config.yaml",
	} {
		if !slices.Contains(got, want) {
			t.Errorf("%s is not in %v", want, got)
		}
	}
}

func TestManifestsFollowTheConfiguration(t *testing.T) {
	all, err := Manifests(load(t))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, o := range all {
		kind, _ := o["kind"].(string)
		name, _ := kube.Dig(o, "metadata")["name"].(string)
		names = append(names, kind+"/"+name)
	}
	for _, want := range []string{
		"Secret/bootstrap-token-abcdef", "Deployment/coredns", "Service/kube-dns", "DaemonSet/kube-proxy", "ConfigMap/mine", "ConfigMap/too",
	} {
		if !slices.Contains(names, want) {
			t.Errorf("%s is not in %v", want, names)
		}
	}
	if slices.Contains(names, "DaemonSet/kube-flannel") {
		t.Error("flannel without being asked for")
	}
	i := slices.Index(names, "Service/kube-dns")
	if policy := kube.Dig(all[i], "spec")["ipFamilyPolicy"]; policy != "RequireDualStack" {
		t.Errorf("DNS service is %v", policy)
	}
}

func TestImagesOfAnotherVersionAreRefusedByName(t *testing.T) {
	for _, x := range []struct {
		image, have string
		ok          bool
	}{
		{"registry.k8s.io/kube-apiserver:v1.36.3", "v1.36.3", true},
		{"registry.k8s.io/kube-apiserver:v1.36.2", "v1.36.3", false},
		{"registry.k8s.io/etcd:v3.6.9", "v3.6.7", true},
		{"registry.k8s.io/etcd:3.6.1-0", "v3.6.7", true},
		{"registry.k8s.io/etcd:v3.5.9", "v3.6.7", false},
		{"mirror:5000/kube-scheduler:v1.36.3@sha256:00", "v1.36.3", true},
	} {
		name, tag := Split(x.image)
		err := matches(name, tag, x.have, x.image)
		if (err == nil) != x.ok {
			t.Errorf("%s with %s: %v", x.image, x.have, err)
		}
		if err != nil && (!strings.Contains(err.Error(), x.image) || !strings.Contains(err.Error(), "use ")) {
			t.Errorf("%v teaches nothing", err)
		}
	}
}

func TestEncryptionKeysHaveTalosNames(t *testing.T) {
	got := string(encryption("one", "two"))
	if !strings.Contains(got, "secretbox: {keys: [{name: key2, secret: one}]}") || !strings.Contains(got, "aescbc: {keys: [{name: key1, secret: two}]}") {
		t.Fatal(got)
	}
}

func TestTheControllerManagerIsNotHeldUpByItsOwnClientUnlessAsked(t *testing.T) {
	if got := controllerManagerArgs(load(t), "/s"); !slices.Contains(got, "--kube-api-qps=200") {
		t.Errorf("throttled: %v", got)
	}
	asked, err := configloader.NewFromBytes([]byte(text + "  controllerManager: {extraArgs: {kube-api-qps: \"20\"}}\n"))
	if err != nil {
		t.Fatal(err)
	}
	if got := controllerManagerArgs(asked, "/s"); !slices.Contains(got, "--kube-api-qps=20") {
		t.Errorf("not as the configuration says: %v", got)
	}
}
