package hardware

import (
	"errors"
	"fmt"
	"strings"
	"unicode"

	"github.com/google/uuid"
)

// Disk is one block device. Sizes are bytes.
type Disk struct {
	Name       string `json:"name"`
	SizeBytes  uint64 `json:"sizeBytes"`
	Model      string `json:"model"`
	Serial     string `json:"serial"`
	Transport  string `json:"transport"`
	WWID       string `json:"wwid"`
	Rotational bool   `json:"rotational"`
	Readonly   bool   `json:"readonly"`
	// Volumes are what lies on the disk: in an order for a machine what it comes with, in an answer
	// what is there now.
	Volumes []Volume `json:"volumes"`
}

// Volume is a partition, or a file system on a whole disk.
type Volume struct {
	// Partition is its number, 0 for a whole disk.
	Partition int    `json:"partition"`
	Label     string `json:"label"` // of the partition
	SizeBytes uint64 `json:"sizeBytes"`
	// Filesystem is what is on it: xfs, ext4, vfat, swap, talosmeta, anything foreign; "" for nothing.
	Filesystem string `json:"filesystem"`
	Encrypted  bool   `json:"encrypted"`
	// UUID is new whenever the volume is formatted: the same UUID is the same content.
	UUID string `json:"uuid"`
}

// Signature is what a probe of the volume from outside finds.
func (v Volume) Signature() string {
	if v.Encrypted {
		return "luks"
	}
	return v.Filesystem
}

// Key tells one disk from another, wherever it is plugged in; without a serial number its place decides.
func (d Disk) Key() string {
	if d.Serial != "" {
		return d.Model + "/" + d.Serial
	}
	return d.Model + "@" + d.Name
}

// DevPath is the disk's device.
func (d Disk) DevPath() string { return "/dev/" + d.Name }

// PartitionName is the device of a partition, as the kernel names it.
func (d Disk) PartitionName(number int) string {
	if number == 0 {
		return d.Name
	}
	if d.Name != "" && unicode.IsDigit(rune(d.Name[len(d.Name)-1])) {
		return fmt.Sprintf("%sp%d", d.Name, number)
	}
	return fmt.Sprintf("%s%d", d.Name, number)
}

// Content completes the volumes that the disk comes with: numbers, sizes, UUIDs.
func (d Disk) Content() []Volume {
	var used uint64
	for _, v := range d.Volumes {
		used += v.SizeBytes
	}
	out := make([]Volume, 0, len(d.Volumes))
	for i, v := range d.Volumes {
		if v.Partition == 0 && v.Label != "" {
			v.Partition = i + 1
		}
		if v.SizeBytes == 0 && used < d.SizeBytes {
			v.SizeBytes, used = d.SizeBytes-used, d.SizeBytes
		}
		if v.UUID == "" && v.Filesystem != "" {
			v.UUID = uuid.NewString()
		}
		out = append(out, v)
	}
	return out
}

func (s *Spec) validateDisks() error {
	var errs []error
	bad := func(d Disk, why string) { errs = append(errs, fmt.Errorf("disks: %q: %s", d.Name, why)) }
	names, keys := map[string]bool{}, map[string]bool{}
	for _, d := range s.Disks {
		var used uint64
		for _, v := range d.Volumes {
			used += v.SizeBytes
		}
		switch {
		case d.Name == "" || strings.Contains(d.Name, "/"):
			bad(d, "name it as the kernel does, without /dev/")
		case names[d.Name]:
			bad(d, "named twice")
		case keys[d.Key()]:
			bad(d, "another disk has its model and serial number")
		case d.SizeBytes == 0:
			bad(d, "sizeBytes is 0")
		case used > d.SizeBytes:
			bad(d, "its volumes are larger than the disk")
		}
		names[d.Name], keys[d.Key()] = true, true
	}
	return errors.Join(errs...)
}
