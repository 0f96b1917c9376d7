package hardware

import (
	"bytes"
	"encoding/json"
	"errors"
)

// Change is what PATCH may change; nil leaves a field as it is. Effective at the next power on.
type Change struct {
	CPUs      *int      `json:"cpus"`
	MemoryMiB *uint64   `json:"memoryMiB"`
	Disks     *[]Disk   `json:"disks"`
	Addresses *[]string `json:"addresses"`
	BootTime  *string   `json:"bootTime"`
	// Drive is what is put into a metal machine's drive; null takes out what is there.
	Drive Drive `json:"image"`
}

// Drive is a change of a drive.
type Drive struct {
	Changed bool
	Image   Image
}

// UnmarshalJSON implements json.Unmarshaler; it is not called for a key that is left out.
func (d *Drive) UnmarshalJSON(raw []byte) error {
	*d = Drive{Changed: true}
	if string(raw) == "null" {
		return nil
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	return dec.Decode(&d.Image)
}

// Past is what happened to a machine before it came into this world.
type Past struct {
	// Installed is the system on its disk, nil for none; that of a nocloud machine is its image.
	Installed *Image `json:"installed"`
	// Configuration is the machine configuration in STATE, "" for none.
	Configuration string `json:"configuration"`
}

// Validate names everything that is wrong; what the configuration says is for Talos to judge.
func (p Past) Validate(s *Spec) error {
	var errs []error
	if p.Installed != nil {
		errs = append(errs, p.Installed.validate("installed"))
	}
	if p.Configuration != "" && p.Installed == nil && s.Platform == PlatformMetal {
		errs = append(errs, errors.New("configuration: there is no installed system that could hold it; say what is `installed`"))
	}
	return errors.Join(errs...)
}

// Apply returns the spec with the change made.
func (s Spec) Apply(c Change) Spec {
	if c.CPUs != nil {
		s.CPUs = *c.CPUs
	}
	if c.MemoryMiB != nil {
		s.MemoryMiB = *c.MemoryMiB
	}
	if c.Disks != nil {
		s.Disks = *c.Disks
	}
	if c.Addresses != nil {
		s.Addresses = *c.Addresses
	}
	if c.BootTime != nil {
		s.BootTime = *c.BootTime
	}
	if c.Drive.Changed {
		s.Image = c.Drive.Image
	}
	return s
}
