package machine

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/siderolabs/talos/pkg/machinery/api/machine"
	"github.com/siderolabs/talos/pkg/machinery/config"
	"github.com/siderolabs/talos/pkg/machinery/config/configdiff"
	"github.com/siderolabs/talos/pkg/machinery/config/configloader"
	"github.com/siderolabs/talos/pkg/machinery/constants"
	"github.com/siderolabs/talos/pkg/machinery/role"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"hearth/lab/talos/authz"
	"hearth/lab/talos/persist"
	"hearth/lab/talos/storage"
)

const (
	modeNoReboot = machine.ApplyConfigurationRequest_NO_REBOOT
	modeReboot   = machine.ApplyConfigurationRequest_REBOOT
	modeAuto     = machine.ApplyConfigurationRequest_AUTO
	modeStaged   = machine.ApplyConfigurationRequest_STAGED
	modeTry      = machine.ApplyConfigurationRequest_TRY
)

// answerTime is what the answer to a call has to get out before its effects close the way.
const answerTime = 100 * time.Millisecond

// try is a configuration that will be taken back unless it is confirmed.
type try struct {
	back config.Provider
	stop func() bool
}

// ApplyConfiguration implements machine.MachineServiceServer, in the order of Talos v1.13.0's.
func (a *api) ApplyConfiguration(ctx context.Context, in *machine.ApplyConfigurationRequest) (*machine.ApplyConfigurationResponse, error) {
	b := a.b
	inMaintenance := b.complete() == nil
	if !inMaintenance && !authz.Roles(ctx).Includes(role.Admin) {
		return nil, authz.ErrNotAuthorized
	}
	if in.GetMode() != modeTry {
		b.keepTried()
	}
	cfg, warnings, err := b.check(ctx, in.GetData(), inMaintenance)
	if err != nil {
		return nil, err
	}
	mode, details, err := b.decide(cfg, in.GetMode(), inMaintenance)
	if err != nil {
		return nil, err
	}
	if in.GetDryRun() {
		diff, err := b.diff(cfg)
		if err != nil {
			return nil, fmt.Errorf("failed to generate diff: %w", err)
		}
		return applied(mode, nil, fmt.Sprintf("Dry run summary:\n%s (skipped in dry-run).\n%s", firstLine(details), diff)), nil
	}
	if mode == modeTry {
		timeout := constants.ConfigTryTimeout
		if in.GetTryModeTimeout() != nil {
			timeout = in.GetTryModeTimeout().AsDuration()
		}
		details += fmt.Sprintf("\nThe config is applied in 'try' mode and will be automatically reverted back in %s", timeout)
		b.tryOut(timeout)
	}
	return applied(mode, warnings, details), b.apply(cfg, in.GetData(), mode)
}

func applied(mode machine.ApplyConfigurationRequest_Mode, warnings []string, details string) *machine.ApplyConfigurationResponse {
	return &machine.ApplyConfigurationResponse{Messages: []*machine.ApplyConfiguration{
		{Mode: mode, Warnings: warnings, ModeDetails: details},
	}}
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(s, ": this config change")
	return line
}

// check loads and validates with Talos' own code.
func (b *boot) check(ctx context.Context, data []byte, inMaintenance bool) (config.Provider, []string, error) {
	cfg, err := configloader.NewFromBytes(data)
	if err != nil {
		return nil, nil, status.Error(codes.InvalidArgument, err.Error())
	}
	if !inMaintenance && cfg.RawV1Alpha1() == nil {
		return nil, nil, status.Error(codes.InvalidArgument, "the applied machine configuration doesn't contain v1alpha1 config, "+
			"did you mean to patch the machine config instead?")
	}
	warnings, err := cfg.Validate(b.mode())
	if err != nil {
		return nil, nil, status.Error(codes.InvalidArgument, err.Error())
	}
	more, err := cfg.RuntimeValidate(ctx, b.res.State, b.mode())
	if err != nil {
		return nil, nil, status.Error(codes.InvalidArgument, err.Error())
	}
	return cfg, slices.Concat(warnings, more), nil
}

// decide turns the mode asked for into the one that happens, with Talos' words about it.
func (b *boot) decide(cfg config.Provider, mode machine.ApplyConfigurationRequest_Mode, inMaintenance bool) (machine.ApplyConfigurationRequest_Mode, string, error) {
	if inMaintenance && mode == modeReboot {
		mode = modeNoReboot
	}
	const with, without = "Applied configuration with a reboot", "Applied configuration without a reboot"
	var reboot error
	if !inMaintenance {
		reboot = NeedsReboot(b.config(), cfg)
	}
	switch mode {
	case modeTry, modeNoReboot:
		if reboot != nil {
			return mode, "", status.Error(codes.InvalidArgument, reboot.Error())
		}
		return mode, without, nil
	case modeStaged:
		return mode, "Staged configuration to be applied after the next reboot", nil
	case modeAuto:
		if reboot != nil {
			return modeReboot, with + ": " + reboot.Error(), nil
		}
		return modeNoReboot, without, nil
	}
	return mode, with, nil
}

func (b *boot) diff(cfg config.Provider) (string, error) {
	var old config.Container
	if cur := b.config(); cur != nil {
		old = cur
	}
	out, err := configdiff.DiffConfigs(old, cfg)
	if out == "" {
		out = "No changes."
	}
	return "Config diff:\n\n" + out, err
}

// apply stores and activates.
func (b *boot) apply(cfg config.Provider, data []byte, mode machine.ApplyConfigurationRequest_Mode) error {
	if b.complete() == nil && (mode == modeTry || mode == modeNoReboot) {
		b.settleFor(cfg) // it is what makes STATE, which then keeps it
	}
	if mode != modeTry {
		if err := b.keep(data); err != nil {
			return err
		}
	}
	b.m.event("configuration applied: %s", strings.ToLower(mode.String()))
	switch mode {
	case modeReboot:
		b.sequence(seqReboot, "", next{}, nil)
	case modeTry, modeNoReboot:
		if b.complete() == nil {
			b.inMaintenance(cfg)
			return nil
		}
		b.activate(cfg)
	}
	return nil
}

// keep writes a configuration to STATE. Without one it stays in memory, and goes with the boot.
func (b *boot) keep(data []byte) error {
	if b.m.onDisk().Contents.Has(storage.State, b.spec.Disks) {
		return persist.Write(b.m.configPath(), data)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.raw = data
	return nil
}

func (b *boot) unsaved() []byte {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.raw
}

// inMaintenance takes a first configuration; one that is not complete only configures the network.
func (b *boot) inMaintenance(cfg config.Provider) {
	if cfg != nil && cfg.CompleteForBoot() {
		select {
		case b.applied <- cfg:
		default: // another one is on its way already
		}
		return
	}
	b.setConfig(cfg)
	b.spawn(func(ctx context.Context) {
		sleep(ctx, answerTime)
		if err := b.network(); err != nil && ctx.Err() == nil {
			b.m.event("network: %v", err)
		}
	})
}

// activate makes a configuration the running one, without a reboot.
func (b *boot) activate(cfg config.Provider) {
	b.setConfig(cfg)
	if err := b.network(); err != nil {
		b.m.event("network: %v", err)
	}
	b.settle()
	b.describeConfig()
	b.describeExtensionServices()
	b.announce()
	if p := b.controlPlane(); p != nil {
		p.Reconfigure()
	}
	b.mu.Lock()
	agent := b.agent
	b.mu.Unlock()
	if agent != nil {
		agent.Poke()
	}
}

// tryOut arms the way back.
func (b *boot) tryOut(after time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	back := b.cfg
	if b.try != nil { // a second trial goes back to where the first began
		b.try.stop()
		back = b.try.back
	}
	t := &try{back: back}
	timer := time.AfterFunc(after, func() {
		b.mu.Lock()
		armed := b.try == t
		b.try = nil
		b.mu.Unlock()
		if armed && b.ctx.Err() == nil {
			b.m.event("tried configuration is taken back after %s", after)
			b.takeBack(t.back)
		}
	})
	t.stop = timer.Stop
	b.try = t
}

// takeBack returns to an earlier configuration: to none only while the machine is in maintenance mode.
func (b *boot) takeBack(cfg config.Provider) {
	switch {
	case cfg != nil && cfg.CompleteForBoot():
		b.activate(cfg)
	case b.complete() == nil:
		b.inMaintenance(cfg)
	}
}

// keepTried disarms the way back.
func (b *boot) keepTried() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.try != nil {
		b.try.stop()
		b.try = nil
	}
}
