package play

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/netip"
	"strings"

	"hearth/lab/operators/balance"
	"hearth/lab/operators/kube"
)

// addresses reads what a Service has, or was asked for in words; what is no address is left out.
func addresses(texts ...string) []netip.Addr {
	var out []netip.Addr
	for _, text := range texts {
		if a, err := netip.ParseAddr(strings.TrimSpace(text)); err == nil {
			out = append(out, a)
		}
	}
	return out
}

// ingress is what a Service's status has.
func ingress(service kube.Object) []netip.Addr {
	var out []netip.Addr
	for _, item := range kube.Items(kube.Dig(service, "status", "loadBalancer"), "ingress") {
		out = append(out, addresses(kube.Text(item, "ip"))...)
	}
	return out
}

func asIngress(given []netip.Addr) kube.Object {
	items := list()
	for _, a := range given {
		items = append(items, kube.Object{"ip": a.String(), "ipMode": "VIP"})
	}
	if len(items) == 0 {
		return kube.Object{}
	}
	return kube.Object{"ingress": items}
}

// give writes the addresses: a merge patch takes the old list away only when it is named.
func (w *World) give(ctx context.Context, service kube.Object, given []netip.Addr, more kube.Object) error {
	status := kube.Object{}
	for key, value := range more {
		status[key] = value
	}
	if !sameAddresses(given, ingress(service)) {
		balancer := asIngress(given)
		if len(given) == 0 {
			balancer = kube.Object{"ingress": nil}
		}
		status["loadBalancer"] = balancer
	}
	return w.tell(ctx, services, service, status)
}

func sameAddresses(a, b []netip.Addr) bool {
	if len(a) != len(b) {
		return false
	}
	have := map[netip.Addr]bool{}
	for _, one := range a {
		have[one] = true
	}
	for _, one := range b {
		if !have[one] {
			return false
		}
	}
	return true
}

// families of a Service: whether it wants IPv4, whether IPv6.
func families(service kube.Object) (v4, v6 bool) {
	for _, family := range kube.Texts(kube.Dig(service, "spec"), "ipFamilies") {
		v4, v6 = v4 || family == "IPv4", v6 || family == "IPv6"
	}
	return v4, v6
}

func holder(service kube.Object, sharing string) balance.Holder {
	h := balance.Holder{Key: kube.Key(service), Sharing: sharing}
	for _, port := range kube.Items(kube.Dig(service, "spec"), "ports") {
		number, _ := port["port"].(float64)
		h.Ports = append(h.Ports, fmt.Sprintf("%s/%.0f", kube.Text(port, "protocol"), number))
	}
	return h
}

// first returns the value of the first of these keys that is there.
func first(from map[string]string, keys ...string) string {
	for _, key := range keys {
		if from[key] != "" {
			return from[key]
		}
	}
	return ""
}

func split(text string) []string {
	if text == "" {
		return nil
	}
	return strings.Split(text, ",")
}

// event says something of an object, once.
func (w *World) event(ctx context.Context, o kube.Object, by, reason, message string) error {
	sum := sha256.Sum256([]byte(kube.Text(o, "metadata", "uid") + reason + message))
	where := kube.Namespace(o)
	return w.put(ctx, events, http.MethodPost, events.Path(where, ""), "", kube.Object{
		"apiVersion": "v1", "kind": "Event", "type": "Warning", "reason": reason, "message": message,
		"metadata": kube.Object{"name": kube.Name(o) + "." + hex.EncodeToString(sum[:8]), "namespace": where},
		"involvedObject": kube.Object{
			"apiVersion": o["apiVersion"], "kind": o["kind"], "name": kube.Name(o), "namespace": where,
			"uid": kube.Text(o, "metadata", "uid"),
		},
		"source": kube.Object{"component": by}, "count": 1, "firstTimestamp": w.stamp(), "lastTimestamp": w.stamp(),
	})
}
