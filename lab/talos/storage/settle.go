package storage

import (
	"errors"
	"fmt"
	"math"
	"slices"

	blockpb "github.com/siderolabs/talos/pkg/machinery/api/resource/definitions/block"
	"github.com/siderolabs/talos/pkg/machinery/cel/celenv"
	"github.com/siderolabs/talos/pkg/machinery/config/config"
	"github.com/siderolabs/talos/pkg/machinery/constants"
	"github.com/siderolabs/talos/pkg/machinery/resources/block"

	"hearth/lab/talos/hardware"
)

// Status is what a machine says about one volume.
type Status struct {
	ID string
	block.VolumeStatusSpec
}

// Settle finds the volumes that a configuration asks for and makes those that may be made, in the
// contents given, and says how each fares. cfg is nil while there is none.
func (c Contents) Settle(cfg config.Config, disks []hardware.Disk) []Status {
	disks = sorted(disks)
	var out []Status
	complete, mapped := math.MaxInt, 0 // the last wave that is not held up by one that is not ready
	for _, w := range want(cfg) {
		s := Status{ID: w.id}
		s.Type, s.MountSpec = w.spec.Type, w.spec.Mount
		wave := w.spec.Provisioning.Wave
		if err := c.settle(&s, w, disks, wave <= complete); err != nil {
			s.PreFailPhase, s.Phase, s.ErrorMessage = s.Phase, block.VolumePhaseFailed, err.Error()
		}
		if s.Phase != block.VolumePhaseReady && w.provisioned() {
			complete = wave - 1
		}
		if s.EncryptionProvider == block.EncryptionProviderLUKS2 {
			s.MountLocation = fmt.Sprintf("/dev/dm-%d", mapped)
			mapped++
		}
		out = append(out, s)
	}
	return out
}

func (c Contents) settle(s *Status, w wanted, disks []hardware.Disk, turn bool) error {
	if w.spec.Type == block.VolumeTypeDirectory {
		s.Phase = block.VolumePhaseReady
		return nil
	}
	d, v, err := c.locate(w, disks)
	switch {
	case err != nil:
		return err
	case v != nil:
		s.locate(d, *v)
		*v = c.grow(d, *v, w)
	case !w.provisioned():
		s.Phase = block.VolumePhaseMissing
		return nil
	case !turn:
		s.Phase = block.VolumePhaseWaiting
		return nil
	default:
		if d, v, err = c.make(w, disks); err != nil {
			return err
		}
	}
	s.locate(d, *v)
	s.Phase = block.VolumePhaseProvisioned
	if err := prepare(s, v, w); err != nil {
		return err
	}
	s.UUID = v.UUID
	c.put(d, *v)
	return nil
}

// locate finds a volume that is there: by its label, or on the disk that is meant as a whole.
func (c Contents) locate(w wanted, disks []hardware.Disk) (hardware.Disk, *hardware.Volume, error) {
	if w.spec.Type != block.VolumeTypeDisk {
		d, v := c.Find(w.id, disks)
		if v != nil && v.Signature() == "" && !w.provisioned() {
			v = nil // an empty partition is none to who may not fill it
		}
		return d, v, nil
	}
	found, err := c.matching(w, disks)
	if err != nil || len(found) != 1 {
		return hardware.Disk{}, nil, err
	}
	if i := slices.IndexFunc(c.On(found[0]), func(v hardware.Volume) bool { return v.Partition == 0 }); i >= 0 {
		return found[0], &c.On(found[0])[i], nil
	}
	return hardware.Disk{}, nil, nil
}

// matching are the disks that a selector means, asked with Talos' own expressions.
func (c Contents) matching(w wanted, disks []hardware.Disk) ([]hardware.Disk, error) {
	system, known := c.System(disks)
	var out []hardware.Disk
	for _, d := range disks {
		if d.Readonly {
			continue
		}
		values := map[string]any{"disk": probe(d)}
		if known {
			values["system_disk"] = d.Name == system.Name
		}
		ok, err := w.spec.Provisioning.DiskSelector.Match.EvalBool(celenv.DiskLocator(), values)
		if err != nil {
			return nil, fmt.Errorf("error evaluating disk locator: %w", err)
		}
		if ok {
			out = append(out, d)
		}
	}
	if w.spec.Type == block.VolumeTypeDisk && len(out) > 1 {
		return nil, fmt.Errorf("multiple disks matched locator for disk volume; matched disks: %v", paths(out))
	}
	return out, nil
}

func paths(disks []hardware.Disk) []string {
	var out []string
	for _, d := range disks {
		out = append(out, d.DevPath())
	}
	return out
}

// probe is a disk as expressions see it.
func probe(d hardware.Disk) *blockpb.DiskSpec {
	return &blockpb.DiskSpec{
		Size: d.SizeBytes, IoSize: 512, SectorSize: 512, Readonly: d.Readonly, Model: d.Model, Serial: d.Serial,
		Wwid: d.WWID, SubSystem: "/sys/class/block", Transport: d.Transport, Rotational: d.Rotational, DevPath: d.DevPath(),
	}
}

// make puts a volume on the first disk of those meant that can hold it.
func (c Contents) make(w wanted, disks []hardware.Disk) (hardware.Disk, *hardware.Volume, error) {
	candidates, err := c.matching(w, disks)
	if err != nil {
		return hardware.Disk{}, nil, err
	}
	if len(candidates) == 0 {
		return hardware.Disk{}, nil, errors.New("no disks matched selector for volume")
	}
	var full, foreign int
	for _, d := range candidates {
		there := c.On(d)
		whole := slices.ContainsFunc(there, func(v hardware.Volume) bool { return v.Partition == 0 })
		switch {
		case whole || w.spec.Type == block.VolumeTypeDisk && len(there) > 0:
			foreign++
		case w.spec.Type == block.VolumeTypeDisk:
			v := hardware.Volume{SizeBytes: d.SizeBytes}
			c[d.Key()] = append(there, v)
			return d, &v, nil
		case c.free(d) < w.spec.Provisioning.PartitionSpec.MinSize:
			full++
		default:
			v, err := c.partition(d, w)
			return d, &v, err
		}
	}
	return hardware.Disk{}, nil, fmt.Errorf(
		"no disks matched for volume (%d matched selector): %d have not enough space, %d have wrong format, 0 have other issues",
		len(candidates), full, foreign)
}

func (c Contents) partition(d hardware.Disk, w wanted) (hardware.Volume, error) {
	free := c.free(d)
	size, err := w.spec.Provisioning.PartitionSpec.ResolveMaxSize(free)
	if err != nil {
		return hardware.Volume{}, fmt.Errorf("error creating partition: error resolving max size: %w", err)
	}
	if size == 0 || size > free {
		size = free
	}
	return c.add(d, hardware.Volume{Label: w.id, SizeBytes: size}), nil
}

// grow gives a volume what has become free behind it.
func (c Contents) grow(d hardware.Disk, v hardware.Volume, w wanted) hardware.Volume {
	if w.spec.Provisioning.PartitionSpec.Grow && v.Partition > 0 {
		most, err := w.spec.Provisioning.PartitionSpec.ResolveMaxSize(v.SizeBytes + c.free(d))
		if err == nil && (most == 0 || most > v.SizeBytes+c.free(d)) {
			most = v.SizeBytes + c.free(d)
		}
		v.SizeBytes = max(v.SizeBytes, most)
	}
	return v
}

// prepare encrypts and formats a volume, or refuses one that is something else.
func prepare(s *Status, v *hardware.Volume, w wanted) error {
	luks := w.spec.Encryption.Provider == block.EncryptionProviderLUKS2
	if luks {
		switch v.Signature() {
		case "":
			v.Encrypted = true
		case "luks":
		default:
			return fmt.Errorf("block dev type mismatch: %s != luks", v.Signature())
		}
		s.opened(w)
	}
	s.Phase = block.VolumePhasePrepared
	found, asked := v.Filesystem, w.spec.Provisioning.FilesystemSpec.Type
	if v.Encrypted && !luks {
		found = v.Signature()
	}
	switch {
	case !w.provisioned() || asked == block.FilesystemTypeNone:
		s.Filesystem, _ = block.FilesystemTypeString(found) // a foreign one is none to Talos
	case found == "" || asked == block.FilesystemTypeSwap && found == asked.String():
		*v = format(*v, asked.String())
		s.Filesystem = asked
	case found != asked.String():
		return fmt.Errorf("filesystem type mismatch: %s != %s", found, asked)
	default:
		s.Filesystem = asked
	}
	s.Phase = block.VolumePhaseReady
	return nil
}

// opened shows how an encrypted volume was opened.
func (s *Status) opened(w wanted) {
	s.EncryptionProvider = block.EncryptionProviderLUKS2
	for i, k := range w.spec.Encryption.Keys {
		if i == 0 {
			slot := k.Slot
			s.EncryptionSlot, s.EncryptionLockedToState = &slot, k.LockToSTATE
		}
		if kind := k.Type.String(); !slices.Contains(s.ConfiguredEncryptionKeys, kind) {
			s.ConfiguredEncryptionKeys = append(s.ConfiguredEncryptionKeys, kind)
		}
	}
	slices.Sort(s.ConfiguredEncryptionKeys)
}

// locate writes down where a volume is.
func (s *Status) locate(d hardware.Disk, v hardware.Volume) {
	s.Phase = block.VolumePhaseLocated
	s.Location, s.PartitionIndex, s.UUID = "/dev/"+d.PartitionName(v.Partition), v.Partition, v.UUID
	s.MountLocation = s.Location
	if v.Partition > 0 {
		s.ParentLocation = d.DevPath()
	}
	s.SetSize(v.SizeBytes)
}

// Has tells whether a volume is there with a file system, so that files can lie in it.
func (c Contents) Has(label string, disks []hardware.Disk) bool {
	_, v := c.Find(label, disks)
	return v != nil && v.Filesystem != ""
}

// Identity is the content of a volume, "" for none.
func (c Contents) Identity(label string, disks []hardware.Disk) string {
	if _, v := c.Find(label, disks); v != nil {
		return v.UUID
	}
	return ""
}

// Labels of the volumes whose files a machine keeps.
const (
	State     = constants.StatePartitionLabel
	Ephemeral = constants.EphemeralPartitionLabel
)
