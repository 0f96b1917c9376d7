package machine

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/netip"
	"time"

	apicluster "github.com/siderolabs/talos/pkg/machinery/api/cluster"
	"github.com/siderolabs/talos/pkg/machinery/client"
	talosmachine "github.com/siderolabs/talos/pkg/machinery/config/machine"
	"google.golang.org/grpc"

	"hearth/lab/talos/authz"
	"hearth/lab/talos/health"
	"hearth/lab/talos/pki"
	"hearth/lab/talos/trustd"
)

// clusterAPI is ClusterService.
type clusterAPI struct {
	apicluster.UnimplementedClusterServiceServer
	b *boot
}

// HealthCheck implements cluster.ClusterServiceServer: the checks run here, with the caller's roles.
func (c *clusterAPI) HealthCheck(in *apicluster.HealthCheckRequest, s grpc.ServerStreamingServer[apicluster.HealthCheckProgress]) error {
	b := c.b
	if err := b.controlPlaneOnly("cluster health check"); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(s.Context(), in.GetWaitTimeout().AsDuration())
	defer cancel()
	talos, err := b.selfClient(ctx)
	if err != nil {
		return err
	}
	defer talos.Close()
	k, err := b.controlPlane().Local()
	if err != nil {
		return err
	}
	defer k.Close()
	nodes, err := b.expectedNodes(in.GetClusterInfo())
	if err != nil {
		return err
	}
	tell := func(text string) error { return s.Send(&apicluster.HealthCheckProgress{Message: text}) }
	var ips []string
	for _, n := range nodes {
		ips = append(ips, n.IPs[0].String())
	}
	if err := tell(fmt.Sprintf("discovered nodes: %q", ips)); err != nil {
		return err
	}
	cni := b.complete().Cluster().Network().CNI().Name()
	return health.Wait(ctx, &health.Cluster{Nodes: nodes, Talos: talos, Kube: k, CNI: cni}, tell)
}

// expectedNodes are those that the caller lists, else what discovery knows.
func (b *boot) expectedNodes(in *apicluster.ClusterInfo) ([]health.Node, error) {
	var out []health.Node
	for kind, list := range map[talosmachine.Type][]string{
		talosmachine.TypeControlPlane: in.GetControlPlaneNodes(), talosmachine.TypeWorker: in.GetWorkerNodes(),
	} {
		for _, text := range list {
			ip, err := netip.ParseAddr(text)
			if err != nil {
				return nil, err
			}
			out = append(out, health.Node{IPs: []netip.Addr{ip}, Type: kind})
		}
	}
	if len(out) > 0 {
		return out, nil
	}
	for _, a := range b.m.env.Discovery.Members(b.complete().Cluster().ID()) {
		if len(a.Addresses) == 0 {
			return nil, fmt.Errorf("no IP address found for member: %s", a.Hostname)
		}
		out = append(out, health.Node{IPs: a.Addresses, Type: a.MachineType})
	}
	return out, nil
}

// selfClient is a client of this machine's own apid, with the roles of the call in hand.
func (b *boot) selfClient(ctx context.Context) (*client.Client, error) {
	sec := b.complete().Machine().Security()
	pair, err := pki.Issue(sec.IssuingCA(), pki.Leaf{CN: "talossim", Org: authz.Roles(ctx).Strings(), Client: true, TTL: time.Hour})
	if err != nil {
		return nil, err
	}
	crt, err := pair.TLS()
	if err != nil {
		return nil, err
	}
	return client.New(ctx,
		client.WithTLSConfig(&tls.Config{
			Certificates: []tls.Certificate{crt}, RootCAs: pki.Pool(trustd.Bundle(sec)), MinVersion: tls.VersionTLS12,
		}),
		client.WithEndpoints("127.0.0.1"),
		client.WithGRPCDialOptions(grpc.WithContextDialer(func(ctx context.Context, addr string) (net.Conn, error) {
			return b.m.port.DialContext(ctx, "tcp", addr)
		})),
	)
}
