package machine

import (
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"os"
	"slices"

	"hearth/lab/talos/faults"
	"hearth/lab/talos/hardware"
)

// Info is a machine as a person in front of it sees it, and a little of what is inside.
type Info struct {
	hardware.Spec
	Power     string         `json:"power"`
	Cable     string         `json:"cable"`
	Stage     string         `json:"stage"`
	Ready     bool           `json:"ready"`
	Hostname  string         `json:"hostname"`
	Current   []string       `json:"currentAddresses"`
	Running   hardware.Image `json:"running"`
	BootID    string         `json:"bootId"`
	Processes map[string]int `json:"processes"`
	Faults    []faults.Fault `json:"faults"`
	Cluster   string         `json:"cluster"`
	Type      string         `json:"type"`
	// Configuration tells one configuration on the disk from another without showing it: "" for none.
	Configuration string `json:"configuration"`
	// Installed is the system on the disk, nil for none.
	Installed *hardware.Image `json:"installed"`
}

var onOff = map[bool]string{true: "on", false: "off"}

// Info looks at the machine now.
func (m *Machine) Info() Info {
	out := Info{
		Spec: m.Spec(), Power: onOff[m.On()], Cable: "down", Stage: "off", Processes: map[string]int{}, Faults: m.faults.List(),
		Current: []string{}, Configuration: m.configuration(),
	}
	out.Installed, out.Spec.Disks = m.inventory()
	if m.port.Linked() {
		out.Cable = "up"
	}
	b := m.boot()
	if b == nil {
		if m.On() {
			out.Stage = "rebooting"
		}
		return out
	}
	stage, ready := b.getStage()
	out.Stage, out.Ready, out.Running, out.BootID, out.Spec.Hostname = stage.String(), ready, b.image, b.id, m.Spec().Hostname
	out.Hostname = b.hostname()
	for _, a := range b.addresses() {
		out.Current = append(out.Current, a.String())
	}
	if cfg := b.complete(); cfg != nil {
		out.Cluster, out.Type = cfg.Cluster().Name(), cfg.Machine().Type().String()
	}
	if p := b.controlPlane(); p != nil {
		out.Processes = p.PIDs()
	}
	maps.Copy(out.Processes, b.containerPIDs())
	return out
}

// containerPIDs are the programs of pods, by namespace and name.
func (b *boot) containerPIDs() map[string]int {
	b.mu.Lock()
	a := b.agent
	b.mu.Unlock()
	if a == nil || a.Pods == nil {
		return nil
	}
	return a.Pods.PIDs()
}

// inventory is what lies on the disks now.
func (m *Machine) inventory() (*hardware.Image, []hardware.Disk) {
	d, disks := m.onDisk(), slices.Clone(m.Spec().Disks)
	for i := range disks {
		disks[i].Volumes = append([]hardware.Volume{}, d.Contents.On(disks[i])...)
	}
	if m.installed() {
		return &d.Image, disks
	}
	return nil, disks
}

// configuration is a hash of what lies in STATE now, which is not what runs while a change is staged.
func (m *Machine) configuration() string {
	text, err := os.ReadFile(m.configPath())
	if err != nil {
		return ""
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:8])
}
