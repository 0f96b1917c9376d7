package play

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"slices"

	"hearth/lab/operators/balance"
	"hearth/lab/operators/kube"
)

// MetalLB's annotations, and what they were called before.
const (
	metallbPrefix, metallbBefore = "metallb.io/", "metallb.universe.tf/"
	fromPool                     = metallbPrefix + "ip-allocated-from-pool"
)

var addressPools = kube.Kind{API: "/apis/metallb.io/v1beta1", Plural: "ipaddresspools"}

// addressPool is one IPAddressPool.
type addressPool struct {
	balance.Pool
	object     kube.Object
	allocation kube.Object
	automatic  bool
}

func metallbPass(ctx context.Context, w *World) error {
	pools, known := w.addressPools()
	if !known || len(pools) == 0 {
		return nil // as MetalLB: without pools no Service is looked at
	}
	book := balance.Book{}
	var waiting []kube.Object
	all, _ := w.All(services)
	for _, service := range all {
		if kube.Text(service, "spec", "type") != "LoadBalancer" ||
			kube.Text(service, "spec", "loadBalancerClass") != "" || kube.Dying(service) {
			continue
		}
		h := holder(service, metallbSays(service, "allow-shared-ip"))
		if w.keeps(service, pools, book, h) {
			for _, a := range ingress(service) {
				book.Give(a, h)
			}
			continue
		}
		waiting = append(waiting, service)
	}
	var failed []error
	for _, service := range waiting {
		failed = append(failed, w.allocate(ctx, service, pools, book))
	}
	for _, p := range pools {
		failed = append(failed, w.tell(ctx, addressPools, p.object, counts(p.Pool, book)))
	}
	return errors.Join(failed...)
}

func metallbSays(service kube.Object, what string) string {
	return first(kube.Strings(service, "metadata", "annotations"), metallbPrefix+what, metallbBefore+what)
}

// addressPools come by priority: a pool without one comes last; else by name.
func (w *World) addressPools() ([]addressPool, bool) {
	all, known := w.All(addressPools)
	var out []addressPool
	for _, o := range all {
		p := addressPool{object: o, automatic: kube.Dig(o, "spec")["autoAssign"] != false}
		p.Name = kube.Name(o)
		p.allocation, _ = kube.Dig(o, "spec")["serviceAllocation"].(kube.Object)
		for _, text := range kube.Texts(kube.Dig(o, "spec"), "addresses") {
			if r, err := balance.ParseRange(text); err == nil {
				p.Ranges = append(p.Ranges, r)
			}
		}
		if kube.Dig(o, "spec")["avoidBuggyIPs"] == true {
			p.Skip = func(a netip.Addr) bool {
				b := a.AsSlice()
				return a.Is4() && (b[3] == 0 || b[3] == 255)
			}
		}
		out = append(out, p)
	}
	rank := func(p addressPool) float64 {
		n, _ := p.allocation["priority"].(float64)
		if n == 0 {
			return 1e9
		}
		return n
	}
	slices.SortStableFunc(out, func(a, b addressPool) int { return cmp.Compare(rank(a), rank(b)) })
	return out, known
}

// permits tells whether a pool is meant for a Service.
func (w *World) permits(p addressPool, service kube.Object) bool {
	if p.allocation == nil {
		return true
	}
	names, spaces := kube.Texts(p.allocation, "namespaces"), kube.Items(p.allocation, "namespaceSelectors")
	where := kube.Strings(w.Get(namespaces, "", kube.Namespace(service)), "metadata", "labels")
	inside := len(names)+len(spaces) == 0 || slices.Contains(names, kube.Namespace(service)) ||
		slices.ContainsFunc(spaces, func(s kube.Object) bool { return kube.Selects(s, where) })
	chosen, labels := kube.Items(p.allocation, "serviceSelectors"), kube.Strings(service, "metadata", "labels")
	return inside && (len(chosen) == 0 ||
		slices.ContainsFunc(chosen, func(s kube.Object) bool { return kube.Selects(s, labels) }))
}

// keeps tells whether what a Service has is still its by the pools and by its own wishes.
func (w *World) keeps(service kube.Object, pools []addressPool, book balance.Book, h balance.Holder) bool {
	have, wanted := ingress(service), desired(service)
	if len(have) == 0 || len(wanted) > 0 && !sameAddresses(have, wanted) {
		return false
	}
	pool, err := w.assign(service, have, pools, book, h)
	if err != nil || kube.Strings(service, "metadata", "annotations")[fromPool] != pool {
		return false
	}
	asked := metallbSays(service, "address-pool")
	return asked == "" || asked == pool
}

func desired(service kube.Object) []netip.Addr {
	return addresses(append(split(metallbSays(service, "loadBalancerIPs")),
		kube.Text(service, "spec", "loadBalancerIP"))...)
}

// assign says which pool has all of these addresses, and lets the Service have them.
func (w *World) assign(
	service kube.Object, wanted []netip.Addr, pools []addressPool, book balance.Book, h balance.Holder,
) (string, error) {
	for _, p := range pools {
		outside := slices.ContainsFunc(wanted, func(a netip.Addr) bool { return !p.Has(a) })
		if outside || !w.permits(p, service) {
			continue
		}
		for _, a := range wanted {
			if !book.Takes(a, h) {
				return "", fmt.Errorf("can't change sharing key for %q, address also in use by %s",
					kube.Key(service), book[a][0].Key)
			}
		}
		return p.Name, nil
	}
	return "", fmt.Errorf("%q is not allowed in config", wanted)
}

func (w *World) allocate(
	ctx context.Context, service kube.Object, pools []addressPool, book balance.Book,
) error {
	h := holder(service, metallbSays(service, "allow-shared-ip"))
	given, pool, err := w.choose(service, pools, book, h)
	if err != nil {
		message := fmt.Sprintf("Failed to allocate IP for %q: %s", kube.Key(service), err)
		return errors.Join(w.give(ctx, service, nil, nil),
			w.event(ctx, service, "metallb-controller", "AllocationFailed", message))
	}
	for _, a := range given {
		book.Give(a, h)
	}
	annotation := kube.Object{"metadata": kube.Object{"annotations": kube.Object{fromPool: pool}}}
	path := services.Path(kube.Namespace(service), kube.Name(service))
	return errors.Join(w.put(ctx, services, http.MethodPatch, path, kube.Merge, annotation),
		w.give(ctx, service, given, nil))
}

func (w *World) choose(
	service kube.Object, pools []addressPool, book balance.Book, h balance.Holder,
) ([]netip.Addr, string, error) {
	asked := metallbSays(service, "address-pool")
	if wanted := desired(service); len(wanted) > 0 {
		pool, err := w.assign(service, wanted, pools, book, h)
		if err == nil && asked != "" && asked != pool {
			err = fmt.Errorf("requested loadBalancer IP(s) %q is not compatible with requested address pool %s", wanted, asked)
		}
		return wanted, pool, err
	}
	if asked != "" && !slices.ContainsFunc(pools, func(p addressPool) bool { return p.Name == asked }) {
		return nil, "", fmt.Errorf("unknown pool %q", asked)
	}
	v4, v6 := families(service)
	either := kube.Text(service, "spec", "ipFamilyPolicy") == "PreferDualStack"
	for _, p := range pools {
		if asked == "" && !p.automatic || asked != "" && p.Name != asked || !w.permits(p, service) {
			continue
		}
		var given []netip.Addr
		a, has4 := p.Free(book, h, true)
		if v4 && has4 {
			given = append(given, a)
		}
		b, has6 := p.Free(book, h, false)
		if v6 && has6 {
			given = append(given, b)
		}
		all := (!v4 || has4) && (!v6 || has6)
		if len(given) > 0 && (all || either) {
			return given, p.Name, nil
		}
	}
	if asked != "" {
		return nil, "", fmt.Errorf("no available IPs in pool %s", asked)
	}
	return nil, "", errors.New("no available IPs")
}

func counts(p balance.Pool, book balance.Book) kube.Object {
	status := kube.Object{}
	for suffix, v4 := range map[string]bool{"IPv4": true, "IPv6": false} {
		used := float64(book.Used(p, v4))
		status["assigned"+suffix], status["available"+suffix] = used, p.Size(v4)-used
	}
	return status
}
