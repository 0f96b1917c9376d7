// Package pki issues end-entity certificates from the CAs inside a machine configuration, as
// Talos' secrets controllers do. It keeps nothing: leaves are made anew at every boot.
package pki

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"

	sx509 "github.com/siderolabs/crypto/x509"
)

// Leaf is what an end-entity certificate says. SANs mixes addresses and names.
type Leaf struct {
	CN     string
	Org    []string
	SANs   []string
	Server bool
	Client bool
	TTL    time.Duration // 0 is a year
}

// Pair is a certificate with its key, both PEM.
type Pair struct{ Cert, Key []byte }

// TLS is the pair as crypto/tls wants it.
func (p Pair) TLS() (tls.Certificate, error) { return tls.X509KeyPair(p.Cert, p.Key) }

// Write stores the pair as NAME.crt and NAME.key, readable by the owner alone.
func (p Pair) Write(dir, name string) error {
	if err := os.WriteFile(filepath.Join(dir, name+".crt"), p.Cert, 0o600); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, name+".key"), p.Key, 0o600)
}

func newKey() (*ecdsa.PrivateKey, []byte, error) {
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	der, err := x509.MarshalECPrivateKey(k)
	if err != nil {
		return nil, nil, err
	}
	return k, pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der}), nil
}

func (l Leaf) template() (*x509.Certificate, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return nil, err
	}
	ttl := l.TTL
	if ttl == 0 {
		ttl = 365 * 24 * time.Hour
	}
	t := &x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{CommonName: l.CN, Organization: l.Org},
		NotBefore:    time.Now().Add(-10 * time.Second),
		NotAfter:     time.Now().Add(ttl),
		KeyUsage:     x509.KeyUsageDigitalSignature,
	}
	if l.Server {
		t.ExtKeyUsage = append(t.ExtKeyUsage, x509.ExtKeyUsageServerAuth)
	}
	if l.Client {
		t.ExtKeyUsage = append(t.ExtKeyUsage, x509.ExtKeyUsageClientAuth)
	}
	t.IPAddresses, t.DNSNames = Split(l.SANs)
	return t, nil
}

// Split sorts subject alternative names into addresses and names.
func Split(sans []string) (ips []net.IP, names []string) {
	for _, s := range sans {
		if ip := net.ParseIP(s); ip != nil {
			ips = append(ips, ip)
		} else if s != "" {
			names = append(names, s)
		}
	}
	return ips, names
}

// Issue signs a leaf with a CA of the machine configuration.
func Issue(ca *sx509.PEMEncodedCertificateAndKey, l Leaf) (Pair, error) {
	if ca == nil || len(ca.Key) == 0 {
		return Pair{}, errors.New("the configuration holds no key for this CA")
	}
	crt, err := ca.GetCert()
	if err != nil {
		return Pair{}, fmt.Errorf("CA certificate: %w", err)
	}
	k, err := ca.GetKey()
	if err != nil {
		return Pair{}, fmt.Errorf("CA key: %w", err)
	}
	signer, ok := k.(crypto.Signer)
	if !ok {
		return Pair{}, fmt.Errorf("CA key: a %T cannot sign", k)
	}
	return sign(l, crt, signer)
}

// SelfSigned is what a machine without configuration shows.
func SelfSigned(l Leaf) (Pair, error) { return sign(l, nil, nil) }

func sign(l Leaf, parent *x509.Certificate, signer crypto.Signer) (Pair, error) {
	key, keyPEM, err := newKey()
	if err != nil {
		return Pair{}, err
	}
	t, err := l.template()
	if err != nil {
		return Pair{}, err
	}
	if parent == nil {
		parent, signer = t, key
	}
	der, err := x509.CreateCertificate(rand.Reader, t, parent, key.Public(), signer)
	if err != nil {
		return Pair{}, err
	}
	return Pair{pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), keyPEM}, nil
}

// Request makes a certificate signing request and its key, both PEM.
func Request(l Leaf) (csr, key []byte, err error) {
	k, keyPEM, err := newKey()
	if err != nil {
		return nil, nil, err
	}
	ips, names := Split(l.SANs)
	der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{
		Subject:     pkix.Name{CommonName: l.CN, Organization: l.Org},
		IPAddresses: ips, DNSNames: names,
	}, k)
	if err != nil {
		return nil, nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: der}), keyPEM, nil
}

// Pool collects trusted CAs; PEM that does not parse trusts nobody.
func Pool(pems ...[]byte) *x509.CertPool {
	p := x509.NewCertPool()
	for _, b := range pems {
		p.AppendCertsFromPEM(b)
	}
	return p
}
