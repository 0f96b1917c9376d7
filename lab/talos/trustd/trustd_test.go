package trustd

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"net"
	"strings"
	"testing"

	sx509 "github.com/siderolabs/crypto/x509"
	"github.com/siderolabs/talos/pkg/machinery/config"
	"github.com/siderolabs/talos/pkg/machinery/config/generate"
	"github.com/siderolabs/talos/pkg/machinery/config/machine"

	"hearth/lab/talos/pki"
)

func configs(t *testing.T) (controlPlane, worker config.Provider) {
	t.Helper()
	in, err := generate.NewInput("test", "https://10.0.3.1:6443", "1.36.3")
	if err != nil {
		t.Fatal(err)
	}
	if controlPlane, err = in.Config(machine.TypeControlPlane); err == nil {
		worker, err = in.Config(machine.TypeWorker)
	}
	if err != nil {
		t.Fatal(err)
	}
	return controlPlane, worker
}

func serve(t *testing.T, cp config.Provider) string {
	t.Helper()
	pair, err := pki.Issue(cp.Machine().Security().IssuingCA(), pki.Leaf{CN: "cp", SANs: []string{"127.0.0.1"}, Server: true})
	if err != nil {
		t.Fatal(err)
	}
	crt, err := pair.TLS()
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() {
		done <- (&Server{Security: func() Security { return cp.Machine().Security() }}).Serve(ctx, l, crt)
	}()
	t.Cleanup(func() { cancel(); <-done })
	return l.Addr().String()
}

// to sends every connection to one place, whatever port was asked for.
func to(addr string) func(context.Context, string, string) (net.Conn, error) {
	return func(ctx context.Context, network, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, addr)
	}
}

func TestAWorkerGetsAServerCertificateThatIsNoClients(t *testing.T) {
	cp, worker := configs(t)
	leaf := pki.Leaf{CN: "w1", Org: []string{"os:admin"}, SANs: []string{"10.0.2.1"}}
	pair, ca, err := Request(context.Background(), worker.Machine().Security(), []string{"127.0.0.1"}, leaf, to(serve(t, cp)))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tls.X509KeyPair(pair.Cert, pair.Key); err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(pair.Cert)
	crt, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	if len(crt.Subject.Organization) != 0 {
		t.Errorf("it carries roles: %v", crt.Subject)
	}
	opts := x509.VerifyOptions{Roots: pki.Pool(ca), DNSName: "10.0.2.1"}
	if _, err := crt.Verify(opts); err != nil {
		t.Error(err)
	}
	opts.KeyUsages = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	if _, err := crt.Verify(opts); err == nil {
		t.Error("a client could use it")
	}
}

func TestAnotherClustersTokenIsRefused(t *testing.T) {
	cp, _ := configs(t)
	_, stranger := configs(t)
	sec := strange{stranger.Machine().Security(), cp}
	_, _, err := Request(context.Background(), sec, []string{"127.0.0.1"}, pki.Leaf{CN: "x"}, to(serve(t, cp)))
	if err == nil || !strings.Contains(err.Error(), "token credential mismatch") {
		t.Fatalf("got %v", err)
	}
}

// strange trusts the right CA and knows the wrong token.
type strange struct {
	Security
	cp config.Provider
}

func (s strange) AcceptedCAs() []*sx509.PEMEncodedCertificate {
	return []*sx509.PEMEncodedCertificate{{Crt: s.cp.Machine().Security().IssuingCA().Crt}}
}
func (s strange) IssuingCA() *sx509.PEMEncodedCertificateAndKey { return nil }
