package balance

import (
	"net/netip"
	"testing"
)

func pool(t *testing.T, texts ...string) Pool {
	t.Helper()
	p := Pool{Name: "p"}
	for _, text := range texts {
		r, err := ParseRange(text)
		if err != nil {
			t.Fatal(err)
		}
		p.Ranges = append(p.Ranges, r)
	}
	return p
}

func TestRangesAreReadAsPrefixesAndAsPairs(t *testing.T) {
	for text, want := range map[string]string{
		"10.0.3.4/30":         "10.0.3.4 - 10.0.3.7",
		"10.0.3.4-10.0.3.20":  "10.0.3.4 - 10.0.3.20",
		" fd00::1 - fd00::f ": "fd00::1 - fd00::f",
		"fd00::/126":          "fd00:: - fd00::3",
		"10.0.3.2/32":         "10.0.3.2 - 10.0.3.2",
	} {
		r, err := ParseRange(text)
		if err != nil || r.String() != want {
			t.Errorf("%q: %v %v, want %s", text, r, err, want)
		}
	}
	for _, text := range []string{"10.0.3.9-10.0.3.4", "10.0.3.4-fd00::1", "10.0.3.4", "x"} {
		if r, err := ParseRange(text); err == nil {
			t.Errorf("%q was read as %v", text, r)
		}
	}
}

func TestAddressesAreGivenInOrderAndNeverOutsideThePool(t *testing.T) {
	p, book := pool(t, "10.0.3.4-10.0.3.5", "10.0.3.9/32"), Book{}
	for _, want := range []string{"10.0.3.4", "10.0.3.5", "10.0.3.9"} {
		a, ok := p.Free(book, Holder{Key: want}, true)
		if !ok || a.String() != want {
			t.Fatalf("got %v, want %s", a, want)
		}
		book.Give(a, Holder{Key: want})
	}
	if a, ok := p.Free(book, Holder{Key: "late"}, true); ok {
		t.Fatalf("a full pool gave %v", a)
	}
	if _, ok := p.Free(Book{}, Holder{Key: "six"}, false); ok {
		t.Fatal("a pool of IPv4 gave an address of IPv6")
	}
}

func TestAnAddressIsSharedOnlyByOneKeyAndWithOtherPorts(t *testing.T) {
	p, book := pool(t, "10.0.3.4-10.0.3.8"), Book{}
	a := netip.MustParseAddr("10.0.3.4")
	book.Give(a, Holder{Key: "ns/one", Sharing: "k", Ports: []string{"TCP/53"}})
	if got, _ := p.Free(book, Holder{Key: "ns/two", Sharing: "k", Ports: []string{"UDP/53"}}, true); got != a {
		t.Errorf("the same key with another port got %v", got)
	}
	if got, _ := p.Free(book, Holder{Key: "ns/two", Sharing: "k", Ports: []string{"TCP/53"}}, true); got == a {
		t.Error("one port was given twice")
	}
	if book.Takes(a, Holder{Key: "ns/two", Sharing: "other"}) {
		t.Error("another key was let in")
	}
	if !book.Takes(a, Holder{Key: "ns/one"}) {
		t.Error("an address's holder was not let keep it")
	}
}

func TestAPoolsSizeAndUseAreCountedByFamily(t *testing.T) {
	p, book := pool(t, "10.0.3.4-10.0.3.20", "10.0.4.0/31", "fd00::/112"), Book{}
	book.Give(netip.MustParseAddr("10.0.4.1"), Holder{Key: "a"})
	book.Give(netip.MustParseAddr("192.0.2.1"), Holder{Key: "b"})
	if p.Size(true) != 19 || p.Size(false) != 65536 || book.Used(p, true) != 1 || book.Used(p, false) != 0 {
		t.Fatal(p.Size(true), p.Size(false), book.Used(p, true), book.Used(p, false))
	}
}
