package netplan

import (
	"fmt"
	"net/netip"
	"testing"

	"github.com/siderolabs/talos/pkg/machinery/config"
	"github.com/siderolabs/talos/pkg/machinery/config/configloader"

	"hearth/lab/talos/hardware"
)

const base = `version: v1alpha1
machine:
  type: controlplane
  kubelet: {nodeIP: {validSubnets: [%s]}}
  network: {interfaces: [%s]}
cluster:
  controlPlane: {endpoint: "https://10.0.3.1:6443"}
  etcd: {advertisedSubnets: [%s]}
  network:
    podSubnets: [10.244.0.0/16, "fd00:244::/56"]
    serviceSubnets: [10.96.0.0/12, "fd00:96::/108"]
`

func load(t *testing.T, valid, interfaces, advertised, documents string) config.Provider {
	t.Helper()
	cfg, err := configloader.NewFromBytes([]byte(fmt.Sprintf(base, valid, interfaces, advertised) + documents))
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

func prefixes(list ...string) []netip.Prefix {
	var out []netip.Prefix
	for _, s := range list {
		out = append(out, netip.MustParsePrefix(s))
	}
	return out
}

var spec = &hardware.Spec{
	Platform: hardware.PlatformNocloud, Interfaces: []string{"eth0", "eth1"}, MACs: []string{"BC:24:11:00:00:01", "BC:24:11:00:00:02"},
	Addresses: []string{"10.9.9.9/16"}, Gateways: []string{"10.9.0.1"}, Hostname: "cloud.example.com",
}

// box is a metal machine with one card, which gets both families from DHCP.
var box = &hardware.Spec{
	Platform: hardware.PlatformMetal, Interfaces: []string{"enp3s0f0"}, MACs: []string{"68:5B:35:00:00:01"},
	Addresses: []string{"10.9.9.9/16", "fd00:9::9/64"}, Gateways: []string{"10.9.0.1"},
}

func TestWithoutConfigurationThePlatformDecides(t *testing.T) {
	p := For(nil, spec)
	if fmt.Sprint(p) != "[{eth0 [10.9.9.9/16] [10.9.0.1]} {eth1 [] []}]" {
		t.Fatalf("got %v", p)
	}
}

func TestConfiguredAddressesReplaceThePlatforms(t *testing.T) {
	const want = "[{eth0 [10.0.1.1/16 fd00:1::1/64] [10.0.0.1]} {eth1 [] []}]"
	legacy := `{interface: eth0, addresses: [10.0.1.1/16, "fd00:1::1/64"], routes: [{network: 0.0.0.0/0, gateway: 10.0.0.1}]}`
	if p := For(load(t, "", legacy, "", ""), spec); fmt.Sprint(p) != want {
		t.Errorf("deprecated form: got %v", p)
	}
	document := `---
apiVersion: v1alpha1
kind: LinkConfig
name: eth0
addresses: [{address: 10.0.1.1/16}, {address: "fd00:1::1/64"}]
routes: [{gateway: 10.0.0.1}]
`
	if p := For(load(t, "", "", "", document), spec); fmt.Sprint(p) != want {
		t.Errorf("document: got %v", p)
	}
}

const vipDocument = "---\napiVersion: v1alpha1\nkind: Layer2VIPConfig\nname: 10.0.3.1\nlink: eth0\n"

func TestSharedAddressesAreReadInBothForms(t *testing.T) {
	for name, cfg := range map[string]config.Provider{
		"document": load(t, "", "", "", vipDocument), "deprecated": load(t, "", "{interface: eth0, vip: {ip: 10.0.3.1}}", "", ""),
	} {
		if got := fmt.Sprint(VIPs(cfg)); got != "[10.0.3.1]" {
			t.Errorf("%s: got %s", name, got)
		}
	}
}

func TestASharedAddressNeedsACardThatIsThere(t *testing.T) {
	if got := fmt.Sprint(Shared(load(t, "", "", "", vipDocument), spec)); got != "[{10.0.3.1 eth0}]" {
		t.Errorf("there: got %s", got)
	}
	if got := Shared(load(t, "", "", "", vipDocument), box); got != nil {
		t.Errorf("not there: got %v", got)
	}
	legacy := `{deviceSelector: {hardwareAddr: "68:5b:35:*"}, vip: {ip: 10.0.3.1}}`
	if got := fmt.Sprint(Shared(load(t, "", legacy, "", ""), box)); got != "[{10.0.3.1 enp3s0f0}]" {
		t.Errorf("selected: got %s", got)
	}
}

const (
	lease  = "[{enp3s0f0 [10.9.9.9/16 fd00:9::9/64] [10.9.0.1]}]"
	static = "[{enp3s0f0 [10.0.1.1/16] [10.0.0.1]}]"
	dark   = "[{enp3s0f0 [] []}]"
)

func TestABoxTakesALeaseOnlyOnLinksThatNothingIsSaidAbout(t *testing.T) {
	document := func(link string) string {
		return "---\napiVersion: v1alpha1\nkind: LinkConfig\nname: " + link + "\naddresses: [{address: 10.0.1.1/16}]\nroutes: [{gateway: 10.0.0.1}]\n"
	}
	device := func(who string) string {
		return "{" + who + ", addresses: [10.0.1.1/16], routes: [{network: 0.0.0.0/0, gateway: 10.0.0.1}]}"
	}
	for name, c := range map[string]struct{ interfaces, documents, want string }{
		"nothing":                   {"", "", lease},
		"its card":                  {"", document("enp3s0f0"), static},
		"another card, by document": {"", document("eth0"), dark},
		"another card, deprecated":  {device("interface: eth0"), "", lease},
		"its card, deprecated":      {device("interface: enp3s0f0"), "", static},
		"its MAC":                   {device(`deviceSelector: {hardwareAddr: "68:5b:35:00:00:*"}`), "", static},
		"another MAC":               {device(`deviceSelector: {hardwareAddr: "68:5b:36:*"}`), "", lease},
		"DHCP, asked for":           {"", "---\napiVersion: v1alpha1\nkind: DHCPv4Config\nname: enp3s0f0\n", lease},
		"DHCP, elsewhere":           {"", "---\napiVersion: v1alpha1\nkind: DHCPv4Config\nname: eth0\n", dark},
		"a VLAN on its card": {"", "---\napiVersion: v1alpha1\nkind: VLANConfig\nname: enp3s0f0.51\nvlanID: 51\nparent: enp3s0f0\n" +
			"addresses: [{address: 10.0.1.1/16}]\nroutes: [{gateway: 10.0.0.1}]\n", static},
	} {
		if got := fmt.Sprint(For(load(t, "", c.interfaces, "", c.documents), box)); got != c.want {
			t.Errorf("%s: got %s, want %s", name, got, c.want)
		}
	}
}

func TestAPartialConfigurationIsEnoughForAnAddress(t *testing.T) {
	cfg, err := configloader.NewFromBytes([]byte("apiVersion: v1alpha1\nkind: LinkConfig\nname: enp3s0f0\n" +
		"addresses: [{address: 10.0.1.1/16}, {address: \"fd00:1::1/64\"}]\nroutes: [{gateway: 10.0.0.1}, {gateway: \"fd00:1::ffff\"}]\n"))
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(For(cfg, box)); got != "[{enp3s0f0 [10.0.1.1/16 fd00:1::1/64] [10.0.0.1 fd00:1::ffff]}]" {
		t.Errorf("got %s", got)
	}
}

func TestNodeIPsAreOneOfEachFamilyAndNeverAVIP(t *testing.T) {
	have := prefixes("10.0.3.1/32", "10.0.1.1/16", "10.0.1.2/16", "fd00:1::1/64", "10.244.0.1/24")
	for valid, want := range map[string]string{
		"":                               "[10.0.1.1 fd00:1::1]",
		`10.0.0.0/16`:                    "[10.0.1.1]",
		`10.0.0.0/16, "!10.0.1.1/32"`:    "[10.0.1.2]",
		`"fd00:1::/64", 10.0.0.0/16`:     "[fd00:1::1 10.0.1.1]",
		`192.168.0.0/16`:                 "[]",
		`100.64.0.0/10, "fd7a::/16"`:     "[]",
		`0.0.0.0/0, "!10.0.0.0/16"`:      "[]",
		`0.0.0.0/0, "::/0", 10.0.1.2/32`: "[10.0.1.1 fd00:1::1]",
	} {
		got, err := NodeIPs(load(t, valid, "", "", vipDocument), have)
		if err != nil || fmt.Sprint(got) != want {
			t.Errorf("%s: got %v, %v, want %s", valid, got, err, want)
		}
	}
}

func TestEtcdAdvertisesOneAddressUnlessToldOtherwise(t *testing.T) {
	have := prefixes("10.0.3.1/32", "10.0.1.1/16", "fd00:1::1/64")
	for advertised, want := range map[string]string{
		"": "[10.0.1.1]", `"fd00:1::/64"`: "[fd00:1::1]", `10.0.0.0/16, "fd00:1::/64"`: "[10.0.1.1 fd00:1::1]", "192.168.0.0/16": "[]",
	} {
		got, err := EtcdAddresses(load(t, "", "", advertised, vipDocument), have)
		if err != nil || fmt.Sprint(got) != want {
			t.Errorf("%s: got %v, %v, want %s", advertised, got, err, want)
		}
	}
}

func TestNamesComeFromConfigurationThenPlatformThenIdentity(t *testing.T) {
	named := load(t, "", "", "", "---\napiVersion: v1alpha1\nkind: HostnameConfig\nhostname: CP1.example.com\nauto: off\n")
	if got := Hostname(named, spec, "id", nil); got != "cp1" {
		t.Errorf("configured: %s", got)
	}
	if got := Hostname(nil, spec, "id", nil); got != "cloud" {
		t.Errorf("platform: %s", got)
	}
	if got := Hostname(load(t, "", "", "", ""), &hardware.Spec{}, "some identity", nil); len(got) != len("talos-abc-def") {
		t.Errorf("identity: %s", got)
	}
	if got := Hostname(nil, box, "some identity", nil); got != "" {
		t.Errorf("without configuration: %s", got)
	}
}
