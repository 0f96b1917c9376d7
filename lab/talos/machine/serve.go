package machine

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"time"

	"github.com/siderolabs/grpc-proxy/proxy"
	"github.com/siderolabs/talos/pkg/machinery/config"
	"github.com/siderolabs/talos/pkg/machinery/constants"
	"github.com/siderolabs/talos/pkg/machinery/resources/runtime"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/test/bufconn"

	"hearth/lab/talos/apid"
	"hearth/lab/talos/pki"
	"hearth/lab/talos/trustd"
)

// maintenance serves everybody until a configuration is complete; nil when the boot ended before.
func (b *boot) maintenance() config.Provider {
	sans := []string{"localhost", "127.0.0.1", "::1"}
	if name := b.hostname(); name != "" {
		sans = append(sans, name)
	}
	for _, a := range b.m.port.Addresses() {
		sans = append(sans, a.Addr().String())
	}
	pair, err := pki.SelfSigned(pki.Leaf{CN: "maintenance-service.talos.dev", SANs: sans, Server: true})
	if err != nil {
		b.m.event("maintenance certificate: %v", err)
		return nil
	}
	crt, err := pair.TLS()
	if err != nil {
		b.m.event("maintenance certificate: %v", err)
		return nil
	}
	ctx, leave := context.WithCancel(b.ctx)
	defer leave()
	front := &apid.Front{Maintenance: true, Server: &tls.Config{Certificates: []tls.Certificate{crt}, MinVersion: tls.VersionTLS12}}
	done := make(chan struct{})
	go func() {
		defer close(done)
		b.serve(ctx, front)
	}()
	b.services.Running("apid")
	b.setStage(runtime.MachineStageMaintenance, true)
	defer func() { leave(); <-done }()
	select {
	case cfg := <-b.applied:
		// The answer to the call leaves before the door closes.
		sleep(b.ctx, answerTime)
		b.services.Set("apid", "Waiting", false, "Waiting for API certificates")
		return cfg
	case <-b.ctx.Done():
		return nil
	}
}

// serve answers on the machine's port 50000 until ctx ends.
func (b *boot) serve(ctx context.Context, front *apid.Front) {
	local, stop, err := b.machined(ctx)
	if err != nil {
		b.m.event("machined: %v", err)
		return
	}
	defer stop()
	front.Local, front.IsLocal, front.Dial = local, b.isLocal, b.m.port.DialContext
	l, err := b.listen(ctx, constants.ApidPort)
	if err != nil {
		return
	}
	if err := front.Serve(ctx, l); err != nil && ctx.Err() == nil {
		b.m.event("apid: %v", err)
	}
}

func (b *boot) listen(ctx context.Context, port int) (net.Listener, error) {
	said := false
	for {
		l, err := b.m.port.Listen(fmt.Sprintf(":%d", port))
		if err == nil {
			return l, nil
		}
		if !said {
			b.m.log.Printf("listen on %d: %v", port, err)
			said = true
		}
		if !sleep(ctx, 200*time.Millisecond) {
			return nil, ctx.Err()
		}
	}
}

// machined starts the API behind apid, reached in memory.
func (b *boot) machined(ctx context.Context) (*grpc.ClientConn, func(), error) {
	buf := bufconn.Listen(1 << 20)
	srv := grpc.NewServer(
		grpc.MaxRecvMsgSize(constants.GRPCMaxMessageSize),
		grpc.UnaryInterceptor(b.unary), grpc.StreamInterceptor(b.stream),
	)
	b.register(srv)
	go func() { _ = srv.Serve(buf) }() // ends with Stop below
	conn, err := grpc.NewClient("passthrough:///machined",
		grpc.WithContextDialer(func(c context.Context, _ string) (net.Conn, error) { return buf.DialContext(c) }),
		grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithNoProxy(),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(constants.GRPCMaxMessageSize), grpc.ForceCodecV2(proxy.Codec())))
	if err != nil {
		srv.Stop()
		return nil, nil, err
	}
	cancel := context.AfterFunc(ctx, srv.Stop)
	return conn, func() { cancel(); srv.Stop(); _ = conn.Close() }, nil
}

// secured is apid of a configured machine: it starts when the machine has its certificates.
func (b *boot) secured(ctx context.Context) {
	front := &apid.Front{}
	said := ""
	for {
		err := b.certificates(ctx, front)
		if err == nil {
			break
		}
		b.services.Set("apid", "Waiting", false, "Waiting for API certificates: "+err.Error())
		if err.Error() != said {
			said = err.Error()
			b.m.log.Printf("apid waits for certificates: %v", err)
		}
		if !sleep(ctx, time.Second) {
			return
		}
	}
	b.services.Running("apid")
	b.m.event("apid up as %s", b.hostname())
	b.serve(ctx, front)
}

func (b *boot) leaf() pki.Leaf {
	sans := []string{"127.0.0.1", "::1", "localhost", b.hostname()}
	for _, a := range b.m.port.Addresses() {
		sans = append(sans, a.Addr().String())
	}
	for _, v := range b.vips() {
		sans = append(sans, v.String())
	}
	sans = append(sans, b.complete().Machine().Security().CertSANs()...)
	return pki.Leaf{CN: b.hostname(), SANs: sans, Server: true, TTL: 24 * time.Hour}
}

// certificates makes apid's, with the machine CA's key or through a control plane's trustd.
func (b *boot) certificates(ctx context.Context, front *apid.Front) error {
	sec := b.complete().Machine().Security()
	cas := trustd.Bundle(sec)
	var server, client pki.Pair
	var err error
	if b.isControlPlane() {
		if server, err = pki.Issue(sec.IssuingCA(), b.leaf()); err != nil {
			return err
		}
		client, err = pki.Issue(sec.IssuingCA(), pki.Leaf{CN: b.hostname(), Org: []string{"os:impersonator"}, Client: true, TTL: 24 * time.Hour})
		if err != nil {
			return err
		}
		crt, err := client.TLS()
		if err != nil {
			return err
		}
		front.Client = &tls.Config{Certificates: []tls.Certificate{crt}, RootCAs: pki.Pool(cas), MinVersion: tls.VersionTLS12}
	} else if server, cas, err = trustd.Request(ctx, sec, b.endpoints(), b.leaf(), b.m.port.DialContext); err != nil {
		return err
	}
	crt, err := server.TLS()
	if err != nil {
		return err
	}
	front.Server = &tls.Config{
		Certificates: []tls.Certificate{crt}, ClientCAs: pki.Pool(cas), MinVersion: tls.VersionTLS12,
		ClientAuth: tls.RequireAndVerifyClientCert,
	}
	return nil
}

// endpoints are where a worker looks for a control plane: discovery first, then the cluster's endpoint.
func (b *boot) endpoints() []string {
	cfg := b.complete()
	var out []string
	if cfg.Cluster().Discovery().Enabled() {
		for _, a := range b.m.env.Discovery.ControlPlanes(cfg.Cluster().ID(), b.m.onDisk().NodeID) {
			out = append(out, a.String())
		}
	}
	return append(out, cfg.Cluster().Endpoint().Hostname())
}

// trust serves trustd on a control plane.
func (b *boot) trust(ctx context.Context) {
	pair, err := pki.Issue(b.complete().Machine().Security().IssuingCA(), b.leaf())
	if err != nil {
		b.m.event("trustd: %v", err)
		return
	}
	crt, err := pair.TLS()
	if err != nil {
		b.m.event("trustd: %v", err)
		return
	}
	l, err := b.listen(ctx, constants.TrustdPort)
	if err != nil {
		return
	}
	b.services.Running("trustd")
	srv := &trustd.Server{Security: func() trustd.Security { return b.complete().Machine().Security() }}
	if err := srv.Serve(ctx, l, crt); err != nil && ctx.Err() == nil {
		b.m.event("trustd: %v", err)
	}
}
