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
	"hearth/lab/talos/storage"
)

// disk is what the disks hold besides their big folders: partitions, and what the boot partition boots.
type disk struct {
	Image hardware.Image `json:"image"`
	// Previous is the other half of A/B, for a rollback.
	Previous *hardware.Image `json:"previous,omitempty"`
	// Staged is an upgrade to make at the next boot.
	Staged   *hardware.Image  `json:"staged,omitempty"`
	NodeID   string           `json:"nodeID"` // on STATE
	Contents storage.Contents `json:"contents"`
}

func (m *Machine) diskPath() string { return filepath.Join(m.dir, "disk.json") }

// loadDisk reads the disks, or makes new ones: a nocloud machine starts from a disk image, a metal one
// from a drive that it never writes to.
func (m *Machine) loadDisk() error {
	if err := persist.ReadJSON(m.diskPath(), &m.disk); err != nil {
		return err
	}
	if m.disk.NodeID == "" {
		m.disk = disk{Image: m.spec.Image, NodeID: newNodeID(), Contents: storage.Contents{}}
		m.disk.Contents.Plug(m.spec.Disks)
		if m.spec.Platform == hardware.PlatformNocloud {
			m.disk.Contents.Install(m.spec.Disks[0])
		}
	}
	return m.saveDisk()
}

func (m *Machine) saveDisk() error { return persist.WriteJSON(m.diskPath(), m.disk) }

// Remember gives a new machine what happened to it before it came here.
func (m *Machine) Remember(past hardware.Past) error {
	var cfg config.Provider
	target := m.spec.Disks[0]
	if past.Configuration != "" {
		var err error
		if cfg, err = configloader.NewFromBytes([]byte(past.Configuration)); err != nil {
			return err
		}
		if cfg.Machine() == nil {
			return errors.New("it has no `machine` section; Talos would not have kept it on the disk")
		}
		if d, err := storage.Target(cfg.Machine().Install(), m.spec.Disks); err == nil {
			target = d
		}
	}
	err := m.change(func(d *disk) {
		if past.Installed != nil {
			d.Image = *past.Installed
			if _, there := d.Contents.System(m.spec.Disks); !there {
				d.Contents.Install(target)
			}
		}
		if cfg != nil {
			d.Contents.Settle(cfg, m.spec.Disks)
		}
	})
	if err != nil || cfg == nil {
		return err
	}
	return persist.Write(m.configPath(), []byte(past.Configuration))
}

// change edits the disks and writes them. Files go with the volume that they lay in.
func (m *Machine) change(f func(*disk)) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	state, ephemeral := m.identity(storage.State), m.identity(storage.Ephemeral)
	f(&m.disk)
	var errs []error
	if state != "" && m.identity(storage.State) != state {
		m.disk.NodeID = newNodeID()
		if err := os.Remove(m.configPath()); err != nil && !errors.Is(err, os.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	if ephemeral != "" && m.identity(storage.Ephemeral) != ephemeral {
		for _, d := range []string{"etcd", "kubelet", "secrets", "log"} {
			errs = append(errs, os.RemoveAll(filepath.Join(m.dir, d)))
		}
	}
	return errors.Join(append(errs, m.saveDisk())...)
}

// identity is the content of a volume; the caller holds the lock.
func (m *Machine) identity(label string) string {
	return m.disk.Contents.Identity(label, m.spec.Disks)
}

// onDisk reads a copy.
func (m *Machine) onDisk() disk {
	m.mu.Lock()
	defer m.mu.Unlock()
	out := m.disk
	out.Contents = out.Contents.Clone()
	return out
}

// installed tells whether a disk holds a system.
func (m *Machine) installed() bool {
	_, there := m.systemDisk()
	return there
}

func (m *Machine) systemDisk() (hardware.Disk, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.disk.Contents.System(m.spec.Disks)
}

// image is what boots now: the disk's, else what a metal machine finds in its drive, else nothing.
func (m *Machine) image() hardware.Image {
	m.mu.Lock()
	defer m.mu.Unlock()
	_, installed := m.disk.Contents.System(m.spec.Disks)
	switch {
	case installed:
		return m.disk.Image
	case m.spec.Platform == hardware.PlatformMetal:
		return m.spec.Image
	}
	return hardware.Image{}
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

// wipe is a reset's.
func (m *Machine) wipe(w storage.Wipe) error {
	var failed error
	err := m.change(func(d *disk) {
		failed = d.Contents.Wipe(w, m.spec.Disks)
		if _, installed := d.Contents.System(m.spec.Disks); !installed {
			d.Previous, d.Staged = nil, nil
		}
	})
	return errors.Join(failed, err)
}

// membership is the cluster and identity under which discovery knows the machine.
func (m *Machine) membership() (cluster, nodeID string) {
	cfg, err := m.persisted()
	if err != nil || cfg == nil || cfg.Cluster() == nil {
		return "", ""
	}
	return cfg.Cluster().ID(), m.onDisk().NodeID
}
