// Package balance chooses addresses for Services of type LoadBalancer. It is pure: pools and holders
// come in, an address or the reason why there is none goes out. Never is an address outside a pool given.
package balance

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// Range is a run of addresses, both ends included.
type Range struct{ First, Last netip.Addr }

// ParseRange reads a prefix, or FIRST-LAST.
func ParseRange(text string) (Range, error) {
	if first, last, ok := strings.Cut(text, "-"); ok {
		a, err := netip.ParseAddr(strings.TrimSpace(first))
		if err != nil {
			return Range{}, err
		}
		b, err := netip.ParseAddr(strings.TrimSpace(last))
		if err != nil {
			return Range{}, err
		}
		if a.Is4() != b.Is4() || b.Less(a) {
			return Range{}, fmt.Errorf("%s is no range", text)
		}
		return Range{a, b}, nil
	}
	prefix, err := netip.ParsePrefix(strings.TrimSpace(text))
	if err != nil {
		return Range{}, err
	}
	return Range{prefix.Masked().Addr(), last(prefix)}, nil
}

func last(prefix netip.Prefix) netip.Addr {
	b := prefix.Masked().Addr().AsSlice()
	for bit := prefix.Bits(); bit < len(b)*8; bit++ {
		b[bit/8] |= 1 << (7 - bit%8)
	}
	addr, _ := netip.AddrFromSlice(b)
	return addr
}

func (r Range) String() string { return r.First.String() + " - " + r.Last.String() }

// Has tells whether an address lies in the range.
func (r Range) Has(a netip.Addr) bool {
	return a.Is4() == r.First.Is4() && !a.Less(r.First) && !r.Last.Less(a)
}

// Pool is a named set of ranges.
type Pool struct {
	Name   string
	Ranges []Range
	// Skip says which addresses of it are not given to anybody who does not ask for them.
	Skip func(netip.Addr) bool
}

// Has tells whether an address lies in the pool.
func (p Pool) Has(a netip.Addr) bool {
	return slices.ContainsFunc(p.Ranges, func(r Range) bool { return r.Has(a) })
}

// Holder has an address; those with the same Sharing may have the same one if their ports differ.
type Holder struct {
	Key     string
	Sharing string
	Ports   []string
}

// Book is who holds which address.
type Book map[netip.Addr][]Holder

// Takes tells whether the holder may have the address, beside whoever has it.
func (b Book) Takes(a netip.Addr, h Holder) bool {
	for _, other := range b[a] {
		if other.Key == h.Key {
			continue
		}
		if h.Sharing == "" || other.Sharing != h.Sharing {
			return false
		}
		if slices.ContainsFunc(h.Ports, func(p string) bool { return slices.Contains(other.Ports, p) }) {
			return false
		}
	}
	return true
}

// Give enters a holder.
func (b Book) Give(a netip.Addr, h Holder) { b[a] = append(b[a], h) }

// Used counts the addresses of a pool that somebody has, of one family.
func (b Book) Used(p Pool, v4 bool) int {
	n := 0
	for a, holders := range b {
		if len(holders) > 0 && a.Is4() == v4 && p.Has(a) {
			n++
		}
	}
	return n
}

// searched bounds the walk through a large range: no cluster of a lab has more Services.
const searched = 1 << 16

// Free returns the pool's first address of a family that the holder may have. One that is shared
// already comes first, as both vendors have it.
func (p Pool) Free(b Book, h Holder, v4 bool) (netip.Addr, bool) {
	if h.Sharing != "" {
		for _, a := range sorted(b) {
			shared := slices.ContainsFunc(b[a], func(o Holder) bool { return o.Sharing == h.Sharing })
			if shared && a.Is4() == v4 && p.Has(a) && b.Takes(a, h) {
				return a, true
			}
		}
	}
	for _, r := range p.Ranges {
		if r.First.Is4() != v4 {
			continue
		}
		a := r.First
		for n := 0; n < searched && r.Has(a); n++ {
			if len(b[a]) == 0 && (p.Skip == nil || !p.Skip(a)) {
				return a, true
			}
			a = a.Next()
		}
	}
	return netip.Addr{}, false
}

func sorted(b Book) []netip.Addr {
	out := make([]netip.Addr, 0, len(b))
	for a := range b {
		out = append(out, a)
	}
	slices.SortFunc(out, netip.Addr.Compare)
	return out
}

// Size counts the pool's addresses of a family; what does not fit a float's integers is not exact.
func (p Pool) Size(v4 bool) float64 {
	total := 0.0
	for _, r := range p.Ranges {
		if r.First.Is4() != v4 {
			continue
		}
		difference := 0.0
		first, last := r.First.AsSlice(), r.Last.AsSlice()
		for i := range first {
			difference = difference*256 + float64(int(last[i])-int(first[i]))
		}
		total += difference + 1
	}
	return total
}
