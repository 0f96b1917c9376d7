package storage

import (
	"fmt"
	"strings"
	"testing"

	"github.com/siderolabs/talos/pkg/machinery/config"
	"github.com/siderolabs/talos/pkg/machinery/config/configloader"
	"github.com/siderolabs/talos/pkg/machinery/resources/block"

	"hearth/lab/talos/hardware"
)

var (
	ssd = hardware.Disk{Name: "sda", SizeBytes: 250e9, Model: "APPLE SSD SM0256G", Serial: "A1", Transport: "sata"}
	usb = hardware.Disk{Name: "sdb", SizeBytes: 1e12, Model: "Portable SSD T5", Serial: "S1", Transport: "usb"}
	two = []hardware.Disk{usb, ssd}
)

const base = `version: v1alpha1
machine:
  type: controlplane
  install: {%s}
cluster:
  controlPlane: {endpoint: "https://10.0.3.1:6443"}
`

const user = `---
apiVersion: v1alpha1
kind: UserVolumeConfig
name: longhorn-ssd
provisioning:
  diskSelector: {match: '%s'}
  minSize: 100GiB
  grow: true
`

const luks = `---
apiVersion: v1alpha1
kind: VolumeConfig
name: %s
encryption: {provider: luks2, keys: [{slot: 0, nodeID: {}}]}
`

func load(t *testing.T, text string) config.Provider {
	t.Helper()
	cfg, err := configloader.NewFromBytes([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

func selecting(t *testing.T, match string) config.Provider {
	return load(t, fmt.Sprintf(base, "disk: /dev/sda")+fmt.Sprintf(user, match))
}

func installed() Contents {
	c := Contents{}
	c.Plug(two)
	c.Install(ssd)
	return c
}

// told is how each volume fares, in one line.
func told(all []Status) string {
	var out []string
	for _, s := range all {
		out = append(out, fmt.Sprintf("%s %s %s", s.ID, s.Phase, s.Location))
	}
	return strings.Join(out, "; ")
}

func TestTheDiskToInstallToIsChosenByTalosOwnExpressions(t *testing.T) {
	for install, want := range map[string]string{
		`diskSelector: {model: "APPLE*"}`:               "sda",
		`diskSelector: {model: "Portable SSD T5*"}`:     "sdb",
		`diskSelector: {size: ">= 500GB"}`:              "sdb",
		`diskSelector: {serial: A1, type: ssd}`:         "sda",
		`diskSelector: {type: hdd}`:                     "no disks matched the expression",
		`disk: /dev/sdb`:                                "sdb",
		`disk: /dev/sdc`:                                "lstat /dev/sdc: no such file or directory",
		`disk: /dev/sdb, diskSelector: {model: APPLE*}`: "sda",
	} {
		d, err := Target(load(t, fmt.Sprintf(base, install)).Machine().Install(), two)
		if got := fmt.Sprint(d.Name, err); !strings.Contains(got, want) {
			t.Errorf("%s: got %s", install, got)
		}
	}
}

func TestADiskWithoutATransportIsNoDiskToASelector(t *testing.T) {
	mapper := []hardware.Disk{{Name: "dm-0", SizeBytes: 1e12, Model: "APPLE"}}
	if d, err := Target(load(t, fmt.Sprintf(base, `diskSelector: {model: "APPLE*"}`)).Machine().Install(), mapper); err == nil {
		t.Errorf("got %s", d.Name)
	}
}

func TestVolumesOfTheSystemFollowItsDisk(t *testing.T) {
	c := installed()
	if got := told(c.Settle(nil, two)); got != "META ready /dev/sda2; STATE missing " {
		t.Errorf("without a configuration: %s", got)
	}
	got := told(c.Settle(load(t, fmt.Sprintf(base, "disk: /dev/sda")), two))
	if got != "META ready /dev/sda2; STATE ready /dev/sda3; EPHEMERAL ready /dev/sda4" {
		t.Errorf("with one: %s", got)
	}
	if d, there := c.System(two); !there || d.Name != "sda" || len(c.On(usb)) != 0 {
		t.Errorf("on %v, %v", d.Name, c.On(usb))
	}
}

func TestWithoutASystemNothingIsMade(t *testing.T) {
	c := Contents{}
	c.Plug(two)
	all := c.Settle(selecting(t, "disk.model == \"Portable SSD T5\""), two)
	if got := told(all); got != "META missing ; STATE failed ; EPHEMERAL waiting ; u-longhorn-ssd waiting " {
		t.Errorf("got %s", got)
	}
	if !strings.Contains(all[1].ErrorMessage, "system_disk") {
		t.Errorf("got %s", all[1].ErrorMessage)
	}
}

func TestAUserVolumeLiesOnTheDiskThatItsSelectorMeans(t *testing.T) {
	for match, want := range map[string]string{
		`disk.model == "Portable SSD T5"`:                        "ready /dev/sdb1",
		`glob("Portable*", disk.model) && disk.size > 900u * GB`: "ready /dev/sdb1",
		`disk.transport == "usb" && !system_disk`:                "ready /dev/sdb1",
		`disk.model == "Portable SSD T7"`:                        "failed: no disks matched selector for volume",
		`system_disk`:                                            "failed: no disks matched for volume (1 matched selector): 1 have not enough space",
	} {
		all := installed().Settle(selecting(t, match), two)
		last := all[len(all)-1]
		got := fmt.Sprintf("%s %s", last.Phase, last.Location)
		if last.Phase == block.VolumePhaseFailed {
			got = "failed: " + last.ErrorMessage
		}
		if last.ID != "u-longhorn-ssd" || !strings.HasPrefix(got, want) {
			t.Errorf("%s: %s %s", match, last.ID, got)
		}
	}
}

func TestAForeignDiskIsNotWrittenOver(t *testing.T) {
	foreign := usb
	foreign.Serial, foreign.Volumes = "S2", []hardware.Volume{{Filesystem: "exfat"}}
	disks := []hardware.Disk{ssd, foreign}
	c := Contents{}
	c.Plug(disks)
	c.Install(ssd)
	all := c.Settle(selecting(t, `disk.transport == "usb"`), disks)
	if got := all[len(all)-1].ErrorMessage; !strings.Contains(got, "1 have wrong format") {
		t.Errorf("got %s", got)
	}
	if c.On(foreign)[0].Filesystem != "exfat" {
		t.Errorf("got %v", c.On(foreign))
	}
}

func TestDataOutlivesWhatIsNotMeantForIt(t *testing.T) {
	cfg := selecting(t, `disk.transport == "usb"`)
	c := installed()
	c.Settle(cfg, two)
	before := c.Identity("u-longhorn-ssd", two)
	if err := c.Wipe(Wipe{Volumes: []string{State, Ephemeral}}, two); err != nil {
		t.Fatal(err)
	}
	if got := told(c.Settle(nil, two)); got != "META ready /dev/sda2; STATE missing " {
		t.Errorf("after the reset: %s", got)
	}
	c.Settle(cfg, two)
	if after := c.Identity("u-longhorn-ssd", two); after == "" || after != before {
		t.Errorf("was %s, is %s", before, after)
	}
	c.Install(ssd)
	c.Settle(cfg, two)
	if c.Identity("u-longhorn-ssd", two) != before {
		t.Error("an installation on another disk took the data")
	}
	if err := c.Wipe(Wipe{Devices: []string{"/dev/sdb"}}, two); err != nil {
		t.Fatal(err)
	}
	c.Settle(cfg, two)
	if after := c.Identity("u-longhorn-ssd", two); after == "" || after == before {
		t.Error("a wiped disk has its data still")
	}
}

func TestAResetOfEverythingLeavesNoSystemAndTheDataAlone(t *testing.T) {
	c := installed()
	c.Settle(selecting(t, `disk.transport == "usb"`), two)
	if err := c.Wipe(Wipe{System: true}, two); err != nil {
		t.Fatal(err)
	}
	if _, there := c.System(two); there || len(c.On(ssd)) != 0 || len(c.On(usb)) != 1 {
		t.Errorf("left %v and %v", c.On(ssd), c.On(usb))
	}
}

func TestOnlyUserDisksAreWipedAsUserDisks(t *testing.T) {
	c := installed()
	for path, want := range map[string]string{
		"/dev/sda": "is the system disk", "/dev/sdz": "wasn't found", "/dev/sdb": "<nil>",
	} {
		if got := fmt.Sprint(c.Wipeable([]string{path}, two)); !strings.Contains(got, want) {
			t.Errorf("%s: got %s", path, got)
		}
	}
}

func TestEncryptionIsShownAndHeldTo(t *testing.T) {
	plain := load(t, fmt.Sprintf(base, "disk: /dev/sda"))
	locked := load(t, fmt.Sprintf(base, "disk: /dev/sda")+fmt.Sprintf(luks, "STATE")+fmt.Sprintf(luks, "EPHEMERAL"))
	c := installed()
	all := c.Settle(locked, two)
	for i, want := range []string{"none ", "luks2 /dev/dm-0", "luks2 /dev/dm-1"} {
		if got := fmt.Sprintf("%s %s", all[i].EncryptionProvider, all[i].MountLocation); !strings.HasPrefix(got, want) {
			t.Errorf("%s: got %s", all[i].ID, got)
		}
	}
	if got := fmt.Sprint(all[1].ConfiguredEncryptionKeys); got != "[nodeID]" {
		t.Errorf("keys: %s", got)
	}
	if got := c.Settle(plain, two)[1].ErrorMessage; got != "filesystem type mismatch: luks != xfs" {
		t.Errorf("without the key: %s", got)
	}
	c = installed()
	c.Settle(plain, two)
	if got := c.Settle(locked, two)[1].ErrorMessage; got != "block dev type mismatch: xfs != luks" {
		t.Errorf("too late: %s", got)
	}
}

func TestEphemeralGrowsWithItsDisk(t *testing.T) {
	cfg := load(t, fmt.Sprintf(base, "disk: /dev/sda"))
	c := installed()
	c.Settle(cfg, two)
	larger := ssd
	larger.SizeBytes *= 2
	_, before := c.Find(Ephemeral, two)
	c.Settle(cfg, []hardware.Disk{larger, usb})
	_, after := c.Find(Ephemeral, two)
	if after.SizeBytes != before.SizeBytes+ssd.SizeBytes || after.UUID != before.UUID {
		t.Errorf("was %+v, is %+v", before, after)
	}
}
