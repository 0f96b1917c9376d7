package machine

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/siderolabs/talos/pkg/machinery/api/common"
	"github.com/siderolabs/talos/pkg/machinery/api/machine"
	"github.com/siderolabs/talos/pkg/machinery/resources/runtime"

	"hearth/lab/talos/hardware"
	"hearth/lab/talos/storage"
)

// Sequences, by Talos' names.
const (
	seqReboot   = "reboot"
	seqShutdown = "shutdown"
	seqReset    = "reset"
	seqUpgrade  = "upgrade"
)

var stages = map[string]runtime.MachineStage{
	seqReboot: runtime.MachineStageRebooting, seqShutdown: runtime.MachineStageShuttingDown,
	seqReset: runtime.MachineStageResetting, seqUpgrade: runtime.MachineStageUpgrading,
}

// linger is how long a machine goes on after a call, so that the answer and the events get out.
const linger = 300 * time.Millisecond

// sequence plays a sequence in the background and returns the ID of its actor. work runs while the
// machine still answers; an error of it ends the sequence, and the machine goes on.
func (b *boot) sequence(name, actor string, then next, work func(context.Context) error) string {
	if actor == "" {
		actor = uuid.NewString()
	}
	b.mu.Lock()
	busy := b.busy
	if busy == "" {
		b.busy = name
	}
	b.mu.Unlock()
	if busy != "" {
		b.m.event("%s refused: %s is in progress", name, busy)
		return actor
	}
	b.spawn(func(ctx context.Context) {
		if !sleep(ctx, linger) {
			return
		}
		b.play(ctx, name, actor, then, work)
	})
	return actor
}

func (b *boot) play(ctx context.Context, name, actor string, then next, work func(context.Context) error) {
	stage, ready := b.getStage()
	b.events.Emit(actor, &machine.SequenceEvent{Sequence: name, Action: machine.SequenceEvent_START})
	b.setStage(stages[name], false)
	if work != nil {
		if err := work(ctx); err != nil {
			b.m.event("%s failed: %v", name, err)
			b.events.Emit(actor, &machine.SequenceEvent{
				Sequence: name, Action: machine.SequenceEvent_NOOP,
				Error: &common.Error{Code: common.Code_FATAL, Message: err.Error()},
			})
			b.mu.Lock()
			b.busy = ""
			b.mu.Unlock()
			b.setStage(stage, ready)
			return
		}
	}
	b.events.Emit(actor, &machine.PhaseEvent{Phase: "stopEverything", Action: machine.PhaseEvent_START})
	b.events.Emit(actor, &machine.TaskEvent{Task: "stopAllServices", Action: machine.TaskEvent_START})
	sleep(ctx, linger)
	b.end(then)
}

// install writes the system to the disk and boots it; only metal machines come here. A machine that
// cannot install itself reboots, as Talos does, and has forgotten its configuration: no disk kept it.
func (b *boot) install() {
	b.setStage(runtime.MachineStageInstalling, false)
	target, image, err := b.installation()
	if !sleep(b.ctx, b.m.env.InstallTime) {
		return
	}
	if err == nil {
		err = b.m.change(func(d *disk) {
			d.Image = image
			d.Contents.Install(target)
			d.Contents.Settle(b.complete(), b.spec.Disks)
		})
	}
	if err == nil {
		err = b.keep(b.unsaved())
	}
	if err != nil {
		b.m.event("installation failed, reboots: %v", err)
		b.events.Emit("", &machine.SequenceEvent{
			Sequence: "install", Action: machine.SequenceEvent_NOOP,
			Error: &common.Error{Code: common.Code_FATAL, Message: err.Error()},
		})
		sleep(b.ctx, b.m.env.InstallTime)
	} else {
		b.m.event("installed %s to %s", image.Version, target.DevPath())
	}
	b.end(next{})
}

// installation is what the configuration says about it.
func (b *boot) installation() (hardware.Disk, hardware.Image, error) {
	install := b.complete().Machine().Install()
	image, err := b.m.env.Images.Pull(b.ctx, install.Image())
	if err != nil {
		return hardware.Disk{}, image, err
	}
	target, err := storage.Target(install, b.spec.Disks)
	return target, image, err
}

// upgradeStaged makes an upgrade that waited for this boot; true when the machine reboots for it.
func (b *boot) upgradeStaged() bool {
	staged := b.m.onDisk().Staged
	if staged == nil {
		return false
	}
	b.setStage(runtime.MachineStageUpgrading, false)
	if err := b.m.writeImage(*staged); err != nil {
		b.m.event("staged upgrade: %v", err)
		return false
	}
	b.end(next{})
	return true
}

// writeImage puts an image into the other half of A/B and makes it the next to boot.
func (m *Machine) writeImage(image hardware.Image) error {
	m.event("disk now boots %s", image.Version)
	return m.change(func(d *disk) {
		was := d.Image
		d.Image, d.Previous, d.Staged = image, &was, nil
	})
}
