package machine

import (
	"path/filepath"

	talosconfig "github.com/siderolabs/talos/pkg/machinery/config/config"
	"github.com/siderolabs/talos/pkg/machinery/resources/block"

	"hearth/lab/talos/hardware"
	"hearth/lab/talos/storage"
)

// settle finds and makes the volumes that the active configuration asks for, and shows what lies on
// the disks.
func (b *boot) settle() { b.settleFor(b.configOrNil()) }

func (b *boot) settleFor(cfg talosconfig.Config) {
	b.showing.Lock()
	defer b.showing.Unlock()
	var all []storage.Status
	err := b.m.change(func(d *disk) { all = d.Contents.Settle(cfg, b.spec.Disks) })
	if err != nil {
		b.m.event("disks: %v", err)
	}
	b.describeVolumes(all)
	b.describeDisks()
}

// describeVolumes shows the volumes asked for, and mounts those that are ready.
func (b *boot) describeVolumes(all []storage.Status) {
	wanted, mounted := map[string]bool{}, map[string]bool{}
	for _, s := range all {
		r := block.NewVolumeStatus(block.NamespaceName, s.ID)
		*r.TypedSpec() = s.VolumeStatusSpec
		b.put(r)
		wanted[s.ID] = true
		if s.Phase == block.VolumePhaseFailed {
			b.failed(s)
		}
		if s.Phase != block.VolumePhaseReady || s.MountSpec.TargetPath == "" {
			continue
		}
		m := block.NewMountStatus(block.NamespaceName, s.ID)
		t := m.TypedSpec()
		t.Spec.VolumeID, t.Source, t.Filesystem = s.ID, s.MountLocation, s.Filesystem
		t.Target = filepath.Join("/", s.MountSpec.ParentID, s.MountSpec.TargetPath)
		t.EncryptionProvider, t.ProjectQuotaSupport = s.EncryptionProvider, s.MountSpec.ProjectQuotaSupport
		b.put(m)
		mounted[s.ID] = true
	}
	only[*block.VolumeStatus](b, wanted)
	only[*block.MountStatus](b, mounted)
}

// failed tells of a volume's failure, once.
func (b *boot) failed(s storage.Status) {
	b.mu.Lock()
	said := b.said[s.ID] == s.ErrorMessage
	b.said[s.ID] = s.ErrorMessage
	b.mu.Unlock()
	if !said {
		b.m.event("volume %s failed: %s", s.ID, s.ErrorMessage)
	}
}

// describeDisks shows what a probe of every disk finds, and which one has the system.
func (b *boot) describeDisks() {
	contents := b.m.onDisk().Contents
	wanted := map[string]bool{}
	for _, d := range b.spec.Disks {
		table := ""
		for _, v := range contents.On(d) {
			if v.Partition == 0 {
				table = v.Signature()
				continue
			}
			table = "gpt"
			b.describePartition(d, v)
			wanted[d.PartitionName(v.Partition)] = true
		}
		whole := b.probed(d.Name, d, d.SizeBytes)
		whole.TypedSpec().Name, whole.TypedSpec().Type = table, block.DeviceTypeDisk
		b.put(whole)
		wanted[d.Name] = true
	}
	only[*block.DiscoveredVolume](b, wanted)
	sd := block.NewSystemDisk(block.NamespaceName, block.SystemDiskID)
	if d, installed := contents.System(b.spec.Disks); installed {
		sd.TypedSpec().DiskID, sd.TypedSpec().DevPath = d.Name, d.DevPath()
		b.put(sd)
	} else {
		b.drop(sd.Metadata())
	}
}

func (b *boot) probed(id string, d hardware.Disk, size uint64) *block.DiscoveredVolume {
	r := block.NewDiscoveredVolume(block.NamespaceName, id)
	s := r.TypedSpec()
	s.DevPath, s.DevicePath, s.SectorSize, s.IOSize = filepath.Join("/dev", id), filepath.Join("/block", d.Name), 512, 512
	s.SetSize(size)
	return r
}

func (b *boot) describePartition(d hardware.Disk, v hardware.Volume) {
	r := b.probed(d.PartitionName(v.Partition), d, v.SizeBytes)
	s := r.TypedSpec()
	s.Type, s.Parent, s.ParentDevPath = block.DeviceTypePartition, d.Name, d.DevPath()
	s.Name, s.PartitionLabel, s.PartitionIndex = v.Signature(), v.Label, uint(v.Partition)
	if v.Signature() != "" {
		s.UUID = v.UUID
	}
	b.put(r)
}

// ephemeralBytes is what a kubelet counts as its disk.
func (b *boot) ephemeralBytes() uint64 {
	if _, v := b.m.onDisk().Contents.Find(storage.Ephemeral, b.spec.Disks); v != nil {
		return v.SizeBytes
	}
	return 0
}
