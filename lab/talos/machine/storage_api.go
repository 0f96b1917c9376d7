package machine

import (
	"context"
	"path/filepath"

	"github.com/cosi-project/runtime/pkg/safe"
	"github.com/siderolabs/talos/pkg/machinery/api/storage"
	"github.com/siderolabs/talos/pkg/machinery/resources/block"
	"github.com/siderolabs/talos/pkg/machinery/role"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"

	"hearth/lab/talos/authz"
)

// storageAPI is the legacy disk API: clients' probe for maintenance mode.
type storageAPI struct {
	storage.UnimplementedStorageServiceServer
	b *boot
}

// Disks implements storage.StorageServiceServer.
func (s *storageAPI) Disks(context.Context, *emptypb.Empty) (*storage.DisksResponse, error) {
	out := &storage.Disks{}
	system, installed := s.b.m.systemDisk()
	for _, d := range s.b.spec.Disks {
		kind := storage.Disk_UNKNOWN
		switch {
		case d.Transport == "nvme":
			kind = storage.Disk_NVME
		case d.Transport == "mmc":
			kind = storage.Disk_SD
		case d.Rotational:
			kind = storage.Disk_HDD
		case d.Transport != "":
			kind = storage.Disk_SSD
		}
		out.Disks = append(out.Disks, &storage.Disk{
			DeviceName: d.DevPath(), Size: d.SizeBytes, Model: d.Model, Serial: d.Serial, Wwid: d.WWID, Type: kind,
			SystemDisk: installed && d.Name == system.Name, Subsystem: "/sys/class/block", Readonly: d.Readonly,
		})
	}
	return &storage.DisksResponse{Messages: []*storage.Disks{out}}, nil
}

// BlockDeviceWipe implements storage.StorageServiceServer: in maintenance mode for everybody, as Talos.
func (s *storageAPI) BlockDeviceWipe(ctx context.Context, in *storage.BlockDeviceWipeRequest) (*storage.BlockDeviceWipeResponse, error) {
	if s.b.complete() != nil && !authz.Roles(ctx).Includes(role.Admin) {
		return nil, authz.ErrNotAuthorized
	}
	for _, x := range in.GetDevices() {
		if err := s.wipeable(ctx, x); err != nil {
			return nil, err
		}
	}
	err := s.b.m.change(func(d *disk) {
		for _, x := range in.GetDevices() {
			if found, partition, there := d.Contents.Device(x.GetDevice(), s.b.spec.Disks); there {
				d.Contents.Clear(found, partition, x.GetDropPartition())
			}
		}
	})
	s.b.settle()
	return &storage.BlockDeviceWipeResponse{Messages: []*storage.BlockDeviceWipe{{}}}, err
}

// wipeable refuses in Talos' words a device that is not there, read-only, or in a volume's use.
func (s *storageAPI) wipeable(ctx context.Context, x *storage.BlockDeviceWipeDescriptor) error {
	name, parent := x.GetDevice(), ""
	d, partition, there := s.b.m.onDisk().Contents.Device(name, s.b.spec.Disks)
	switch {
	case !there:
		return status.Errorf(codes.NotFound, "blockdevice %q not found", name)
	case d.Readonly:
		return status.Errorf(codes.FailedPrecondition, "blockdevice %q is read-only", name)
	case partition > 0:
		parent = d.Name
	}
	if x.GetSkipVolumeCheck() {
		return nil
	}
	volumes, err := safe.StateListAll[*block.VolumeStatus](ctx, s.b.res.State)
	if err != nil {
		return err
	}
	for v := range volumes.All() {
		for _, at := range []string{filepath.Base(v.TypedSpec().Location), filepath.Base(v.TypedSpec().MountLocation)} {
			for _, dev := range []string{name, parent} {
				if dev != "" && at == dev {
					return status.Errorf(codes.FailedPrecondition, "blockdevice %q is in use by volume %q", dev, v.Metadata().ID())
				}
			}
		}
		if filepath.Base(v.TypedSpec().ParentLocation) == name {
			return status.Errorf(codes.FailedPrecondition, "blockdevice %q is in use by volume %q", name, v.Metadata().ID())
		}
	}
	return nil
}
