package apid

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/siderolabs/grpc-proxy/proxy"
	"github.com/siderolabs/talos/pkg/machinery/api/common"
	"github.com/siderolabs/talos/pkg/machinery/constants"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"hearth/lab/talos/authz"
)

// backends are connections to other machines, made when first needed.
type backends struct {
	mu  sync.Mutex
	all map[string]*remote
}

func (f *Front) remote(target string) (*remote, error) {
	if _, _, err := net.SplitHostPort(target); target == "" || err == nil {
		return nil, status.Errorf(codes.Internal, "invalid target %q", target)
	}
	f.backends.mu.Lock()
	defer f.backends.mu.Unlock()
	if f.backends.all == nil {
		f.backends.all = map[string]*remote{}
	}
	if f.backends.all[target] == nil {
		f.backends.all[target] = &remote{front: f, target: target}
	}
	return f.backends.all[target], nil
}

func (b *backends) close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, r := range b.all {
		r.close()
	}
	b.all = nil
}

// remote is another machine's apid.
type remote struct {
	front  *Front
	target string
	mu     sync.Mutex
	conn   *grpc.ClientConn
}

// String implements proxy.Backend.
func (r *remote) String() string { return r.target }

// GetConnection implements proxy.Backend.
func (r *remote) GetConnection(ctx context.Context, _ string) (context.Context, *grpc.ClientConn, error) {
	md, _ := metadata.FromIncomingContext(ctx)
	from := md.Get(":authority")
	md = md.Copy()
	authz.Set(md, r.front.roles(ctx))
	md.Set("proxyfrom", append(from, "unknown")[0])
	for _, k := range []string{":authority", "node", "nodes"} {
		delete(md, k)
	}
	conn, err := r.dial()
	return metadata.NewOutgoingContext(ctx, md), conn, err
}

func (r *remote) dial() (*grpc.ClientConn, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.conn != nil {
		return r.conn, nil
	}
	var err error
	r.conn, err = Connect(r.target, r.front.Client, r.front.Dial,
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(constants.GRPCMaxMessageSize), grpc.ForceCodecV2(proxy.Codec())))
	return r.conn, err
}

func (r *remote) close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.conn != nil {
		_ = r.conn.Close()
	}
}

// Connect opens a connection to a machine's apid. Pings find out that a cable was pulled; without
// them a dead connection is kept for minutes.
func Connect(host string, cfg *tls.Config, dial func(context.Context, string, string) (net.Conn, error), more ...grpc.DialOption) (*grpc.ClientConn, error) {
	back := backoff.DefaultConfig
	back.BaseDelay, back.MaxDelay = 200*time.Millisecond, 2*time.Second
	return grpc.NewClient("passthrough:///"+net.JoinHostPort(host, fmt.Sprint(constants.ApidPort)), append([]grpc.DialOption{
		grpc.WithTransportCredentials(credentials.NewTLS(cfg)),
		grpc.WithContextDialer(func(ctx context.Context, addr string) (net.Conn, error) { return dial(ctx, "tcp", addr) }),
		grpc.WithConnectParams(grpc.ConnectParams{Backoff: back, MinConnectTimeout: 5 * time.Second}),
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: 10 * time.Second, Timeout: 3 * time.Second}),
		grpc.WithNoProxy(),
	}, more...)...)
}

// AppendInfo adds the machine's address to its answer. Every Talos answer is
// {repeated Reply messages = 1}, with {Metadata metadata = 1} in each reply, and protobuf lets fields
// be appended.
func (r *remote) AppendInfo(streaming bool, resp []byte) ([]byte, error) {
	info, err := proto.Marshal(&common.Empty{Metadata: &common.Metadata{Hostname: r.target}})
	if err != nil || streaming {
		return append(resp, info...), err
	}
	num, typ, tag := protowire.ConsumeTag(resp)
	if num != 1 || typ != protowire.BytesType {
		return nil, fmt.Errorf("unexpected message format: field %d", num)
	}
	msg, used := protowire.ConsumeBytes(resp[tag:])
	if used < 0 {
		return nil, protowire.ParseError(used)
	}
	out := protowire.AppendTag(nil, 1, protowire.BytesType)
	out = protowire.AppendBytes(out, append(append([]byte{}, msg...), info...))
	return append(out, resp[tag+used:]...), nil
}

// BuildError turns a failed call into an answer among those of the others.
func (r *remote) BuildError(streaming bool, err error) ([]byte, error) {
	e := &common.Empty{Metadata: &common.Metadata{Hostname: r.target, Error: err.Error(), Status: status.Convert(err).Proto()}}
	if streaming {
		return proto.Marshal(e)
	}
	return proto.Marshal(&common.EmptyResponse{Messages: []*common.Empty{e}})
}
