package play

import (
	"strings"
	"testing"

	"hearth/lab/operators/kube"
)

const dnsService = "/api/v1/namespaces/dns/services/powerdns"

const metallbScene = `
/apis/metallb.io/v1beta1/namespaces/metallb-system/ipaddresspools/dns-pool
spec: {addresses: [10.0.3.3/32], autoAssign: false}
---
/apis/metallb.io/v1beta1/namespaces/metallb-system/ipaddresspools/services-pool
spec: {addresses: [10.0.3.4-10.0.3.5]}
---
/api/v1/namespaces/dns/services/powerdns
apiVersion: v1
kind: Service
metadata: {annotations: {ASKED}}
spec: {type: LoadBalancer, ipFamilies: [IPv4], ports: [{port: 53, protocol: TCP}]}
`

func metallbWith(t *testing.T, annotation string) *scene {
	return stage(t, "metallb", strings.Replace(metallbScene, "ASKED", annotation, 1))
}

func (s *scene) event() string {
	for path, o := range s.api.objects {
		if strings.Contains(path, "/events/") {
			return kube.Text(o, "reason") + ": " + kube.Text(o, "message")
		}
	}
	return ""
}

func TestMetalLBGivesTheFirstAddressOfAPoolThatAssignsByItself(t *testing.T) {
	s := metallbWith(t, "")
	s.pass()
	s.addresses(dnsService, "10.0.3.4")
	if got := kube.Strings(s.at(dnsService), "metadata", "annotations")[fromPool]; got != "services-pool" {
		t.Errorf("from pool %q", got)
	}
	pool := s.at("/apis/metallb.io/v1beta1/namespaces/metallb-system/ipaddresspools/services-pool")
	s.quiet()
	if status := kube.Dig(pool, "status"); status["assignedIPv4"] != 1.0 || status["availableIPv4"] != 1.0 {
		t.Errorf("the pool counts %v", status)
	}
}

func TestMetalLBGivesFromAPoolThatIsAskedFor(t *testing.T) {
	s := metallbWith(t, "metallb.io/address-pool: dns-pool")
	s.pass()
	s.addresses(dnsService, "10.0.3.3")
	s.quiet()
}

func TestMetalLBGivesNoAddressOutsideItsPools(t *testing.T) {
	s := metallbWith(t, "metallb.io/loadBalancerIPs: 10.0.3.99")
	s.pass()
	s.addresses(dnsService, "")
	want := `AllocationFailed: Failed to allocate IP for "dns/powerdns": ["10.0.3.99"] is not allowed in config`
	if got := s.event(); got != want {
		t.Errorf("%s\nwant\n%s", got, want)
	}
}

func TestMetalLBNamesAPoolThatThereIsNot(t *testing.T) {
	s := metallbWith(t, "metallb.universe.tf/address-pool: other")
	s.pass()
	s.addresses(dnsService, "")
	if got := s.event(); !strings.Contains(got, `unknown pool "other"`) {
		t.Error(got)
	}
}

func TestMetalLBTakesBackAnAddressThatIsNoLongerInAPool(t *testing.T) {
	s := metallbWith(t, "")
	s.pass()
	pool := s.at("/apis/metallb.io/v1beta1/namespaces/metallb-system/ipaddresspools/services-pool")
	kube.Dig(pool, "spec")["addresses"] = []any{"10.0.3.5/32"}
	s.pass()
	s.addresses(dnsService, "10.0.3.5")
}

const grafana = "/api/v1/namespaces/monitoring/services/grafana"

const ciliumScene = `
/apis/cilium.io/v2/ciliumloadbalancerippools/bgp-default
spec: {serviceSelector: {matchLabels: {io.cilium/lb-ipam-pool: bgp-default}}, blocks: [{start: 172.29.52.100, stop: 172.29.52.101}, {cidr: "fd00:52::/126"}]}
---
/api/v1/namespaces/monitoring/services/grafana
apiVersion: v1
kind: Service
metadata: {labels: {LABEL}, annotations: {ASKED}}
spec: {type: LoadBalancer, ipFamilies: [IPv4, IPv6], ports: [{port: 80, protocol: TCP}]}
`

func ciliumWith(t *testing.T, label, annotation string) *scene {
	return stage(t, "cilium", strings.NewReplacer("LABEL", label, "ASKED", annotation).Replace(ciliumScene))
}

const ofThePool = "io.cilium/lb-ipam-pool: bgp-default"

func TestCiliumGivesAnAddressOfEachFamilyToAServiceWithThePoolsLabel(t *testing.T) {
	s := ciliumWith(t, ofThePool, "")
	s.pass()
	s.addresses(grafana, "172.29.52.100 fd00:52::")
	s.says(grafana, satisfied, "True", "satisfied", "")
	s.says("/apis/cilium.io/v2/ciliumloadbalancerippools/bgp-default", "cilium.io/IPsUsed", "Unknown", "noreason", "2")
	s.quiet()
}

func TestCiliumGivesNothingToAServiceWithoutTheLabel(t *testing.T) {
	s := ciliumWith(t, "", ofThePool)
	s.pass()
	s.addresses(grafana, "")
	s.says(grafana, satisfied, "False", "no_pool", "There are no enabled CiliumLoadBalancerIPPools that match this service")
	s.quiet()
}

func TestCiliumGivesWhatIsAskedForOnlyFromAPool(t *testing.T) {
	s := ciliumWith(t, ofThePool, "lbipam.cilium.io/ips: 172.29.52.101")
	s.pass()
	s.addresses(grafana, "172.29.52.101")
	s = ciliumWith(t, ofThePool, "io.cilium/lb-ipam-ips: 172.29.52.7")
	s.pass()
	s.addresses(grafana, "")
	s.says(grafana, satisfied, "False", "no_pool", "No pool exists with a CIDR containing '172.29.52.7'")
	s = ciliumWith(t, "", "lbipam.cilium.io/ips: 172.29.52.101")
	s.pass()
	s.says(grafana, satisfied, "False", "pool_selector_mismatch",
		"The pool with the CIDR containing '172.29.52.101', doesn't select this service")
}

func TestCiliumSleepsWithoutAPool(t *testing.T) {
	_, service, _ := strings.Cut(ciliumScene, "\n---\n")
	s := stage(t, "cilium", strings.NewReplacer("LABEL", "", "ASKED", "").Replace(service))
	if did := s.pass(); len(did) != 0 {
		t.Errorf("it did %v", did)
	}
}

func TestANewerPoolThatOverlapsGivesNothing(t *testing.T) {
	s := stage(t, "cilium", strings.NewReplacer("LABEL", ofThePool, "ASKED", "").Replace(ciliumScene)+`
---
/apis/cilium.io/v2/ciliumloadbalancerippools/second
metadata: {creationTimestamp: "2026-01-01T00:00:00Z"}
spec: {blocks: [{cidr: 172.29.52.0/24}]}`)
	s.pass()
	s.addresses(grafana, "172.29.52.100 fd00:52::")
	s.says("/apis/cilium.io/v2/ciliumloadbalancerippools/second", "cilium.io/PoolConflict", "True", "cidr_overlap",
		"Pool conflicts since range '172.29.52.0 - 172.29.52.255' overlaps range '172.29.52.100 - 172.29.52.101' from IP Pool 'bgp-default'")
}
