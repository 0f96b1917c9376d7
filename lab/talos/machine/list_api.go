package machine

import (
	"io/fs"
	"path/filepath"
	"syscall"

	"github.com/siderolabs/talos/pkg/machinery/api/machine"
	"github.com/siderolabs/talos/pkg/machinery/constants"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// List implements machine.MachineServiceServer for one directory: etcd's, whose content tells a member
// from a machine that waits to join. It is there once the service has asked for its volume.
func (a *api) List(in *machine.ListRequest, s grpc.ServerStreamingServer[machine.FileInfo]) error {
	root := filepath.Clean("/" + in.GetRoot())
	if root != constants.EtcdDataPath || in.GetRecurse() {
		return status.Errorf(codes.Unimplemented, "of a machine's files only the names in %s are simulated", constants.EtcdDataPath)
	}
	p := a.b.controlPlane()
	if p == nil {
		return &fs.PathError{Op: "lstat", Path: root, Err: syscall.ENOENT}
	}
	for _, name := range append([]string{"."}, p.Etcd.Names()...) {
		info := &machine.FileInfo{Name: filepath.Join(root, name), RelativeName: name, IsDir: true, Mode: uint32(fs.ModeDir | 0o700)}
		if err := s.Send(info); err != nil {
			return err
		}
	}
	return nil
}
