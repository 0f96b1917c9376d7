// Package resources is one machine's COSI state: what `talosctl get` reads. It knows which types
// exist and who may read them; what is true is put there by the machine.
package resources

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/cosi-project/runtime/pkg/resource"
	"github.com/cosi-project/runtime/pkg/resource/meta"
	"github.com/cosi-project/runtime/pkg/safe"
	"github.com/cosi-project/runtime/pkg/state"
	"github.com/cosi-project/runtime/pkg/state/impl/inmem"
	"github.com/cosi-project/runtime/pkg/state/impl/namespaced"
	"github.com/cosi-project/runtime/pkg/state/registry"
	"github.com/siderolabs/talos/pkg/machinery/resources/block"
	"github.com/siderolabs/talos/pkg/machinery/resources/cluster"
	"github.com/siderolabs/talos/pkg/machinery/resources/config"
	"github.com/siderolabs/talos/pkg/machinery/resources/etcd"
	"github.com/siderolabs/talos/pkg/machinery/resources/hardware"
	"github.com/siderolabs/talos/pkg/machinery/resources/k8s"
	"github.com/siderolabs/talos/pkg/machinery/resources/network"
	"github.com/siderolabs/talos/pkg/machinery/resources/runtime"
	"github.com/siderolabs/talos/pkg/machinery/resources/secrets"
	"github.com/siderolabs/talos/pkg/machinery/resources/v1alpha1"
	"github.com/siderolabs/talos/pkg/machinery/role"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"hearth/lab/talos/authz"
)

// State is a machine's resources during one boot.
type State struct{ state.State }

// New registers Talos' namespaces and types.
func New(ctx context.Context) (*State, error) {
	st := &State{state.WrapCore(namespaced.NewState(inmem.Build))}
	nsr, rr := registry.NewNamespaceRegistry(st.State), registry.NewResourceRegistry(st.State)
	errs := []error{nsr.RegisterDefault(ctx), rr.RegisterDefault(ctx)}
	for _, ns := range []string{
		v1alpha1.NamespaceName, cluster.NamespaceName, cluster.RawNamespaceName, config.NamespaceName, etcd.NamespaceName,
		hardware.NamespaceName, k8s.NamespaceName, k8s.ControlPlaneNamespaceName, network.NamespaceName,
		network.ConfigNamespaceName, secrets.NamespaceName,
	} {
		errs = append(errs, nsr.Register(ctx, ns, ns))
	}
	for _, t := range types() {
		errs = append(errs, rr.Register(ctx, t))
	}
	return st, errors.Join(errs...)
}

func types() []meta.ResourceWithRD {
	return []meta.ResourceWithRD{
		&block.Device{}, &block.Disk{}, &block.SystemDisk{}, &block.VolumeStatus{}, &block.DiscoveredVolume{}, &block.MountStatus{},
		&cluster.Identity{}, &cluster.Member{}, &cluster.Info{}, &cluster.Affiliate{}, &cluster.Config{},
		&config.MachineConfig{}, &config.MachineType{},
		&etcd.Member{}, &etcd.Spec{}, &etcd.PKIStatus{},
		&hardware.MemoryModule{}, &hardware.Processor{}, &hardware.SystemInformation{},
		&k8s.Nodename{}, &k8s.NodeStatus{}, &k8s.NodeIP{}, &k8s.StaticPodStatus{}, &k8s.StaticPod{}, &k8s.Endpoint{},
		&k8s.KubeletSpec{}, &k8s.APIServerConfig{}, &k8s.ControllerManagerConfig{}, &k8s.SchedulerConfig{}, &k8s.ManifestStatus{}, &k8s.BootstrapManifestsConfig{},
		&network.HostnameStatus{}, &network.HardwareAddr{}, &network.NodeAddress{}, &network.AddressStatus{}, &network.LinkStatus{}, &network.RouteStatus{},
		&network.ResolverStatus{}, &network.TimeServerStatus{}, &network.Status{},
		&runtime.MachineStatus{}, &runtime.SecurityState{}, &runtime.PlatformMetadata{}, &runtime.Diagnostic{}, &runtime.BootedEntry{},
		&runtime.ExtensionStatus{}, &runtime.ExtensionServiceConfig{}, &runtime.ExtensionServiceConfigStatus{}, &runtime.KernelCmdline{}, &runtime.Version{},
		&secrets.OSRoot{}, &secrets.KubernetesRoot{}, &secrets.EtcdRoot{},
		&v1alpha1.Service{},
	}
}

// Put creates or replaces a resource.
func (s *State) Put(ctx context.Context, r resource.Resource) error {
	cur, err := s.Get(ctx, r.Metadata())
	if state.IsNotFoundError(err) {
		return s.Create(ctx, r)
	}
	if err != nil {
		return err
	}
	r.Metadata().SetVersion(cur.Metadata().Version())
	return s.Update(ctx, r)
}

// Drop removes a resource; one that is not there is no error.
func (s *State) Drop(ctx context.Context, p resource.Pointer) error {
	err := s.Destroy(ctx, p)
	if state.IsNotFoundError(err) {
		return nil
	}
	return err
}

// Guarded is the state as clients may see it: reads only, secrets for os:admin only.
func (s *State) Guarded() state.CoreState { return state.Filter(s.State, s.rule) }

func (s *State) rule(ctx context.Context, a state.Access) error {
	if !a.Verb.Readonly() {
		return status.Error(codes.PermissionDenied, "write access is not allowed")
	}
	id := strings.ToLower(a.ResourceType)
	rd, err := safe.StateGet[*meta.ResourceDefinition](ctx, s.State,
		resource.NewMetadata(meta.NamespaceName, meta.ResourceDefinitionType, id, resource.VersionUndefined))
	if state.IsNotFoundError(err) {
		return status.Errorf(codes.PermissionDenied, "resource type %q is not supported", a.ResourceType)
	}
	if err != nil {
		return err
	}
	if rd.TypedSpec().Sensitivity == meta.Sensitive && !authz.Roles(ctx).Includes(role.Admin) {
		return authz.ErrNotAuthorized
	}
	_, err = safe.StateGet[*meta.Namespace](ctx, s.State,
		resource.NewMetadata(meta.NamespaceName, meta.NamespaceType, a.ResourceNamespace, resource.VersionUndefined))
	if state.IsNotFoundError(err) {
		return status.Error(codes.PermissionDenied, fmt.Sprintf("namespace %q is not supported", a.ResourceNamespace))
	}
	return err
}
