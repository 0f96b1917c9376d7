package hardware

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestPartitionsAreNamedAsTheKernelNamesThem(t *testing.T) {
	for disk, want := range map[string]string{"sda": "sda2", "nvme0n1": "nvme0n1p2"} {
		if got := (Disk{Name: disk}).PartitionName(2); got != want {
			t.Errorf("%s: got %s", disk, got)
		}
	}
	if got := (Disk{Name: "sda"}).PartitionName(0); got != "sda" {
		t.Errorf("whole: got %s", got)
	}
}

func TestWhatADiskComesWithIsCompleted(t *testing.T) {
	d := Disk{Name: "sda", SizeBytes: 100, Volumes: []Volume{{Label: "EFI", SizeBytes: 10, Filesystem: "vfat"}, {Label: "mac", Filesystem: "apfs"}}}
	got := d.Content()
	if got[0].Partition != 1 || got[1].Partition != 2 || got[1].SizeBytes != 90 || got[0].UUID == "" || got[0].UUID == got[1].UUID {
		t.Fatalf("got %+v", got)
	}
	if whole := (Disk{SizeBytes: 5, Volumes: []Volume{{Filesystem: "ntfs"}}}).Content(); whole[0].Partition != 0 {
		t.Fatalf("a file system without a label lies on the whole disk: %+v", whole)
	}
}

func TestTwoDisksThatCannotBeToldApartAreRefused(t *testing.T) {
	s := valid()
	s.Disks = []Disk{{Name: "sda", SizeBytes: 1, Model: "T5", Serial: "1"}, {Name: "sdb", SizeBytes: 1, Model: "T5", Serial: "1"}}
	if err := s.Validate(); err == nil || !strings.Contains(err.Error(), "serial number") {
		t.Fatalf("got %v", err)
	}
	s.Disks[1].Serial = ""
	if err := s.Validate(); err != nil {
		t.Fatal(err)
	}
}

func TestCardsHaveNamesOfTheirOwn(t *testing.T) {
	s := Spec{ID: "box", Image: Image{Version: "v1.13.0"}, MACs: []string{"02:00:00:00:00:01", "02:00:00:00:00:02"}}
	s.Complete()
	if strings.Join(s.Interfaces, " ") != "eth0 eth1" {
		t.Fatalf("got %v", s.Interfaces)
	}
	for _, names := range [][]string{{"enp3s0f0"}, {"lo", "eth0"}, {"eth0", "eth0"}, {"eth0", "a-name-that-is-too-long"}} {
		s.Interfaces = names
		if err := s.Validate(); err == nil || !strings.Contains(err.Error(), "interfaces:") {
			t.Errorf("%v: got %v", names, err)
		}
	}
}

func TestTheDriveOfABoxMayBeEmptyAndAVirtualMachineNeedsItsImage(t *testing.T) {
	s := valid()
	s.Image = Image{}
	if err := s.Validate(); err == nil || !strings.Contains(err.Error(), "image.version") {
		t.Fatalf("nocloud: got %v", err)
	}
	s.Platform = PlatformMetal
	if err := s.Validate(); err != nil {
		t.Fatalf("metal: %v", err)
	}
}

func TestADriveIsEmptiedByNullAndLeftAloneByNothing(t *testing.T) {
	s := valid()
	s.Platform = PlatformMetal
	for body, want := range map[string]string{
		`{}`: "v1.13.0", `{"image": null}`: "", `{"image": {"version": "v1.12.0", "schematic": ""}}`: "v1.12.0",
	} {
		var c Change
		if err := json.Unmarshal([]byte(body), &c); err != nil {
			t.Fatal(err)
		}
		if got := s.Apply(c).Image.Version; got != want {
			t.Errorf("%s: got %q", body, got)
		}
	}
	var c Change
	if err := json.Unmarshal([]byte(`{"image": {"versoin": "v1.12.0"}}`), &c); err == nil {
		t.Error("a misspelt key was taken")
	}
}

func TestAConfigurationNeedsASystemThatKeepsIt(t *testing.T) {
	s := valid()
	past := Past{Configuration: "version: v1alpha1"}
	if err := past.Validate(&s); err != nil {
		t.Errorf("nocloud: %v", err)
	}
	s.Platform = PlatformMetal
	if err := past.Validate(&s); err == nil || !strings.Contains(err.Error(), "installed") {
		t.Errorf("metal: got %v", err)
	}
	past.Installed = &Image{Version: "1.13"}
	if err := past.Validate(&s); err == nil || !strings.Contains(err.Error(), "installed.version") {
		t.Errorf("version: got %v", err)
	}
}
