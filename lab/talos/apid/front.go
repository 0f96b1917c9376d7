// Package apid is Talos' front door on port 50000: TLS, roles from certificates, and passing calls
// on to this machine or to others. What a call does is none of its business.
package apid

import (
	"context"
	"crypto/tls"
	"net"
	"strings"
	"time"

	"github.com/siderolabs/grpc-proxy/proxy"
	"github.com/siderolabs/talos/pkg/machinery/constants"
	"github.com/siderolabs/talos/pkg/machinery/role"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"

	"hearth/lab/talos/authz"
)

// Front is one machine's apid.
type Front struct {
	Server *tls.Config
	// Client proves to other machines' apid that this one may speak for its clients. Nil on workers
	// and in maintenance mode: they forward nothing.
	Client *tls.Config
	// Maintenance: nobody is asked for a certificate, everybody is a reader, routing metadata is ignored.
	Maintenance bool
	Local       *grpc.ClientConn
	IsLocal     func(target string) bool
	Dial        func(ctx context.Context, network, addr string) (net.Conn, error)

	backends backends
}

// Serve answers until the context ends.
func (f *Front) Serve(ctx context.Context, l net.Listener) error {
	srv := grpc.NewServer(
		grpc.Creds(credentials.NewTLS(f.Server)),
		grpc.MaxRecvMsgSize(constants.GRPCMaxMessageSize),
		grpc.ForceServerCodecV2(proxy.Codec()),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: 2 * time.Second, PermitWithoutStream: true}),
		grpc.UnknownServiceHandler(proxy.TransparentHandler(f.direct, proxy.WithStreamedDetector(streamed))),
	)
	stop := context.AfterFunc(ctx, srv.Stop)
	defer stop()
	defer f.backends.close()
	return srv.Serve(l)
}

// streamed lists the calls whose answers are streams, as Talos' apid does.
func streamed(method string) bool {
	switch method {
	case "/machine.MachineService/Copy", "/machine.MachineService/DiskUsage", "/machine.MachineService/Dmesg",
		"/machine.MachineService/EtcdSnapshot", "/machine.MachineService/Events", "/machine.MachineService/ImageList",
		"/machine.MachineService/Kubeconfig", "/machine.MachineService/List", "/machine.MachineService/Logs",
		"/machine.MachineService/PacketCapture", "/machine.MachineService/Read", "/machine.LifecycleService/Install",
		"/machine.LifecycleService/Upgrade", "/cluster.ClusterService/HealthCheck":
		return true
	}
	return strings.HasSuffix(method, "Stream")
}

// roles are the client's, or those another apid vouches for.
func (f *Front) roles(ctx context.Context) role.Set {
	if f.Maintenance {
		return role.MakeSet(role.Reader)
	}
	p, ok := peer.FromContext(ctx)
	if !ok {
		return role.Zero
	}
	info, ok := p.AuthInfo.(credentials.TLSInfo)
	if !ok || len(info.State.PeerCertificates) == 0 {
		return role.Zero
	}
	roles, _ := role.Parse(info.State.PeerCertificates[0].Subject.Organization)
	if roles.Includes(role.Impersonator) {
		if md, _ := metadata.FromIncomingContext(ctx); len(md.Get(constants.APIAuthzRoleMetadataKey)) > 0 {
			return authz.Roles(ctx)
		}
	}
	return roles
}

func (f *Front) direct(ctx context.Context, method string) (proxy.Mode, []proxy.Backend, error) {
	md, _ := metadata.FromIncomingContext(ctx)
	if f.Maintenance || len(md.Get("proxyfrom")) > 0 {
		return proxy.One2One, []proxy.Backend{f.local()}, nil
	}
	node, nodes := md.Get("node"), md.Get("nodes")
	if len(node) > 1 {
		return proxy.One2One, nil, status.Error(codes.InvalidArgument, "node metadata must be single-valued")
	}
	if f.Client == nil {
		if len(node) == 1 && f.IsLocal(node[0]) {
			node = nil
		}
		if len(nodes) == 1 && f.IsLocal(nodes[0]) {
			nodes = nil
		}
		if len(node)+len(nodes) > 0 {
			return proxy.One2One, nil, status.Error(codes.PermissionDenied, "no request forwarding")
		}
	}
	switch {
	case len(nodes) > 0:
		return f.toMany(method, nodes)
	case len(node) == 1:
		b, err := f.remote(node[0])
		return proxy.One2One, []proxy.Backend{b}, err
	}
	return proxy.One2One, []proxy.Backend{f.local()}, nil
}

func (f *Front) toMany(method string, nodes []string) (proxy.Mode, []proxy.Backend, error) {
	switch method[:strings.LastIndexByte(method, '/')+1] {
	case "/machine.MachineService/", "/cluster.ClusterService/", "/inspect.InspectService/",
		"/storage.StorageService/", "/time.TimeService/":
	default:
		return proxy.One2One, nil, status.Errorf(codes.InvalidArgument,
			"one-2-many proxying is not supported for method %s", method)
	}
	out := make([]proxy.Backend, 0, len(nodes))
	for _, n := range nodes {
		b, err := f.remote(n)
		if err != nil {
			return proxy.One2Many, nil, err
		}
		out = append(out, b)
	}
	return proxy.One2Many, out, nil
}

func (f *Front) local() proxy.Backend {
	return &proxy.SingleBackend{GetConn: func(ctx context.Context) (context.Context, *grpc.ClientConn, error) {
		md, _ := metadata.FromIncomingContext(ctx)
		md = md.Copy()
		authz.Set(md, f.roles(ctx))
		delete(md, ":authority")
		return metadata.NewOutgoingContext(ctx, md), f.Local, nil
	}}
}
