// Package trustd signs the certificates of workers' apid: control planes hold the machine CA's key,
// workers ask them on port 50001 with the machine token.
package trustd

import (
	"context"
	"crypto/tls"
	stdx509 "crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/siderolabs/crypto/x509"
	"github.com/siderolabs/talos/pkg/machinery/api/security"
	"github.com/siderolabs/talos/pkg/machinery/config/config"
	"github.com/siderolabs/talos/pkg/machinery/constants"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"hearth/lab/talos/pki"
)

// Security is the part of a configuration with the CA and the token.
type Security = config.Security

// Server is a control plane's trustd. Security is read at each call: configurations change.
type Server struct {
	security.UnimplementedSecurityServiceServer
	Security func() Security
}

// Serve answers until the context ends.
func (s *Server) Serve(ctx context.Context, l net.Listener, cert tls.Certificate) error {
	srv := grpc.NewServer(
		grpc.Creds(credentials.NewTLS(&tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS13})),
		grpc.UnaryInterceptor(s.authenticate))
	security.RegisterSecurityServiceServer(srv, s)
	stop := context.AfterFunc(ctx, srv.Stop)
	defer stop()
	return srv.Serve(l)
}

func (s *Server) authenticate(ctx context.Context, req any, _ *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
	md, _ := metadata.FromIncomingContext(ctx)
	if t := md.Get("token"); len(t) == 1 && t[0] == s.Security().Token() {
		return next(ctx, req)
	}
	return nil, status.Error(codes.Unauthenticated, "token credential mismatch")
}

// Certificate implements security.SecurityServiceServer.
func (s *Server) Certificate(_ context.Context, in *security.CertificateRequest) (*security.CertificateResponse, error) {
	block, _ := pem.Decode(in.GetCsr())
	if block == nil {
		return nil, status.Error(codes.InvalidArgument, "failed to decode CSR")
	}
	req, err := stdx509.ParseCertificateRequest(block.Bytes)
	if err != nil {
		return nil, status.Errorf(codes.InvalidArgument, "failed to parse CSR: %s", err)
	}
	opts := []x509.Option{
		x509.KeyUsage(stdx509.KeyUsageDigitalSignature),
		x509.ExtKeyUsage([]stdx509.ExtKeyUsage{stdx509.ExtKeyUsageServerAuth}),
	}
	if len(req.Subject.Organization) > 0 { // a role would make it a client's certificate
		opts = append(opts, x509.OverrideSubject(func(n *pkix.Name) { n.Organization = nil }))
	}
	ca := s.Security().IssuingCA()
	signed, err := x509.NewCertificateFromCSRBytes(ca.Crt, ca.Key, in.GetCsr(), opts...)
	if err != nil {
		return nil, status.Errorf(codes.Internal, "failed to sign CSR: %s", err)
	}
	return &security.CertificateResponse{Ca: Bundle(s.Security()), Crt: signed.X509CertificatePEM}, nil
}

// Bundle is every CA that a machine trusts.
func Bundle(s config.Security) []byte {
	var out []byte
	for _, c := range s.AcceptedCAs() {
		out = append(out, c.Crt...)
	}
	if ca := s.IssuingCA(); ca != nil {
		out = append(out, ca.Crt...)
	}
	return out
}

// Request gets a worker's server certificate from the first control plane that answers.
func Request(ctx context.Context, sec config.Security, endpoints []string, leaf pki.Leaf,
	dial func(context.Context, string, string) (net.Conn, error),
) (pair pki.Pair, ca []byte, err error) {
	if len(endpoints) == 0 {
		return pair, nil, errors.New("at least one root of trust endpoint is required")
	}
	csr, key, err := request(sec, leaf)
	if err != nil {
		return pair, nil, err
	}
	var errs []error
	for _, e := range endpoints {
		resp, err := ask(ctx, sec, e, csr, dial)
		if err == nil {
			return pki.Pair{Cert: resp.GetCrt(), Key: key}, resp.GetCa(), nil
		}
		errs = append(errs, fmt.Errorf("%s: %w", e, err))
	}
	return pair, nil, errors.Join(errs...)
}

// request makes a CSR with a key of the CA's own kind: signing takes over the algorithm it names.
func request(sec Security, leaf pki.Leaf) (csr, key []byte, err error) {
	accepted := sec.AcceptedCAs()
	if ca := sec.IssuingCA(); ca != nil && len(ca.Crt) > 0 {
		accepted = append(accepted, &x509.PEMEncodedCertificate{Crt: ca.Crt})
	}
	if len(accepted) == 0 {
		return nil, nil, errors.New("no accepted CAs")
	}
	ca, err := accepted[len(accepted)-1].GetCert()
	if err != nil {
		return nil, nil, fmt.Errorf("failed to parse CA certificate: %w", err)
	}
	ips, names := pki.Split(leaf.SANs)
	r, id, err := x509.NewCSRAndIdentityFromCA(ca, x509.IPAddresses(ips), x509.DNSNames(names), x509.CommonName(leaf.CN))
	if err != nil {
		return nil, nil, fmt.Errorf("failed to generate API server CSR: %w", err)
	}
	return r.X509CertificateRequestPEM, id.Key, nil
}

type token string

func (t token) GetRequestMetadata(context.Context, ...string) (map[string]string, error) {
	return map[string]string{"token": string(t)}, nil
}

func (token) RequireTransportSecurity() bool { return true }

func ask(ctx context.Context, sec config.Security, host string, csr []byte,
	dial func(context.Context, string, string) (net.Conn, error),
) (*security.CertificateResponse, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	conn, err := grpc.NewClient("passthrough:///"+net.JoinHostPort(host, fmt.Sprint(constants.TrustdPort)),
		grpc.WithTransportCredentials(credentials.NewTLS(&tls.Config{RootCAs: pki.Pool(Bundle(sec)), MinVersion: tls.VersionTLS13})),
		grpc.WithContextDialer(func(ctx context.Context, a string) (net.Conn, error) { return dial(ctx, "tcp", a) }),
		grpc.WithPerRPCCredentials(token(sec.Token())), grpc.WithNoProxy())
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	return security.NewSecurityServiceClient(conn).Certificate(ctx, &security.CertificateRequest{Csr: csr})
}
