package machine

import (
	"context"

	"github.com/siderolabs/talos/pkg/machinery/api/machine"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"hearth/lab/talos/controlplane"
)

// imageAPI is ImageService: nothing is downloaded, but what cannot be simulated is refused here, where
// a real machine would not find it.
type imageAPI struct {
	machine.UnimplementedImageServiceServer
	b *boot
}

// pull answers for an image as a registry would.
func (b *boot) pull(ctx context.Context, ref string) error {
	name, _ := controlplane.Split(ref)
	var err error
	switch name {
	case "etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler":
		err = b.m.env.Programs.Check(ref)
	default:
		if _, isInstaller := Parse(ref); isInstaller == nil {
			_, err = b.m.env.Images.Pull(ctx, ref)
		}
	}
	if err != nil {
		return status.Errorf(codes.NotFound, "error pulling image: %s", err)
	}
	return nil
}

// Pull implements machine.ImageServiceServer.
func (i *imageAPI) Pull(in *machine.ImageServicePullRequest, s grpc.ServerStreamingServer[machine.ImageServicePullResponse]) error {
	if err := i.b.pull(s.Context(), in.GetImageRef()); err != nil {
		return err
	}
	return s.Send(&machine.ImageServicePullResponse{Response: &machine.ImageServicePullResponse_Name{Name: in.GetImageRef()}})
}

// ImagePull implements machine.MachineServiceServer: the older form of the same.
func (a *api) ImagePull(ctx context.Context, in *machine.ImagePullRequest) (*machine.ImagePullResponse, error) {
	if err := a.b.pull(ctx, in.GetReference()); err != nil {
		return nil, err
	}
	return &machine.ImagePullResponse{Messages: []*machine.ImagePull{{}}}, nil
}
