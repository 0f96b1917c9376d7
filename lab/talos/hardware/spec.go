// Package hardware says what a machine is made of: what a hypervisor's form or a person's hands
// decide. It deliberately knows nothing of Talos' configuration or of running machines.
package hardware

import (
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
)

// Platforms a machine can report; they decide whether Talos must install itself first.
const (
	PlatformNocloud = "nocloud" // a disk image with a cloud-init drive (Proxmox VE)
	PlatformMetal   = "metal"   // an ISO or PXE boot of a box
)

// Image is a Talos image: what was written to the disk, or put into the drive. None is an empty drive.
type Image struct {
	Version   string `json:"version"`
	Schematic string `json:"schematic"`
}

// None tells whether there is no image.
func (i Image) None() bool { return i.Version == "" }

func (i Image) validate(field string) error {
	if strings.HasPrefix(i.Version, "v") {
		return nil
	}
	return fmt.Errorf("%s.version: %q: must be a Talos version such as v1.13.0", field, i.Version)
}

// Spec is one machine's hardware and what its first boot finds (addresses are what the cloud-init
// drive or DHCP gives while nothing else is configured).
type Spec struct {
	ID    string   `json:"id"`
	Label string   `json:"label"`
	UUID  string   `json:"uuid"`
	MACs  []string `json:"macs"`
	// Interfaces are the cards' names, beside their MACs; the first card has the cable that Addresses are about.
	Interfaces   []string `json:"interfaces"`
	Manufacturer string   `json:"manufacturer"`
	Product      string   `json:"product"`
	Platform     string   `json:"platform"`
	// Image is what the disk of a nocloud machine was made from, or lies in the drive of a metal one.
	Image       Image    `json:"image"`
	Addresses   []string `json:"addresses"`
	Gateways    []string `json:"gateways"`
	Nameservers []string `json:"nameservers"`
	Hostname    string   `json:"hostname"`
	CPUs        int      `json:"cpus"`
	MemoryMiB   uint64   `json:"memoryMiB"`
	Disks       []Disk   `json:"disks"`
	KernelArgs  []string `json:"kernelArgs"`
	// BootTime is how long the firmware and the kernel take before Talos shows itself, such as 40s.
	BootTime string `json:"bootTime"`
}

// Complete fills what the caller left out: UUID, MAC, platform, size, one disk.
func (s *Spec) Complete() {
	if s.UUID == "" {
		s.UUID = uuid.NewString()
	}
	if len(s.MACs) == 0 {
		s.MACs = []string{randomMAC()}
	}
	if s.Platform == "" {
		s.Platform = PlatformNocloud
	}
	if len(s.Interfaces) == 0 {
		for i := range s.MACs {
			s.Interfaces = append(s.Interfaces, fmt.Sprintf("eth%d", i))
		}
	}
	if s.Platform == PlatformNocloud && s.Manufacturer == "" {
		s.Manufacturer, s.Product = "QEMU", "Standard PC (Q35 + ICH9, 2009)"
	}
	if s.CPUs == 0 {
		s.CPUs = 4
	}
	if s.MemoryMiB == 0 {
		s.MemoryMiB = 8192
	}
	if len(s.Disks) == 0 {
		s.Disks = []Disk{{Name: "sda", SizeBytes: 32 << 30, Model: "QEMU HARDDISK", Transport: "virtio"}}
	}
}

// randomMAC is in Proxmox' own range, which is what a reader of logs expects.
func randomMAC() string {
	b := make([]byte, 3)
	_, _ = rand.Read(b) // never fails since Go 1.24
	return fmt.Sprintf("BC:24:11:%02X:%02X:%02X", b[0], b[1], b[2])
}

// Validate names everything that is wrong, at once.
func (s *Spec) Validate() error {
	var errs []error
	bad := func(field, value, fix string) {
		errs = append(errs, fmt.Errorf("%s: %q: %s", field, value, fix))
	}
	if s.ID == "" {
		bad("id", s.ID, "give the machine a name, such as host/100")
	}
	if _, err := uuid.Parse(s.UUID); err != nil {
		bad("uuid", s.UUID, "not a UUID; leave it out to have one made")
	}
	for _, m := range s.MACs {
		if hw, err := net.ParseMAC(m); err != nil || len(hw) != 6 || hw[0]&1 == 1 {
			bad("macs", m, "not the address of one network card, such as BC:24:11:00:01:01")
		}
	}
	if s.Platform != PlatformNocloud && s.Platform != PlatformMetal {
		bad("platform", s.Platform, "must be nocloud or metal")
	}
	if s.Platform != PlatformMetal || !s.Image.None() {
		errs = append(errs, s.Image.validate("image"))
	}
	if _, err := s.bootTime(); err != nil {
		bad("bootTime", s.BootTime, "must be a duration such as 40s")
	}
	if s.CPUs < 0 {
		bad("cpus", fmt.Sprint(s.CPUs), "must be positive")
	}
	errs = append(errs, s.validateInterfaces(), s.validateNetwork(), s.validateDisks())
	return errors.Join(errs...)
}

func (s Spec) bootTime() (time.Duration, error) {
	if s.BootTime == "" {
		return 0, nil
	}
	return time.ParseDuration(s.BootTime)
}

// BootDuration is the boot time; Validate has seen it.
func (s Spec) BootDuration() time.Duration {
	d, _ := s.bootTime()
	return d
}

// validateInterfaces holds names to the kernel's rules.
func (s *Spec) validateInterfaces() error {
	var errs []error
	if len(s.Interfaces) != len(s.MACs) {
		errs = append(errs, fmt.Errorf("interfaces: %d names for %d macs; give one for each, or none", len(s.Interfaces), len(s.MACs)))
	}
	for i, name := range s.Interfaces {
		switch {
		case name == "" || name == "lo" || len(name) > 15 || strings.ContainsAny(name, "/: \t"):
			errs = append(errs, fmt.Errorf("interfaces: %q: must be a name such as enp3s0f0, of at most 15 letters", name))
		case slices.Contains(s.Interfaces[:i], name):
			errs = append(errs, fmt.Errorf("interfaces: %q: named twice", name))
		}
	}
	return errors.Join(errs...)
}

func (s *Spec) validateNetwork() error {
	var errs []error
	for _, a := range s.Addresses {
		if _, err := netip.ParsePrefix(a); err != nil {
			errs = append(errs, fmt.Errorf("addresses: %q: must be address/length, such as 10.0.1.1/16", a))
		}
	}
	for field, list := range map[string][]string{"gateways": s.Gateways, "nameservers": s.Nameservers} {
		for _, a := range list {
			if _, err := netip.ParseAddr(a); err != nil {
				errs = append(errs, fmt.Errorf("%s: %q: must be an address without a length", field, a))
			}
		}
	}
	return errors.Join(errs...)
}

// Clashes says what two machines of one world must not share, or "".
func (s *Spec) Clashes(other *Spec) string {
	if s.ID == other.ID {
		return fmt.Sprintf("machine %q exists", s.ID)
	}
	if strings.EqualFold(s.UUID, other.UUID) {
		return fmt.Sprintf("UUID %s belongs to machine %q", s.UUID, other.ID)
	}
	for _, m := range s.MACs {
		for _, o := range other.MACs {
			if strings.EqualFold(m, o) {
				return fmt.Sprintf("MAC %s belongs to machine %q", m, other.ID)
			}
		}
	}
	return ""
}

// Prefixes are the addresses, parsed; Validate has seen them.
func (s *Spec) Prefixes() []netip.Prefix {
	out := make([]netip.Prefix, 0, len(s.Addresses))
	for _, a := range s.Addresses {
		if p, err := netip.ParsePrefix(a); err == nil {
			out = append(out, p)
		}
	}
	return out
}

// GatewayAddrs are the gateways, parsed; Validate has seen them.
func (s *Spec) GatewayAddrs() []netip.Addr {
	out := make([]netip.Addr, 0, len(s.Gateways))
	for _, g := range s.Gateways {
		if a, err := netip.ParseAddr(g); err == nil {
			out = append(out, a)
		}
	}
	return out
}
