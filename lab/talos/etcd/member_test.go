package etcd

import (
	"context"
	"errors"
	"io"
	"log"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/siderolabs/talos/pkg/machinery/config/config"
	"github.com/siderolabs/talos/pkg/machinery/config/configloader"
)

const text = `version: v1alpha1
machine: {type: controlplane}
cluster:
  controlPlane: {endpoint: "https://10.0.3.1:6443"}
  etcd: {extraArgs: {quota-backend-bytes: "1024", log-level: error, cert-file: evil}}
`

func member(t *testing.T, dir string) *Member {
	t.Helper()
	cfg, err := configloader.NewFromBytes([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	m := &Member{
		Dir: dir, Secrets: "/s", Name: "cp1", Addresses: []netip.Addr{netip.MustParseAddr("10.0.1.1"), netip.MustParseAddr("fd00:1::1")},
		Config: func() config.Config { return cfg }, Peers: func() []netip.Addr { return nil }, Log: log.New(io.Discard, "", 0),
		State: func(string, bool, string) {},
	}
	m.Init()
	return m
}

func TestABootstrappedMemberFoundsAClusterOfItsOwnAddresses(t *testing.T) {
	m := member(t, filepath.Join(t.TempDir(), "etcd"))
	if m.HasData() {
		t.Error("an empty disk is nobody's member")
	}
	if err := m.Bootstrap(); err != nil {
		t.Fatal(err)
	}
	got, err := m.Args(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"--initial-cluster=cp1=https://10.0.1.1:2380,cp1=https://[fd00:1::1]:2380", "--initial-cluster-state=new",
		"--advertise-client-urls=https://10.0.1.1:2379,https://[fd00:1::1]:2379", "--trusted-ca-file=/s/etcd-ca.crt",
	} {
		if !slices.Contains(got, want) {
			t.Errorf("%s is not in %v", want, got)
		}
	}
}

func TestABootstrapSurvivesALossOfPowerBeforeTheFirstFile(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "etcd")
	if err := member(t, dir).Bootstrap(); err != nil {
		t.Fatal(err)
	}
	got, err := member(t, dir).Args(t.Context()) // the next boot
	if err != nil || !slices.Contains(got, "--initial-cluster-state=new") {
		t.Errorf("%v, %v", got, err)
	}
}

func TestAMemberWithDataStartsWithoutAskingAnybody(t *testing.T) {
	dir := t.TempDir()
	if err := member(t, filepath.Join(dir, "member")).Bootstrap(); err != nil { // leaves a file there
		t.Fatal(err)
	}
	got, err := member(t, dir).Args(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range got {
		if strings.HasPrefix(a, "--initial-cluster=") {
			t.Errorf("%s would be another cluster", a)
		}
	}
}

func TestWithoutPeersAMachineSaysWhatItWaitsForUntilTheBootEnds(t *testing.T) {
	m := member(t, filepath.Join(t.TempDir(), "etcd"))
	ctx, cancel := context.WithCancel(t.Context())
	said := ""
	m.State = func(state string, healthy bool, msg string) {
		said = state + ": " + msg
		if healthy {
			t.Error("healthy before it runs")
		}
		cancel()
	}
	if _, err := m.Args(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if said != "Preparing: Running pre state: waiting to join the cluster: no other control plane found" {
		t.Error(said)
	}
}

func TestExtraArgumentsNeverReplaceTalosOwn(t *testing.T) {
	got := member(t, t.TempDir()).args("", "")
	for _, want := range []string{"--cert-file=/s/etcd.crt", "--log-level=error", "--quota-backend-bytes=1024"} {
		if !slices.Contains(got, want) {
			t.Errorf("%s is not in %v", want, got)
		}
	}
}

func TestAStoppedMemberLeavesNoData(t *testing.T) {
	m := member(t, filepath.Join(t.TempDir(), "etcd"))
	if err := m.Bootstrap(); err != nil {
		t.Fatal(err)
	}
	stopped := false
	m.Stoppable(func() { stopped = true })
	if err := m.Stop(); err != nil || !stopped || m.HasData() {
		t.Errorf("stopped %v, data %v, %v", stopped, m.HasData(), err)
	}
}
