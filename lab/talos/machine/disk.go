package machine

import (
	"encoding/base64"
	"errors"
	"os"
	"path/filepath"
	"strings"

	"crypto/rand"
	"github.com/siderolabs/talos/pkg/machinery/config"
	"github.com/siderolabs/talos/pkg/machinery/config/configloader"

	"hearth/lab/talos/hardware"
	"hearth/lab/talos/persist"
)

// disk is the system disk besides its big folders: META and the boot partition.
type disk struct {
	// Installed: there is something to boot on the disk.
	Installed bool           `json:"installed"`
	Image     hardware.Image `json:"image"`
	// Previous is the other half of A/B, for a rollback.
	Previous *hardware.Image `json:"previous,omitempty"`
	// Staged is an upgrade to make at the next boot.
	Staged *hardware.Image `json:"staged,omitempty"`
	NodeID string          `json:"nodeID"` // on STATE
}

func (m *Machine) diskPath() string { return filepath.Join(m.dir, "disk.json") }

// loadDisk reads the disk, or makes a new one: a nocloud machine starts from a disk image, a metal one
// from a drive that it never writes to.
func (m *Machine) loadDisk() error {
	if err := persist.ReadJSON(m.diskPath(), &m.disk); err != nil {
		return err
	}
	if m.disk.NodeID != "" {
		return nil
	}
	m.disk = disk{Installed: m.spec.Platform == hardware.PlatformNocloud, Image: m.spec.Image, NodeID: newNodeID()}
	return m.saveDisk()
}

func (m *Machine) saveDisk() error { return persist.WriteJSON(m.diskPath(), m.disk) }

// change edits the disk and writes it.
func (m *Machine) change(f func(*disk)) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	f(&m.disk)
	return m.saveDisk()
}

// onDisk reads a copy.
func (m *Machine) onDisk() disk {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.disk
}

// image is what boots now: the disk's, or what a metal machine finds in its drive.
func (m *Machine) image() hardware.Image {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.disk.Installed {
		return m.disk.Image
	}
	return m.spec.Image
}

// newNodeID looks like Talos' node identity: 32 random bytes in base62's neighbourhood.
func newNodeID() string {
	b := make([]byte, 32)
	_, _ = rand.Read(b) // never fails since Go 1.24
	return strings.NewReplacer("-", "a", "_", "b").Replace(base64.RawURLEncoding.EncodeToString(b))
}

// persisted is the configuration on STATE, nil when there is none.
func (m *Machine) persisted() (config.Provider, error) {
	b, err := os.ReadFile(m.configPath())
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return configloader.NewFromBytes(b)
}

// wipe erases partitions. STATE holds configuration and identity, EPHEMERAL everything else.
func (m *Machine) wipe(state, ephemeral, all bool) error {
	var errs []error
	if state || all {
		if err := os.Remove(m.configPath()); err != nil && !errors.Is(err, os.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	if ephemeral || all {
		for _, d := range []string{"etcd", "kubelet", "secrets", "log"} {
			errs = append(errs, os.RemoveAll(filepath.Join(m.dir, d)))
		}
	}
	errs = append(errs, m.change(func(d *disk) {
		if state || all {
			d.NodeID = newNodeID()
		}
		if all {
			d.Installed, d.Previous, d.Staged = false, nil, nil
		}
	}))
	return errors.Join(errs...)
}

// membership is the cluster and identity under which discovery knows the machine.
func (m *Machine) membership() (cluster, nodeID string) {
	cfg, err := m.persisted()
	if err != nil || cfg == nil || cfg.Cluster() == nil {
		return "", ""
	}
	return cfg.Cluster().ID(), m.onDisk().NodeID
}
