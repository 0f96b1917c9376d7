package machine

import (
	"context"
	"fmt"
	"sync"

	"github.com/google/uuid"
	"github.com/siderolabs/talos/pkg/machinery/api/machine"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"hearth/lab/talos/hardware"
)

// Upgrade implements machine.MachineServiceServer: the older, unary upgrade.
func (a *api) Upgrade(ctx context.Context, in *machine.UpgradeRequest) (*machine.UpgradeResponse, error) {
	b := a.b
	if !b.m.installed() {
		return nil, status.Error(codes.FailedPrecondition, "Talos is not installed")
	}
	image, err := b.m.env.Images.Pull(ctx, in.GetImage())
	if err != nil {
		return nil, fmt.Errorf("error validating installer image %q: %w", in.GetImage(), err)
	}
	if b.isControlPlane() && !in.GetForce() {
		if err := b.safeToLose(ctx); err != nil {
			return nil, fmt.Errorf("error validating etcd for upgrade: %w", err)
		}
	}
	actor := uuid.NewString()
	work := func(context.Context) error { return b.m.writeImage(image) }
	if in.GetStage() {
		work = func(context.Context) error { return b.m.change(func(d *disk) { d.Staged = &image }) }
	}
	b.sequence(seqUpgrade, actor, next{}, work)
	return &machine.UpgradeResponse{Messages: []*machine.Upgrade{{Ack: "Upgrade request received", ActorId: actor}}}, nil
}

func (b *boot) safeToLose(ctx context.Context) error {
	p := b.controlPlane()
	if p == nil {
		return nil
	}
	return p.Etcd.SafeToLose(ctx)
}

// Rollback implements machine.MachineServiceServer: the other half of A/B boots next.
func (a *api) Rollback(context.Context, *machine.RollbackRequest) (*machine.RollbackResponse, error) {
	d := a.b.m.onDisk()
	if d.Previous == nil {
		return nil, status.Error(codes.FailedPrecondition, "previous UKI not found")
	}
	if err := a.b.m.writeImage(*d.Previous); err != nil {
		return nil, err
	}
	a.b.sequence(seqReboot, "", next{}, nil)
	return &machine.RollbackResponse{Messages: []*machine.Rollback{{}}}, nil
}

// lifecycle is LifecycleService, new in Talos 1.13: it installs or upgrades and leaves the reboot to
// the client.
type lifecycle struct {
	machine.UnimplementedLifecycleServiceServer
	b    *boot
	busy sync.Mutex
}

func progress(text string) *machine.LifecycleServiceInstallProgress {
	return &machine.LifecycleServiceInstallProgress{Response: &machine.LifecycleServiceInstallProgress_Message{Message: text}}
}

func exitCode(code int32) *machine.LifecycleServiceInstallProgress {
	return &machine.LifecycleServiceInstallProgress{Response: &machine.LifecycleServiceInstallProgress_ExitCode{ExitCode: code}}
}

// write pulls an image and puts it on the disk, telling of its progress.
func (l *lifecycle) write(ctx context.Context, image, target string, install bool, send func(*machine.LifecycleServiceInstallProgress) error) error {
	if !l.busy.TryLock() {
		return status.Error(codes.FailedPrecondition, "another installation/upgrade is already in progress")
	}
	defer l.busy.Unlock()
	installed := l.b.m.installed()
	switch {
	case install && installed:
		return status.Error(codes.AlreadyExists, "machine is already installed")
	case !install && !installed:
		return status.Error(codes.FailedPrecondition, "machine is not installed")
	case image == "":
		return status.Error(codes.InvalidArgument, "installer image name is required")
	}
	parsed, err := l.b.m.env.Images.Pull(ctx, image)
	if err != nil {
		return status.Errorf(codes.Internal, "upgrade failed: %v", err)
	}
	if err := send(progress("running Talos installer " + parsed.Version)); err != nil {
		return err
	}
	if !sleep(ctx, l.b.m.env.InstallTime) {
		return status.FromContextError(ctx.Err()).Err()
	}
	if install {
		err = l.b.m.installTo(target, parsed)
	} else {
		err = l.b.m.writeImage(parsed)
	}
	if err != nil {
		return status.Errorf(codes.Internal, "upgrade failed: %v", err)
	}
	return send(exitCode(0))
}

// installTo writes a system to the disk with this device.
func (m *Machine) installTo(device string, image hardware.Image) error {
	for _, d := range m.Spec().Disks {
		if d.DevPath() == device {
			return m.change(func(x *disk) {
				x.Image = image
				x.Contents.Install(d)
			})
		}
	}
	return fmt.Errorf("lstat %s: no such file or directory", device)
}

// Upgrade implements machine.LifecycleServiceServer.
func (l *lifecycle) Upgrade(in *machine.LifecycleServiceUpgradeRequest, s grpc.ServerStreamingServer[machine.LifecycleServiceUpgradeResponse]) error {
	return l.write(s.Context(), in.GetSource().GetImageName(), "", false, func(p *machine.LifecycleServiceInstallProgress) error {
		return s.Send(&machine.LifecycleServiceUpgradeResponse{Progress: p})
	})
}

// Install implements machine.LifecycleServiceServer.
func (l *lifecycle) Install(in *machine.LifecycleServiceInstallRequest, s grpc.ServerStreamingServer[machine.LifecycleServiceInstallResponse]) error {
	return l.write(s.Context(), in.GetSource().GetImageName(), in.GetDestination().GetDisk(), true, func(p *machine.LifecycleServiceInstallProgress) error {
		return s.Send(&machine.LifecycleServiceInstallResponse{Progress: p})
	})
}
