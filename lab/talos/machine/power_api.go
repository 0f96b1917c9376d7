package machine

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/google/uuid"
	"github.com/siderolabs/talos/pkg/machinery/api/machine"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
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
func (a *api) Reset(_ context.Context, in *machine.ResetRequest) (*machine.ResetResponse, error) {
	if err := a.b.checkReset(in); err != nil {
		return nil, err
	}
	actor := uuid.NewString()
	a.b.sequence(seqReset, actor, next{halt: !in.GetReboot()}, func(ctx context.Context) error { return a.b.reset(ctx, in) })
	return &machine.ResetResponse{Messages: []*machine.Reset{{ActorId: actor}}}, nil
}

// checkReset refuses in Talos' words what cannot be meant.
func (b *boot) checkReset(in *machine.ResetRequest) error {
	if len(in.GetUserDisksToWipe()) > 0 {
		if in.GetMode() == machine.ResetRequest_SYSTEM_DISK {
			return errors.New("reset failed: invalid input, wipe mode SYSTEM_DISK doesn't support UserDisksToWipe parameter")
		}
		for _, name := range in.GetUserDisksToWipe() {
			if !slices.ContainsFunc(b.diskNames(), func(d string) bool { return d == name }) {
				return fmt.Errorf("reset user disk failed: device %s wasn't found", name)
			}
			if b.m.onDisk().Installed && name == b.diskNames()[0] {
				return fmt.Errorf("reset user disk failed: device %s is the system disk", name)
			}
		}
	}
	if len(in.GetSystemPartitionsToWipe()) > 0 && in.GetMode() == machine.ResetRequest_USER_DISKS {
		return errors.New("reset failed: invalid input, wipe mode USER_DISKS doesn't support SystemPartitionsToWipe parameter")
	}
	for _, p := range in.GetSystemPartitionsToWipe() {
		if !slices.Contains([]string{"EFI", "META", "STATE", "EPHEMERAL"}, p.GetLabel()) {
			return fmt.Errorf("failed to get volume status with label %q: resource VolumeStatuses.block.talos.dev(runtime/%s@undefined) doesn't exist",
				p.GetLabel(), p.GetLabel())
		}
	}
	if b.complete() == nil {
		return status.Error(codes.Unimplemented, "reset is not simulated in maintenance mode")
	}
	return nil
}

func (b *boot) diskNames() []string {
	var out []string
	for _, d := range b.spec.Disks {
		out = append(out, "/dev/"+d.Name)
	}
	return out
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
	if in.GetMode() == machine.ResetRequest_USER_DISKS {
		return nil // what lies on user disks is not modelled
	}
	if cl, id := b.m.membership(); cl != "" {
		b.m.env.Discovery.Leave(cl, id)
	}
	b.halt()
	var state, ephemeral bool
	for _, p := range in.GetSystemPartitionsToWipe() {
		state = state || (p.GetWipe() && p.GetLabel() == "STATE")
		ephemeral = ephemeral || (p.GetWipe() && p.GetLabel() == "EPHEMERAL")
	}
	return b.m.wipe(state, ephemeral, len(in.GetSystemPartitionsToWipe()) == 0)
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
