package hardware

import (
	"strings"
	"testing"
)

func valid() Spec {
	s := Spec{ID: "host/1", Image: Image{Version: "v1.13.0"}, Addresses: []string{"10.0.1.1/16"}}
	s.Complete()
	return s
}

func TestWhatIsLeftOutIsFilledIn(t *testing.T) {
	s := valid()
	if s.UUID == "" || len(s.MACs) != 1 || s.Platform != PlatformNocloud || len(s.Disks) != 1 {
		t.Fatalf("incomplete: %+v", s)
	}
	if err := s.Validate(); err != nil {
		t.Fatal(err)
	}
}

func TestEverythingWrongIsNamedAtOnce(t *testing.T) {
	s := valid()
	s.ID, s.UUID, s.MACs, s.Platform = "", "x", []string{"FF:FF:FF:FF:FF:FF"}, "cloud"
	s.Addresses, s.Gateways, s.Disks = []string{"10.0.0.1"}, []string{"10.0.0.1/16"}, []Disk{{Name: "/dev/sda"}}
	err := s.Validate()
	if err == nil {
		t.Fatal("accepted")
	}
	for _, field := range []string{"id:", "uuid:", "macs:", "platform:", "addresses:", "gateways:", "disks:"} {
		if !strings.Contains(err.Error(), field) {
			t.Errorf("%s is not named in %v", field, err)
		}
	}
}

func TestIdentitiesClashWhateverTheirCase(t *testing.T) {
	a, b := valid(), valid()
	b.ID, b.MACs = "host/2", []string{strings.ToLower(a.MACs[0])}
	if clash := b.Clashes(&a); !strings.Contains(clash, "MAC") {
		t.Fatalf("got %q", clash)
	}
	b.MACs, b.UUID = []string{"BC:24:11:AA:BB:CC"}, strings.ToUpper(a.UUID)
	if clash := b.Clashes(&a); !strings.Contains(clash, "UUID") {
		t.Fatalf("got %q", clash)
	}
	b.Complete()
	b.UUID = "6f9619ff-8b86-d011-b42d-00cf4fc964ff"
	if clash := b.Clashes(&a); clash != "" {
		t.Fatalf("got %q", clash)
	}
}

func TestAChangeLeavesTheRest(t *testing.T) {
	cpus := 8
	s := valid()
	got := s.Apply(Change{CPUs: &cpus})
	if got.CPUs != 8 || got.MemoryMiB != s.MemoryMiB || s.CPUs == 8 {
		t.Fatalf("got %+v", got)
	}
}
