package storage

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/siderolabs/talos/pkg/machinery/cel"
	"github.com/siderolabs/talos/pkg/machinery/cel/celenv"
	"github.com/siderolabs/talos/pkg/machinery/config/config"
	"github.com/siderolabs/talos/pkg/machinery/constants"
	"github.com/siderolabs/talos/pkg/machinery/imager/quirks"
	"github.com/siderolabs/talos/pkg/machinery/resources/block"
)

// wanted is a volume that a configuration asks for, in the order and with the fields of Talos' own
// VolumeConfig resources (internal/app/machined/pkg/controllers/block of v1.13.0).
type wanted struct {
	id   string
	spec block.VolumeConfigSpec
}

// provisioned tells whether the volume may be made where it is not found.
func (w wanted) provisioned() bool { return !w.spec.Provisioning.DiskSelector.Match.IsZero() }

func byLabel(label string) cel.Expression {
	return cel.MustExpression(cel.ParseBooleanExpression(fmt.Sprintf("volume.partition_label == '%s'", label), celenv.VolumeLocator()))
}

func onSystemDisk() cel.Expression {
	return cel.MustExpression(cel.ParseBooleanExpression("system_disk", celenv.DiskLocator()))
}

func nowhere() cel.Expression {
	return cel.MustExpression(cel.ParseBooleanExpression("false", celenv.Empty()))
}

// want lists what a configuration asks for, in the order in which Talos makes it; cfg may be nil.
func want(cfg config.Config) []wanted {
	out := []wanted{{constants.MetaPartitionLabel, block.VolumeConfigSpec{
		Type: block.VolumeTypePartition, Locator: block.LocatorSpec{Match: byLabel(constants.MetaPartitionLabel)},
	}}}
	if cfg == nil || cfg.Machine() == nil {
		out = append(out, wanted{constants.StatePartitionLabel, block.VolumeConfigSpec{
			Type: block.VolumeTypePartition, Locator: block.LocatorSpec{Match: byLabel(constants.StatePartitionLabel)},
			Mount: block.MountSpec{TargetPath: constants.StateMountPoint},
		}})
	} else {
		out = append(out, wantState(cfg), wantEphemeral(cfg))
	}
	if cfg != nil {
		out = append(out, wantUserVolumes(cfg)...)
	}
	slices.SortStableFunc(out, order)
	return out
}

func wantState(cfg config.Config) wanted {
	sizes := quirks.New("").PartitionSizes()
	extra, _ := cfg.Volumes().ByName(constants.StatePartitionLabel)
	w := partition(constants.StatePartitionLabel, onSystemDisk(), nil)
	w.spec.Provisioning.Wave = block.WaveSystemDisk
	w.spec.Provisioning.PartitionSpec.MinSize = sizes.StateSize()
	w.spec.Provisioning.PartitionSpec.MaxSize = sizes.StateSize()
	w.spec.Mount = block.MountSpec{TargetPath: constants.StateMountPoint}
	w.encrypt(systemEncryption(cfg, extra, constants.StatePartitionLabel))
	return w
}

func wantEphemeral(cfg config.Config) wanted {
	extra, _ := cfg.Volumes().ByName(constants.EphemeralPartitionLabel)
	p := extra.Provisioning()
	w := partition(constants.EphemeralPartitionLabel, p.DiskSelector().ValueOr(onSystemDisk()), p)
	w.spec.Provisioning.Wave = block.WaveSystemDisk
	w.spec.Provisioning.PartitionSpec.MinSize = p.MinSize().ValueOr(quirks.New("").PartitionSizes().EphemeralMinSize())
	w.spec.Provisioning.PartitionSpec.Grow = p.Grow().ValueOr(true)
	w.spec.Mount = block.MountSpec{TargetPath: constants.EphemeralMountPoint, ProjectQuotaSupport: cfg.Machine().Features().DiskQuotaSupportEnabled()}
	w.encrypt(systemEncryption(cfg, extra, constants.EphemeralPartitionLabel))
	return w
}

// systemEncryption is a VolumeConfig document's, else that of the deprecated field.
func systemEncryption(cfg config.Config, extra config.VolumeConfig, label string) config.EncryptionConfig {
	if e := extra.Encryption(); e != nil {
		return e
	}
	return cfg.Machine().SystemDiskEncryption().Get(label)
}

// wantUserVolumes are user, raw and swap volumes on partitions, and directories.
func wantUserVolumes(cfg config.Config) []wanted {
	var out []wanted
	for _, u := range cfg.UserVolumeConfigs() {
		id := constants.UserVolumePrefix + u.Name()
		w := partition(id, u.Provisioning().DiskSelector().ValueOr(nowhere()), u.Provisioning())
		switch u.Type().ValueOr(block.VolumeTypePartition) {
		case block.VolumeTypeDirectory:
			w.spec = block.VolumeConfigSpec{Type: block.VolumeTypeDirectory}
		case block.VolumeTypeDisk:
			w.spec.Type = block.VolumeTypeDisk
			w.spec.Locator = block.LocatorSpec{DiskMatch: u.Provisioning().DiskSelector().ValueOr(nowhere())}
		}
		w.spec.Provisioning.FilesystemSpec.Type = u.Filesystem().Type()
		w.spec.Mount = block.MountSpec{
			TargetPath: u.Name(), ParentID: constants.UserVolumeMountPoint, FileMode: 0o755,
			ProjectQuotaSupport: u.Filesystem().ProjectQuotaSupport(),
		}
		w.encrypt(u.Encryption())
		out = append(out, w)
	}
	for _, r := range cfg.RawVolumeConfigs() {
		w := partition(constants.RawVolumePrefix+r.Name(), r.Provisioning().DiskSelector().ValueOr(nowhere()), r.Provisioning())
		w.spec.Provisioning.FilesystemSpec.Type = block.FilesystemTypeNone
		w.encrypt(r.Encryption())
		out = append(out, w)
	}
	for _, s := range cfg.SwapVolumeConfigs() {
		w := partition(constants.SwapVolumePrefix+s.Name(), s.Provisioning().DiskSelector().ValueOr(nowhere()), s.Provisioning())
		w.spec.Provisioning.FilesystemSpec.Type = block.FilesystemTypeSwap
		w.encrypt(s.Encryption())
		out = append(out, w)
	}
	return out
}

// partition is what all volumes on partitions have in common; p may be nil.
func partition(id string, disk cel.Expression, p config.VolumeProvisioningConfig) wanted {
	const minimum = 100 << 20
	w := wanted{id, block.VolumeConfigSpec{
		Type: block.VolumeTypePartition, Locator: block.LocatorSpec{Match: byLabel(id)},
		Provisioning: block.ProvisioningSpec{
			Wave: block.WaveUserVolumes, DiskSelector: block.DiskSelector{Match: disk},
			PartitionSpec:  block.PartitionSpec{Label: id, MinSize: minimum},
			FilesystemSpec: block.FilesystemSpec{Type: block.FilesystemTypeXFS},
		},
	}}
	if p != nil {
		s := &w.spec.Provisioning.PartitionSpec
		s.MinSize = cmp.Or(p.MinSize().ValueOrZero(), minimum)
		s.MaxSize, s.RelativeMaxSize = p.MaxSize().ValueOrZero(), p.RelativeMaxSize().ValueOrZero()
		s.NegativeMaxSize, s.Grow = p.MaxSizeNegative(), p.Grow().ValueOrZero()
	}
	return w
}

// encrypt asks for LUKS; which keys open it is shown, and not modelled further.
func (w *wanted) encrypt(e config.EncryptionConfig) {
	if e == nil {
		return
	}
	w.spec.Encryption.Provider = e.Provider()
	for _, k := range e.Keys() {
		kind := block.EncryptionKeyStatic
		switch {
		case k.NodeID() != nil:
			kind = block.EncryptionKeyNodeID
		case k.KMS() != nil:
			kind = block.EncryptionKeyKMS
		case k.TPM() != nil:
			kind = block.EncryptionKeyTPM
		}
		w.spec.Encryption.Keys = append(w.spec.Encryption.Keys, block.EncryptionKey{
			Slot: k.Slot(), Type: kind, LockToSTATE: k.LockToSTATE(),
		})
	}
}

// order is Talos' CompareVolumeConfigs.
func order(a, b wanted) int {
	x, y := a.spec.Provisioning, b.spec.Provisioning
	limit := func(p block.PartitionSpec) uint64 { return cmp.Or(p.MaxSize, math.MaxUint64) }
	return cmp.Or(
		falseFirst(a.provisioned(), b.provisioned()),
		cmp.Compare(x.Wave, y.Wave),
		falseFirst(x.PartitionSpec.Grow, y.PartitionSpec.Grow),
		cmp.Compare(limit(x.PartitionSpec), limit(y.PartitionSpec)),
	)
}

func falseFirst(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	}
	return -1
}
