package controlplane

import (
	"fmt"
	"os"
	"path/filepath"

	sx509 "github.com/siderolabs/crypto/x509"

	"hearth/lab/talos/kube"
	"hearth/lab/talos/pki"
)

// writeSecrets lays out what etcd and the Kubernetes programs read, from the PKI of the configuration.
func (p *Plane) writeSecrets() error {
	cl := p.Config().Cluster()
	if err := os.MkdirAll(p.secrets(), 0o700); err != nil {
		return err
	}
	sa, err := cl.ServiceAccount().GetKey()
	if err != nil {
		return fmt.Errorf("service account key: %w", err)
	}
	for name, b := range map[string][]byte{
		"etcd-ca.crt": cl.Etcd().CA().Crt, "aggregator-ca.crt": cl.AggregatorCA().Crt,
		"ca.crt": p.clientCAs(), "ca.key": cl.IssuingCA().Key, "signing-ca.crt": cl.IssuingCA().Crt,
		"service-account.key": cl.ServiceAccount().Key, "service-account.pub": sa.GetPublicKeyPEM(),
		"encryption.yaml": encryption(cl.SecretboxEncryptionSecret(), cl.AESCBCEncryptionSecret()),
	} {
		if err := os.WriteFile(p.file(name), b, 0o600); err != nil {
			return err
		}
	}
	if err := p.writeLeaves(); err != nil {
		return err
	}
	return p.writeConfigFiles()
}

// clientCAs trusts the issuing CA and those that a rotation left in acceptedCAs.
func (p *Plane) clientCAs() []byte {
	cl := p.Config().Cluster()
	out := append([]byte{}, cl.IssuingCA().Crt...)
	for _, ca := range cl.AcceptedCAs() {
		out = append(out, ca.Crt...)
	}
	return out
}

// encryption names its keys as Talos does: data written under one name cannot be read under another.
func encryption(secretbox, aescbc string) []byte {
	out := "apiVersion: apiserver.config.k8s.io/v1\nkind: EncryptionConfiguration\nresources:\n- resources: [secrets]\n  providers:\n"
	if secretbox != "" {
		out += "  - secretbox: {keys: [{name: key2, secret: " + secretbox + "}]}\n"
	}
	if aescbc != "" {
		out += "  - aescbc: {keys: [{name: key1, secret: " + aescbc + "}]}\n"
	}
	return []byte(out + "  - identity: {}\n")
}

func (p *Plane) writeLeaves() error {
	cl := p.Config().Cluster()
	apiSANs, err := p.apiSANs()
	if err != nil {
		return err
	}
	var addrs []string
	for _, a := range p.EtcdAddresses {
		addrs = append(addrs, a.String())
	}
	peerSANs := append([]string{p.Hostname}, addrs...)
	for _, j := range []struct {
		ca *sx509.PEMEncodedCertificateAndKey
		pki.Leaf
		name string
	}{
		{cl.Etcd().CA(), pki.Leaf{CN: p.Hostname, SANs: append([]string{"localhost", "127.0.0.1", "::1"}, peerSANs...), Server: true, Client: true}, "etcd"},
		{cl.Etcd().CA(), pki.Leaf{CN: p.Hostname, SANs: peerSANs, Server: true, Client: true}, "etcd-peer"},
		{cl.Etcd().CA(), pki.Leaf{CN: "kube-apiserver", Client: true}, "etcd-client"},
		{cl.IssuingCA(), pki.Leaf{CN: "kube-apiserver", Org: []string{"kube-master"}, SANs: apiSANs, Server: true}, "apiserver"},
		{cl.IssuingCA(), pki.Leaf{CN: "apiserver-kubelet-client", Org: []string{"system:masters"}, Client: true}, "apiserver-kubelet-client"},
		{cl.IssuingCA(), pki.Leaf{CN: "system:kube-controller-manager", Org: []string{"system:kube-controller-manager"}, Client: true}, "kube-controller-manager"},
		{cl.IssuingCA(), pki.Leaf{CN: "system:kube-scheduler", Org: []string{"system:kube-scheduler"}, Client: true}, "kube-scheduler"},
		{cl.AggregatorCA(), pki.Leaf{CN: "front-proxy-client", Client: true}, "front-proxy-client"},
	} {
		pair, err := pki.Issue(j.ca, j.Leaf)
		if err != nil {
			return fmt.Errorf("%s: %w", j.name, err)
		}
		if err := pair.Write(p.secrets(), j.name); err != nil {
			return err
		}
		if j.name != "kube-controller-manager" && j.name != "kube-scheduler" {
			continue
		}
		kc := kube.Kubeconfig(cl.Name(), j.CN, j.CN+"@"+cl.Name(), p.localAPI(), cl.IssuingCA().Crt, pair)
		if err := os.WriteFile(p.file(j.name+".kubeconfig"), kc, 0o600); err != nil {
			return err
		}
	}
	return nil
}

// apiSANs are the names and addresses under which the API server may be reached.
func (p *Plane) apiSANs() ([]string, error) {
	cl := p.Config().Cluster()
	svc, err := cl.Network().APIServerIPs()
	if err != nil {
		return nil, fmt.Errorf("service networks: %w", err)
	}
	out := append([]string{
		p.Hostname, "localhost", "127.0.0.1", "::1", cl.Endpoint().Hostname(), "kubernetes", "kubernetes.default",
		"kubernetes.default.svc", "kubernetes.default.svc." + cl.Network().DNSDomain(),
	}, cl.CertSANs()...)
	for _, a := range svc {
		out = append(out, a.String())
	}
	for _, a := range p.NodeAddresses {
		out = append(out, a.String())
	}
	for _, a := range p.VIPs {
		out = append(out, a.String())
	}
	return out, nil
}

func (p *Plane) secrets() string         { return filepath.Join(p.Dir, "secrets") }
func (p *Plane) file(name string) string { return filepath.Join(p.secrets(), name) }
