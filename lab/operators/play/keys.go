package play

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"math/big"
	"time"

	"hearth/lab/operators/kube"
)

// keyPair is a certificate and its key, as a TLS Secret holds them.
type keyPair struct {
	leaf *x509.Certificate
	key  *ecdsa.PrivateKey
}

// pair reads a TLS Secret; nil when it is none of ours.
func pair(secret kube.Object) *keyPair {
	block := func(key string) []byte {
		text, err := base64.StdEncoding.DecodeString(kube.Text(secret, "data", key))
		if err != nil {
			return nil
		}
		found, _ := pem.Decode(text)
		if found == nil {
			return nil
		}
		return found.Bytes
	}
	leaf, err := x509.ParseCertificate(block("tls.crt"))
	if err != nil {
		return nil
	}
	key, err := x509.ParseECPrivateKey(block("tls.key"))
	if err != nil {
		return nil
	}
	return &keyPair{leaf: leaf, key: key}
}

func newKey() ([]byte, error) {
	_, text, err := freshKey()
	return text, err
}

func freshKey() (*ecdsa.PrivateKey, []byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return nil, nil, err
	}
	return key, pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der}), nil
}

// lifetime is Let's Encrypt's, unless the Certificate says another.
const lifetime = 90 * 24 * time.Hour

// issue makes what a Certificate's Secret holds: signed by the issuer's pair, or by itself.
func issue(o kube.Object, signer *keyPair, now time.Time) (map[string][]byte, error) {
	key, keyText, err := freshKey()
	if err != nil {
		return nil, err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return nil, err
	}
	span, err := time.ParseDuration(kube.Text(o, "spec", "duration"))
	if err != nil {
		span = lifetime
	}
	isCA := kube.Dig(o, "spec")["isCA"] == true
	template := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: kube.Text(o, "spec", "commonName")},
		NotBefore: now.Truncate(time.Second), NotAfter: now.Add(span).Truncate(time.Second),
		DNSNames: kube.Texts(kube.Dig(o, "spec"), "dnsNames"), IsCA: isCA, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature,
	}
	if isCA {
		template.KeyUsage |= x509.KeyUsageCertSign
	}
	by := &keyPair{leaf: template, key: key}
	if signer != nil {
		by = signer
	}
	der, err := x509.CreateCertificate(rand.Reader, template, by.leaf, &key.PublicKey, by.key)
	if err != nil {
		return nil, err
	}
	text := pemOf(der)
	authority := text
	if signer != nil {
		authority = pemOf(signer.leaf.Raw)
	}
	return map[string][]byte{"tls.crt": text, "tls.key": keyText, "ca.crt": authority}, nil
}

func pemOf(der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}
