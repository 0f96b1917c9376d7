package machine

import (
	"context"
	"os"
	"path/filepath"
	goruntime "runtime"
	"slices"

	cosi "github.com/cosi-project/runtime/api/v1alpha1"
	"github.com/cosi-project/runtime/pkg/state"
	cosiserver "github.com/cosi-project/runtime/pkg/state/protobuf/server"
	"github.com/siderolabs/talos/pkg/machinery/api/cluster"
	"github.com/siderolabs/talos/pkg/machinery/api/common"
	"github.com/siderolabs/talos/pkg/machinery/api/machine"
	"github.com/siderolabs/talos/pkg/machinery/api/storage"
	timeapi "github.com/siderolabs/talos/pkg/machinery/api/time"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"hearth/lab/talos/hardware"
)

// api is MachineService; Talos 1.13 serves the same one in maintenance mode, where every caller is a
// reader.
type api struct {
	machine.UnimplementedMachineServiceServer
	b *boot
}

func (b *boot) register(s *grpc.Server) {
	machine.RegisterMachineServiceServer(s, &api{b: b})
	machine.RegisterImageServiceServer(s, &imageAPI{b: b})
	machine.RegisterLifecycleServiceServer(s, &lifecycle{b: b})
	cluster.RegisterClusterServiceServer(s, &clusterAPI{b: b})
	storage.RegisterStorageServiceServer(s, &storageAPI{b: b})
	timeapi.RegisterTimeServiceServer(s, &timeAPI{})
	cosi.RegisterStateServer(s, cosiserver.NewState(state.WrapCore(b.res.Guarded())))
}

// mode is what the platform means to Talos: a metal machine must be told where to install.
type mode struct {
	name      string
	installed bool
}

// String implements validation.RuntimeMode.
func (m mode) String() string { return m.name }

// RequiresInstall implements validation.RuntimeMode.
func (m mode) RequiresInstall() bool { return m.name == "metal" && !m.installed }

// InContainer implements validation.RuntimeMode.
func (mode) InContainer() bool { return false }

func (b *boot) mode() mode {
	name := "cloud"
	if b.spec.Platform == hardware.PlatformMetal {
		name = "metal"
	}
	return mode{name, b.m.installed()}
}

// controlPlaneOnly refuses calls that make no sense on a worker, in Talos' words.
func (b *boot) controlPlaneOnly(what string) error {
	if b.complete() == nil {
		return status.Errorf(codes.Unimplemented, "machine type is not set, cannot use %s API", what)
	}
	if !b.isControlPlane() {
		return status.Errorf(codes.Unimplemented, "%s is only available on control plane nodes", what)
	}
	return nil
}

// Version implements machine.MachineServiceServer.
func (a *api) Version(context.Context, *emptypb.Empty) (*machine.VersionResponse, error) {
	b := a.b
	return &machine.VersionResponse{Messages: []*machine.Version{{
		Version: &machine.VersionInfo{
			Tag: b.image.Version, Sha: "simulated", Os: "linux", Arch: "amd64", GoVersion: goruntime.Version(),
		},
		Platform: &machine.PlatformInfo{Name: b.spec.Platform, Mode: b.mode().String()},
		Features: &machine.FeaturesInfo{Rbac: true},
	}}}, nil
}

// Hostname implements machine.MachineServiceServer.
func (a *api) Hostname(context.Context, *emptypb.Empty) (*machine.HostnameResponse, error) {
	return &machine.HostnameResponse{Messages: []*machine.Hostname{{Hostname: a.b.hostname()}}}, nil
}

// Memory implements machine.MachineServiceServer.
func (a *api) Memory(context.Context, *emptypb.Empty) (*machine.MemoryResponse, error) {
	kib := a.b.spec.MemoryMiB << 10
	return &machine.MemoryResponse{Messages: []*machine.Memory{{
		Meminfo: &machine.MemInfo{Memtotal: kib, Memfree: kib / 2, Memavailable: kib / 2},
	}}}, nil
}

// ServiceList implements machine.MachineServiceServer.
func (a *api) ServiceList(context.Context, *emptypb.Empty) (*machine.ServiceListResponse, error) {
	return &machine.ServiceListResponse{Messages: []*machine.ServiceList{{Services: a.b.services.List()}}}, nil
}

// Events implements machine.MachineServiceServer.
func (a *api) Events(in *machine.EventsRequest, s grpc.ServerStreamingServer[machine.Event]) error {
	if err := s.Send(&machine.Event{}); err != nil { // clients wait for an empty event first
		return err
	}
	tail := int(in.GetTailEvents())
	if in.GetTailId() != "" {
		tail = -1
	}
	live, past, stop := a.b.events.Subscribe(tail)
	defer stop()
	wanted := func(e *machine.Event) bool { return in.GetWithActorId() == "" || e.GetActorId() == in.GetWithActorId() }
	if in.GetTailId() != "" {
		i := slices.IndexFunc(past, func(e *machine.Event) bool { return e.GetId() == in.GetTailId() })
		past = past[i+1:]
	}
	for _, e := range past {
		if !wanted(e) {
			continue
		}
		if err := s.Send(e); err != nil {
			return err
		}
	}
	for {
		select {
		case <-s.Context().Done():
			return s.Context().Err()
		case <-a.b.ctx.Done():
			return status.Error(codes.Unavailable, "the machine is going down")
		case e := <-live:
			if !wanted(e) {
				continue
			}
			if err := s.Send(e); err != nil {
				return err
			}
		}
	}
}

// Read implements machine.MachineServiceServer, for the few files that clients ask for.
func (a *api) Read(in *machine.ReadRequest, s grpc.ServerStreamingServer[common.Data]) error {
	switch in.GetPath() {
	case "/proc/sys/kernel/random/boot_id":
		return s.Send(&common.Data{Bytes: []byte(a.b.id + "\n")})
	case "/proc/cmdline":
		return s.Send(&common.Data{Bytes: []byte(a.b.cmdline() + "\n")})
	case "/system/state/config.yaml":
		raw, err := os.ReadFile(a.b.m.configPath())
		if err != nil {
			return status.Errorf(codes.NotFound, "stat %s: no such file or directory", in.GetPath())
		}
		return s.Send(&common.Data{Bytes: raw})
	}
	return status.Errorf(codes.Unknown, "stat %s: no such file or directory", in.GetPath())
}

func (b *boot) cmdline() string {
	out := "talos.platform=" + b.spec.Platform + " console=tty0 init_on_alloc=1 slab_nomerge pti=on"
	for _, x := range b.spec.KernelArgs {
		out += " " + x
	}
	return out
}

// Logs implements machine.MachineServiceServer: what the real programs wrote, without following.
func (a *api) Logs(in *machine.LogsRequest, s grpc.ServerStreamingServer[common.Data]) error {
	name := filepath.Base(in.GetId())
	raw, err := os.ReadFile(filepath.Join(a.b.m.dir, "log", name+".log"))
	if err != nil {
		return status.Errorf(codes.NotFound, "log %q was not registered", in.GetId())
	}
	const chunk = 1 << 20
	for part := range slices.Chunk(raw, chunk) {
		if err := s.Send(&common.Data{Bytes: part}); err != nil {
			return err
		}
	}
	return nil
}

// timeAPI is TimeService: the lab's clock is the machine's.
type timeAPI struct {
	timeapi.UnimplementedTimeServiceServer
}

// Time implements timeapi.TimeServiceServer.
func (t *timeAPI) Time(context.Context, *emptypb.Empty) (*timeapi.TimeResponse, error) {
	now := timestamppb.Now()
	return &timeapi.TimeResponse{Messages: []*timeapi.Time{{Server: "simulated", Localtime: now, Remotetime: now}}}, nil
}

// TimeCheck implements timeapi.TimeServiceServer.
func (t *timeAPI) TimeCheck(context.Context, *timeapi.TimeRequest) (*timeapi.TimeResponse, error) {
	return t.Time(context.Background(), nil)
}
