// Package storage is what lies on a machine's disks, by Talos' rules: which partitions an installation
// makes, which volumes a configuration asks for, where they are found or made, and what a reset takes
// away. It is pure: it moves entries of a table and touches no file. Bytes are not modelled; a volume's
// UUID stands for its content.
package storage

import (
	"slices"

	"github.com/google/uuid"
	"github.com/siderolabs/talos/pkg/machinery/constants"
	"github.com/siderolabs/talos/pkg/machinery/imager/quirks"

	"hearth/lab/talos/hardware"
)

// Contents are the volumes on disks, by the disks' keys; a disk in a drawer keeps its own.
type Contents map[string][]hardware.Volume

// On is what lies on a disk.
func (c Contents) On(d hardware.Disk) []hardware.Volume { return c[d.Key()] }

// Clone copies the table.
func (c Contents) Clone() Contents {
	out := Contents{}
	for k, list := range c {
		out[k] = slices.Clone(list)
	}
	return out
}

// Plug takes notice of disks that were never seen before, with what they come with.
func (c Contents) Plug(disks []hardware.Disk) {
	for _, d := range disks {
		if _, known := c[d.Key()]; !known {
			c[d.Key()] = d.Content()
		}
	}
}

// Install writes a system to a disk, as an installer that is told to go ahead whatever it finds: a new
// partition table, without anything of what was there.
func (c Contents) Install(d hardware.Disk) {
	sizes := quirks.New("").PartitionSizes()
	c[d.Key()] = []hardware.Volume{
		format(hardware.Volume{Partition: 1, Label: constants.EFIPartitionLabel, SizeBytes: sizes.UKIEFISize()}, "vfat"),
		format(hardware.Volume{Partition: 2, Label: constants.MetaPartitionLabel, SizeBytes: sizes.METASize()}, "talosmeta"),
	}
}

// System is the disk with META, which is how Talos knows its own.
func (c Contents) System(disks []hardware.Disk) (hardware.Disk, bool) {
	d, v := c.Find(constants.MetaPartitionLabel, disks)
	return d, v != nil
}

// Find looks for a partition by its label, on the disks in the order of their names.
func (c Contents) Find(label string, disks []hardware.Disk) (hardware.Disk, *hardware.Volume) {
	for _, d := range sorted(disks) {
		for _, v := range c.On(d) {
			if v.Label == label {
				return d, &v
			}
		}
	}
	return hardware.Disk{}, nil
}

// Drop wipes a partition and takes it out of the table of its disk.
func (c Contents) Drop(label string, disks []hardware.Disk) {
	if d, v := c.Find(label, disks); v != nil {
		c[d.Key()] = slices.DeleteFunc(c[d.Key()], func(x hardware.Volume) bool { return x.Partition == v.Partition })
	}
}

// Erase wipes a disk, with its partition table.
func (c Contents) Erase(d hardware.Disk) { c[d.Key()] = nil }

// Device finds a disk (partition 0) or a partition by the kernel's name.
func (c Contents) Device(name string, disks []hardware.Disk) (d hardware.Disk, partition int, there bool) {
	for _, d := range disks {
		if d.Name == name {
			return d, 0, true
		}
		for _, v := range c.On(d) {
			if v.Partition > 0 && d.PartitionName(v.Partition) == name {
				return d, v.Partition, true
			}
		}
	}
	return hardware.Disk{}, 0, false
}

// Clear wipes a device that is in nobody's use; a partition keeps its entry in the table unless it is to
// be dropped.
func (c Contents) Clear(d hardware.Disk, partition int, drop bool) {
	if partition == 0 {
		c.Erase(d)
		return
	}
	list := c[d.Key()]
	for i := range list {
		if list[i].Partition == partition {
			list[i].Filesystem, list[i].Encrypted, list[i].UUID = "", false, uuid.NewString()
		}
	}
	if drop {
		c[d.Key()] = slices.DeleteFunc(list, func(v hardware.Volume) bool { return v.Partition == partition })
	}
}

// free is what is left of a disk beside its partitions; a little goes to the partition tables.
func (c Contents) free(d hardware.Disk) uint64 {
	const tables = 67 * 512
	used := uint64(tables)
	for _, v := range c.On(d) {
		used += v.SizeBytes
	}
	return d.SizeBytes - min(used, d.SizeBytes)
}

// add makes a partition with the lowest number that is free.
func (c Contents) add(d hardware.Disk, v hardware.Volume) hardware.Volume {
	for v.Partition = 1; slices.ContainsFunc(c.On(d), func(x hardware.Volume) bool { return x.Partition == v.Partition }); {
		v.Partition++
	}
	v.UUID = uuid.NewString()
	c[d.Key()] = append(c[d.Key()], v)
	return v
}

// put writes a volume back after a change.
func (c Contents) put(d hardware.Disk, v hardware.Volume) {
	list := c[d.Key()]
	for i := range list {
		if list[i].Partition == v.Partition {
			list[i] = v
		}
	}
}

// format makes a file system, whose content is new.
func format(v hardware.Volume, filesystem string) hardware.Volume {
	v.Filesystem, v.UUID = filesystem, uuid.NewString()
	return v
}

func sorted(disks []hardware.Disk) []hardware.Disk {
	out := slices.Clone(disks)
	slices.SortFunc(out, func(a, b hardware.Disk) int {
		switch {
		case a.Name < b.Name:
			return -1
		case a.Name > b.Name:
			return 1
		}
		return 0
	})
	return out
}
