package play

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"hearth/lab/operators/balance"
	"hearth/lab/operators/kube"
)

const satisfied = "cilium.io/IPAMRequestSatisfied"

var ciliumPools = kube.Kind{API: "/apis/cilium.io/v2", Plural: "ciliumloadbalancerippools"}

// ipPool is one CiliumLoadBalancerIPPool.
type ipPool struct {
	balance.Pool
	object   kube.Object
	selector any
	disabled bool
	conflict string
}

func ciliumPass(ctx context.Context, w *World) error {
	pools := w.ipPools()
	if len(pools) == 0 {
		return nil // LB-IPAM sleeps until there is a first pool
	}
	book := balance.Book{}
	var ours []kube.Object
	all, _ := w.All(services)
	for _, service := range all {
		if !ciliums(service) {
			continue
		}
		ours = append(ours, service)
		h := holder(service, ciliumSharing(service))
		for _, a := range kept(service, pools, book, h) {
			book.Give(a, h)
		}
	}
	var failed []error
	for _, service := range ours {
		given, told := satisfy(service, pools, book)
		status := kube.Object{"conditions": w.conditions(service, true, told)}
		failed = append(failed, w.give(ctx, service, given, status))
	}
	for _, p := range pools {
		status := kube.Object{"conditions": w.poolConditions(p, book)}
		failed = append(failed, w.tell(ctx, ciliumPools, p.object, status))
	}
	return errors.Join(failed...)
}

// ciliums tells whether a Service is LB-IPAM's.
func ciliums(service kube.Object) bool {
	class := kube.Text(service, "spec", "loadBalancerClass")
	return kube.Text(service, "spec", "type") == "LoadBalancer" && !kube.Dying(service) &&
		slices.Contains([]string{"", "io.cilium/bgp-control-plane", "io.cilium/l2-announcer"}, class)
}

func ciliumSharing(service kube.Object) string {
	annotations := kube.Strings(service, "metadata", "annotations")
	key := first(annotations, "lbipam.cilium.io/sharing-key", "io.cilium/lb-ipam-sharing-key")
	if key == "" {
		return ""
	}
	return kube.Namespace(service) + "/" + key
}

// ipPools come in the order of their making; one that overlaps an older one gives nothing.
func (w *World) ipPools() []ipPool {
	all, _ := w.All(ciliumPools)
	slices.SortStableFunc(all, func(a, b kube.Object) int {
		return strings.Compare(kube.Text(a, "metadata", "creationTimestamp"), kube.Text(b, "metadata", "creationTimestamp"))
	})
	var out []ipPool
	for _, o := range all {
		spec := kube.Dig(o, "spec")
		p := ipPool{object: o, selector: spec["serviceSelector"], disabled: spec["disabled"] == true}
		p.Name = kube.Name(o)
		for _, block := range kube.Items(spec, "blocks") {
			p.add(block, kube.Text(spec, "allowFirstLastIPs") == "No")
		}
		for _, older := range out {
			if a, b, do := overlap(p.Pool, older.Pool); do && p.conflict == "" && older.conflict == "" {
				p.conflict = fmt.Sprintf("Pool conflicts since range '%s' overlaps range '%s' from IP Pool '%s'", a, b, older.Name)
			}
		}
		out = append(out, p)
	}
	return out
}

func (p *ipPool) add(block kube.Object, inner bool) {
	text := kube.Text(block, "cidr")
	if text == "" {
		start, stop := kube.Text(block, "start"), kube.Text(block, "stop")
		if stop == "" {
			stop = start
		}
		text, inner = start+"-"+stop, false
	}
	r, err := balance.ParseRange(text)
	if err != nil {
		return
	}
	if inner && r.First.Next() != r.Last && r.First != r.Last {
		r = balance.Range{First: r.First.Next(), Last: r.Last.Prev()}
	}
	p.Ranges = append(p.Ranges, r)
}

func overlap(a, b balance.Pool) (x, y balance.Range, do bool) {
	for _, x := range a.Ranges {
		for _, y := range b.Ranges {
			if x.Has(y.First) || x.Has(y.Last) || y.Has(x.First) {
				return x, y, true
			}
		}
	}
	return x, y, false
}

// poolConditions of a pool: counts are messages of conditions that are neither true nor false.
func (w *World) poolConditions(p ipPool, book balance.Book) []any {
	used := float64(book.Used(p.Pool, true) + book.Used(p.Pool, false))
	total := p.Size(true) + p.Size(false)
	count := func(kind string, n float64) verdict {
		return verdict{kind: "cilium.io/" + kind, reason: "noreason", message: fmt.Sprintf("%.0f", n), unknown: true}
	}
	told := []verdict{count("IPsTotal", total), count("IPsAvailable", total-used), count("IPsUsed", used)}
	const conflict = "cilium.io/PoolConflict"
	if p.conflict != "" {
		told = append(told, verdict{kind: conflict, reason: "cidr_overlap", message: p.conflict, met: true})
	} else if kube.Condition(p.object, conflict) != nil {
		told = append(told, verdict{kind: conflict, reason: "resolved"})
	}
	return w.conditions(p.object, true, told...)
}

// selects tells whether a pool is for a Service; its name and namespace count as labels.
func (p ipPool) selects(service kube.Object) bool {
	labels := kube.Strings(service, "metadata", "labels")
	labels["io.kubernetes.service.namespace"] = kube.Namespace(service)
	labels["io.kubernetes.service.name"] = kube.Name(service)
	selector, is := p.selector.(kube.Object)
	return !is || kube.Selects(selector, labels)
}

func (p ipPool) gives() bool { return !p.disabled && p.conflict == "" }

// kept is what of a Service's addresses is still in a pool that is for it, and wished for.
func kept(service kube.Object, pools []ipPool, book balance.Book, h balance.Holder) []netip.Addr {
	v4, v6 := families(service)
	wanted := requested(service)
	var out []netip.Addr
	for _, a := range ingress(service) {
		wished := len(wanted) == 0 && (a.Is4() && v4 || a.Is6() && v6) || slices.Contains(wanted, a)
		owned := slices.ContainsFunc(pools, func(p ipPool) bool { return p.conflict == "" && p.Has(a) && p.selects(service) })
		if wished && owned && book.Takes(a, h) {
			out = append(out, a)
		}
	}
	return out
}

func requested(service kube.Object) []netip.Addr {
	annotations := kube.Strings(service, "metadata", "annotations")
	texts := split(first(annotations, "lbipam.cilium.io/ips", "io.cilium/lb-ipam-ips"))
	return addresses(append(texts, kube.Text(service, "spec", "loadBalancerIP"))...)
}

// satisfy says what a Service gets, and LB-IPAM's verdict on it.
func satisfy(service kube.Object, pools []ipPool, book balance.Book) ([]netip.Addr, verdict) {
	h, told := holder(service, ciliumSharing(service)), verdict{kind: satisfied, reason: "satisfied", message: "", met: true}
	given := held(book, h.Key)
	if wanted := requested(service); len(wanted) > 0 {
		for _, a := range wanted {
			if slices.Contains(given, a) {
				continue
			}
			if reason, message := refused(service, a, pools, book, h); reason != "" {
				told = verdict{kind: satisfied, reason: reason, message: message, met: false}
				continue
			}
			book.Give(a, h)
			given = append(given, a)
		}
		return given, told
	}
	v4, v6 := families(service)
	for _, family := range []bool{true, false} {
		has := slices.ContainsFunc(given, func(a netip.Addr) bool { return a.Is4() == family })
		if has || family && !v4 || !family && !v6 {
			continue
		}
		a, reason, message := anyOf(service, pools, book, h, family)
		if reason != "" {
			told = verdict{kind: satisfied, reason: reason, message: message, met: false}
			continue
		}
		book.Give(a, h)
		given = append(given, a)
	}
	return given, told
}

func held(book balance.Book, key string) []netip.Addr {
	var out []netip.Addr
	for a, holders := range book {
		if slices.ContainsFunc(holders, func(h balance.Holder) bool { return h.Key == key }) {
			out = append(out, a)
		}
	}
	slices.SortFunc(out, netip.Addr.Compare)
	return out
}

func refused(service kube.Object, a netip.Addr, pools []ipPool, book balance.Book, h balance.Holder) (string, string) {
	found := false
	for _, p := range pools {
		if !p.gives() || !p.Has(a) {
			continue
		}
		found = true
		if !p.selects(service) {
			continue
		}
		if !book.Takes(a, h) {
			return "already_allocated", fmt.Sprintf("IP '%s' has already been allocated to another service", a)
		}
		return "", ""
	}
	if found {
		return "pool_selector_mismatch",
			fmt.Sprintf("The pool with the CIDR containing '%s', doesn't select this service", a)
	}
	return "no_pool", fmt.Sprintf("No pool exists with a CIDR containing '%s'", a)
}

func anyOf(
	service kube.Object, pools []ipPool, book balance.Book, h balance.Holder, v4 bool,
) (netip.Addr, string, string) {
	full := false
	for _, p := range pools {
		if !p.gives() || !p.selects(service) || p.Size(v4) == 0 {
			continue
		}
		if a, ok := p.Free(book, h, v4); ok {
			return a, "", ""
		}
		full = true
	}
	if full {
		return netip.Addr{}, "out_of_ips",
			"All enabled CiliumLoadBalancerIPPools that match this service ran out of allocatable IPs"
	}
	return netip.Addr{}, "no_pool", "There are no enabled CiliumLoadBalancerIPPools that match this service"
}
