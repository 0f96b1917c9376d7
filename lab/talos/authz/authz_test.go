package authz

import (
	"context"
	"testing"

	"github.com/siderolabs/talos/pkg/machinery/role"
	"google.golang.org/grpc/metadata"
)

func as(roles ...role.Role) context.Context {
	md := metadata.MD{}
	Set(md, role.MakeSet(roles...))
	return metadata.NewIncomingContext(context.Background(), md)
}

func TestRolesMayDoWhatTalosAllowsThem(t *testing.T) {
	const m = "/machine.MachineService/"
	for _, x := range []struct {
		who    role.Role
		method string
		ok     bool
	}{
		{role.Reader, m + "Version", true},
		{role.Reader, m + "Reboot", false},
		{role.Operator, m + "Reboot", true},
		{role.Operator, m + "Reset", false},
		{role.EtcdBackup, m + "EtcdSnapshot", true},
		{role.EtcdBackup, m + "Version", false},
		{role.Reader, m + "EtcdSnapshot", false},
		{role.Operator, m + "Kubeconfig", false},
		{role.Admin, m + "Kubeconfig", true},
		{role.Reader, "/some.New/Method", false},
		{role.Admin, "/some.New/Method", true},
	} {
		if err := Allow(as(x.who), x.method); (err == nil) != x.ok {
			t.Errorf("%s %s: %v", x.who, x.method, err)
		}
	}
	if Allow(context.Background(), m+"Version") == nil {
		t.Error("nobody may read the version")
	}
}
