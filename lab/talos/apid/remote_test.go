package apid

import (
	"errors"
	"testing"

	"github.com/siderolabs/talos/pkg/machinery/api/machine"
	"google.golang.org/protobuf/proto"
)

func TestAnswersGetTheAddressOfTheirMachine(t *testing.T) {
	r := &remote{target: "10.0.1.2"}
	raw, err := proto.Marshal(&machine.HostnameResponse{Messages: []*machine.Hostname{{Hostname: "cp2"}}})
	if err != nil {
		t.Fatal(err)
	}
	raw, err = r.AppendInfo(false, raw)
	if err != nil {
		t.Fatal(err)
	}
	failed, err := r.BuildError(false, errors.New("down"))
	if err != nil {
		t.Fatal(err)
	}
	var all machine.HostnameResponse // answers of many machines are one after another
	if err := proto.Unmarshal(append(raw, failed...), &all); err != nil {
		t.Fatal(err)
	}
	m := all.GetMessages()
	if len(m) != 2 || m[0].GetHostname() != "cp2" || m[0].GetMetadata().GetHostname() != "10.0.1.2" || m[1].GetMetadata().GetError() != "down" {
		t.Fatalf("got %v", m)
	}
}

func TestATargetWithAPortIsRefused(t *testing.T) {
	f := &Front{}
	for _, target := range []string{"", "10.0.1.1:50000", "[fd00::1]:50000"} {
		if _, err := f.remote(target); err == nil {
			t.Errorf("%q was accepted", target)
		}
	}
	if _, err := f.remote("fd00::1"); err != nil {
		t.Error(err)
	}
}
