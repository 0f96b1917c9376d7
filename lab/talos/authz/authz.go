// Package authz is Talos' role check: which roles may make which call. Roles arrive in the call's
// metadata, put there by apid, which took them from the client's certificate.
package authz

import (
	"context"

	"github.com/siderolabs/talos/pkg/machinery/constants"
	"github.com/siderolabs/talos/pkg/machinery/role"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// ErrNotAuthorized is what a client without the role gets.
var ErrNotAuthorized = status.Error(codes.PermissionDenied, "not authorized")

// Roles reads the roles of a call that came through apid.
func Roles(ctx context.Context) role.Set {
	md, _ := metadata.FromIncomingContext(ctx)
	roles, _ := role.Parse(md.Get(constants.APIAuthzRoleMetadataKey))
	return roles
}

// Set writes roles into metadata for the next hop.
func Set(md metadata.MD, roles role.Set) {
	md.Set(constants.APIAuthzRoleMetadataKey, roles.Strings()...)
}

// Allow answers nil when the caller's roles permit the method; unknown methods need os:admin.
func Allow(ctx context.Context, method string) error {
	allowed, ok := rules[method]
	if !ok {
		allowed = admin
	}
	if allowed.IncludesAny(Roles(ctx)) {
		return nil
	}
	return ErrNotAuthorized
}

var (
	admin    = role.MakeSet(role.Admin)
	operator = role.MakeSet(role.Admin, role.Operator)
	reader   = role.MakeSet(role.Admin, role.Operator, role.Reader)
	backup   = role.MakeSet(role.Admin, role.Operator, role.Reader, role.EtcdBackup)
	// The handler itself refuses a reader outside of maintenance mode.
	maintenance = role.MakeSet(role.Admin, role.Reader)
)

// rules follow internal/app/machined/pkg/system/services/machined.go of Talos v1.13.0; what is not
// here is for os:admin.
var rules = buildRules()

func buildRules() map[string]role.Set {
	out := map[string]role.Set{
		"/cluster.ClusterService/HealthCheck":        reader,
		"/machine.ImageService/List":                 reader,
		"/machine.ImageService/Pull":                 operator,
		"/machine.MachineService/ApplyConfiguration": maintenance,
		"/machine.MachineService/EtcdSnapshot":       role.MakeSet(role.Admin, role.Operator, role.EtcdBackup),
		"/machine.MachineService/MetaWrite":          role.MakeSet(role.Admin, role.MetaWriter),
		"/machine.MachineService/MetaDelete":         role.MakeSet(role.Admin, role.MetaWriter),
		"/storage.StorageService/BlockDeviceWipe":    maintenance,
		"/storage.StorageService/Disks":              reader,
		"/time.TimeService/Time":                     reader,
		"/time.TimeService/TimeCheck":                reader,
		"/cosi.resource.State/Get":                   reader,
		"/cosi.resource.State/List":                  reader,
		"/cosi.resource.State/Watch":                 reader,
	}
	for who, methods := range map[*role.Set][]string{
		&reader: {
			"CPUInfo", "CPUFreqStats", "Containers", "DiskStats", "DiskUsage", "Dmesg", "Events", "Hostname", "ImageList",
			"List", "LoadAvg", "Logs", "LogsContainers", "Memory", "Mounts", "NetworkDeviceStats", "Netstat", "Processes",
			"ServiceList", "Stats", "SystemStat", "Version",
		},
		&operator: {
			"EtcdAlarmDisarm", "EtcdDefragment", "ImagePull", "PacketCapture", "Reboot", "Restart", "ServiceRestart",
			"ServiceStart", "ServiceStop", "Shutdown",
		},
		&backup: {"EtcdAlarmList", "EtcdMemberList", "EtcdStatus"},
	} {
		for _, m := range methods {
			out["/machine.MachineService/"+m] = *who
		}
	}
	return out
}
