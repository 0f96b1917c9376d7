package machine

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"time"

	"github.com/siderolabs/talos/pkg/machinery/api/common"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/emptypb"

	"hearth/lab/talos/kube"
	"hearth/lab/talos/pki"
)

// Kubeconfig implements machine.MachineServiceServer: a tar.gz with one file.
func (a *api) Kubeconfig(_ *emptypb.Empty, s grpc.ServerStreamingServer[common.Data]) error {
	if err := a.b.controlPlaneOnly("kubeconfig"); err != nil {
		return err
	}
	c := a.b.complete().Cluster()
	ak := c.AdminKubeconfig()
	pair, err := pki.Issue(c.IssuingCA(), pki.Leaf{
		CN: ak.CommonName(), Org: []string{ak.CertOrganization()}, Client: true, TTL: ak.CertLifetime(),
	})
	if err != nil {
		return err
	}
	user := "admin@" + c.Name()
	raw, err := archive("kubeconfig", kube.Kubeconfig(c.Name(), user, user, c.Endpoint().String(), c.IssuingCA().Crt, pair))
	if err != nil {
		return err
	}
	return s.Send(&common.Data{Bytes: raw})
}

func archive(name string, content []byte) ([]byte, error) {
	var buf bytes.Buffer
	zw := gzip.NewWriter(&buf)
	tw := tar.NewWriter(zw)
	err := tw.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Size: int64(len(content)), ModTime: time.Now(), Mode: 0o600})
	if err == nil {
		_, err = tw.Write(content)
	}
	err = errors.Join(err, tw.Close(), zw.Close())
	return buf.Bytes(), err
}
