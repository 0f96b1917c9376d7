package machine

import (
	"strings"
	"testing"

	"github.com/siderolabs/talos/pkg/machinery/config"
	"github.com/siderolabs/talos/pkg/machinery/config/configloader"
	"github.com/siderolabs/talos/pkg/machinery/config/types/v1alpha1"
)

func load(t *testing.T, text string) config.Provider {
	t.Helper()
	cfg, err := configloader.NewFromBytes([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

const plain = "version: v1alpha1\nmachine:\n  type: worker\n"

func TestWhatIsOnTheAllowListNeedsNoReboot(t *testing.T) {
	for _, change := range []string{
		"  nodeLabels: {a: b}\n", "  sysctls: {a: b}\n", "  kubelet: {extraArgs: {v: '2'}}\n", "  install: {disk: /dev/sda}\n",
		"  network: {interfaces: [{interface: eth0, dhcp: true}]}\n", "  certSANs: [a]\n", "  time: {disabled: true}\n",
		"cluster: {clusterName: other}\n", "debug: true\n", "---\napiVersion: v1alpha1\nkind: HostnameConfig\nhostname: a\nauto: off\n",
	} {
		if err := NeedsReboot(load(t, plain), load(t, plain+change)); err != nil {
			t.Errorf("%s: %v", strings.TrimSpace(change), err)
		}
	}
}

func TestWhatIsNotOnTheAllowListNeedsOne(t *testing.T) {
	for _, change := range []string{
		"  env: {a: b}\n", "  udev: {rules: [a]}\n", "  files: [{path: /var/a, content: a, permissions: 0o644, op: create}]\n",
		"  systemDiskEncryption: {state: {provider: luks2, keys: [{slot: 0, nodeID: {}}]}}\n",
	} {
		err := NeedsReboot(load(t, plain), load(t, plain+change))
		if err == nil || !strings.Contains(err.Error(), "this config change can't be applied in immediate mode\ndiff:\n") {
			t.Errorf("%s: %v", strings.TrimSpace(change), err)
		}
	}
}

func TestEveryNameOnTheAllowListExists(t *testing.T) {
	copyImmediate(&v1alpha1.MachineConfig{MachineFeatures: &v1alpha1.FeaturesConfig{}},
		&v1alpha1.MachineConfig{MachineFeatures: &v1alpha1.FeaturesConfig{}})
}

func TestInstallerImagesAreReadForVersionAndSchematic(t *testing.T) {
	id := strings.Repeat("ab", 32)
	for image, want := range map[string][2]string{
		"factory.talos.dev/nocloud-installer/" + id + ":v1.13.0":        {"v1.13.0", id},
		"factory.talos.dev/metal-installer-secureboot/" + id + ":v1.13": {"v1.13", id},
		"ghcr.io/siderolabs/installer:v1.12.4":                          {"v1.12.4", ""},
		"registry:5000/siderolabs/installer:v1.13.0@sha256:0":           {"v1.13.0", ""},
	} {
		got, err := Parse(image)
		if err != nil || got.Version != want[0] || got.Schematic != want[1] {
			t.Errorf("%s: %+v, %v", image, got, err)
		}
	}
	for _, image := range []string{"ghcr.io/siderolabs/installer", "registry:5000/installer", "a:latest"} {
		if _, err := Parse(image); err == nil {
			t.Errorf("%s was accepted", image)
		}
	}
}
