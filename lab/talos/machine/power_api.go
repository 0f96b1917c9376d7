package machine

import (
	"context"
	"errors"
	"fmt"

	"github.com/cosi-project/runtime/pkg/safe"
	"github.com/google/uuid"
	"github.com/siderolabs/talos/pkg/machinery/api/machine"
	"github.com/siderolabs/talos/pkg/machinery/resources/block"

	"hearth/lab/talos/storage"
)

// Reboot implements machine.MachineServiceServer.
func (a *api) Reboot(context.Context, *machine.RebootRequest) (*machine.RebootResponse, error) {
	actor := a.b.sequence(seqReboot, "", next{}, nil)
	return &machine.RebootResponse{Messages: []*machine.Reboot{{ActorId: actor}}}, nil
}

// Shutdown implements machine.MachineServiceServer.
func (a *api) Shutdown(context.Context, *machine.ShutdownRequest) (*machine.ShutdownResponse, error) {
	actor := a.b.sequence(seqShutdown, "", next{halt: true}, nil)
	return &machine.ShutdownResponse{Messages: []*machine.Shutdown{{ActorId: actor}}}, nil
}

// Reset implements machine.MachineServiceServer.
func (a *api) Reset(ctx context.Context, in *machine.ResetRequest) (*machine.ResetResponse, error) {
	if err := a.b.checkReset(ctx, in); err != nil {
		return nil, err
	}
	actor := uuid.NewString()
	a.b.sequence(seqReset, actor, next{halt: !in.GetReboot()}, func(ctx context.Context) error { return a.b.reset(ctx, in) })
	return &machine.ResetResponse{Messages: []*machine.Reset{{ActorId: actor}}}, nil
}

// checkReset refuses in Talos' words what cannot be meant. In maintenance mode nobody comes this far:
// every caller there is a reader, and a reset is for os:admin.
func (b *boot) checkReset(ctx context.Context, in *machine.ResetRequest) error {
	if len(in.GetUserDisksToWipe()) > 0 {
		if in.GetMode() == machine.ResetRequest_SYSTEM_DISK {
			return errors.New("reset failed: invalid input, wipe mode SYSTEM_DISK doesn't support UserDisksToWipe parameter")
		}
		if err := b.m.onDisk().Contents.Wipeable(in.GetUserDisksToWipe(), b.spec.Disks); err != nil {
			return err
		}
	}
	if len(in.GetSystemPartitionsToWipe()) > 0 && in.GetMode() == machine.ResetRequest_USER_DISKS {
		return errors.New("reset failed: invalid input, wipe mode USER_DISKS doesn't support SystemPartitionsToWipe parameter")
	}
	for _, p := range in.GetSystemPartitionsToWipe() {
		status, err := safe.StateGetByID[*block.VolumeStatus](ctx, b.res.State, p.GetLabel())
		if err != nil {
			return fmt.Errorf("failed to get volume status with label %q: %w", p.GetLabel(), err)
		}
		if status.TypedSpec().Location == "" {
			return fmt.Errorf("failed to reset: volume %q is not located", p.GetLabel())
		}
	}
	return nil
}

// reset leaves the cluster when it is asked to be graceful, and wipes.
func (b *boot) reset(ctx context.Context, in *machine.ResetRequest) error {
	if p := b.controlPlane(); p != nil && in.GetGraceful() {
		if err := p.Etcd.Leave(ctx); err != nil {
			return fmt.Errorf("leave etcd: %w", err)
		}
		if err := p.Etcd.Stop(); err != nil {
			return err
		}
	}
	var w storage.Wipe
	if in.GetMode() != machine.ResetRequest_SYSTEM_DISK {
		w.Devices = in.GetUserDisksToWipe()
	}
	b.halt()
	if in.GetMode() != machine.ResetRequest_USER_DISKS {
		if cl, id := b.m.membership(); cl != "" {
			b.m.env.Discovery.Leave(cl, id)
		}
		w.System = len(in.GetSystemPartitionsToWipe()) == 0
		for _, p := range in.GetSystemPartitionsToWipe() {
			if p.GetWipe() {
				w.Volumes = append(w.Volumes, p.GetLabel())
			}
		}
	}
	return b.m.wipe(w)
}

// halt stops the programs that write to the disk, before it is wiped under them.
func (b *boot) halt() {
	b.mu.Lock()
	stop := b.stopWorkload
	b.mu.Unlock()
	if stop != nil {
		stop()
	}
}
