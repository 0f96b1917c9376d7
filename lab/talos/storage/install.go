package storage

import (
	"errors"
	"fmt"

	"github.com/siderolabs/talos/pkg/machinery/cel/celenv"
	"github.com/siderolabs/talos/pkg/machinery/config/config"
	"github.com/siderolabs/talos/pkg/machinery/constants"

	"hearth/lab/talos/hardware"
)

// Target is the disk that an installation writes to: the first that the selector means, asked with Talos'
// own expressions, else the one that is named. Errors are in Talos' words.
func Target(install config.Install, disks []hardware.Disk) (hardware.Disk, error) {
	match, err := install.DiskMatchExpression()
	if err != nil {
		return hardware.Disk{}, fmt.Errorf("failed to get disk match expression: %w", err)
	}
	if match == nil {
		return named(install.Disk(), disks)
	}
	for _, d := range sorted(disks) {
		ok, err := match.EvalBool(celenv.DiskLocator(), map[string]any{"disk": probe(d), "system_disk": false})
		if err != nil {
			return hardware.Disk{}, err
		}
		if ok {
			return d, nil
		}
	}
	return hardware.Disk{}, fmt.Errorf("no disks matched the expression: %s", match)
}

// named finds a disk by its device; other names that a real machine has for it are not known here.
func named(path string, disks []hardware.Disk) (hardware.Disk, error) {
	for _, d := range disks {
		if d.DevPath() == path {
			return d, nil
		}
	}
	return hardware.Disk{}, fmt.Errorf("lstat %s: no such file or directory", path)
}

// SystemDisks are those that a reset of everything wipes: all with a volume of the system.
func (c Contents) SystemDisks(disks []hardware.Disk) []hardware.Disk {
	var out []hardware.Disk
	for _, d := range disks {
		for _, v := range c.On(d) {
			if v.Label == constants.MetaPartitionLabel || v.Label == State || v.Label == Ephemeral {
				out = append(out, d)
				break
			}
		}
	}
	return out
}

// Wipeable says in Talos' words why disks may not be wiped as user disks.
func (c Contents) Wipeable(devices []string, disks []hardware.Disk) error {
	system, installed := c.System(disks)
	for _, path := range devices {
		d, err := named(path, disks)
		switch {
		case err != nil:
			return fmt.Errorf("reset user disk failed: device %s wasn't found", path)
		case d.Readonly:
			return fmt.Errorf("reset user disk failed: device %s is readonly", path)
		case installed && d.Name == system.Name:
			return fmt.Errorf("reset user disk failed: device %s is the system disk", path)
		}
	}
	return nil
}

// Wipe is what a reset takes away: everything of the system, or volumes by their IDs, and user disks.
type Wipe struct {
	System  bool
	Volumes []string
	Devices []string
}

// Wipe does it. Wiping a volume takes its partition out of the table, too.
func (c Contents) Wipe(w Wipe, disks []hardware.Disk) error {
	var errs []error
	if w.System {
		for _, d := range c.SystemDisks(disks) {
			c.Erase(d)
		}
	}
	for _, id := range w.Volumes {
		c.Drop(id, disks)
	}
	for _, path := range w.Devices {
		d, err := named(path, disks)
		if err == nil {
			c.Erase(d)
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}
