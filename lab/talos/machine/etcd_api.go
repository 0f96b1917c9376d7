package machine

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/siderolabs/talos/pkg/machinery/api/common"
	"github.com/siderolabs/talos/pkg/machinery/api/machine"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"

	"hearth/lab/talos/etcd"
)

// Bootstrap implements machine.MachineServiceServer.
func (a *api) Bootstrap(_ context.Context, in *machine.BootstrapRequest) (*machine.BootstrapResponse, error) {
	b := a.b
	if b.complete() == nil {
		return nil, status.Error(codes.FailedPrecondition, "bootstrap is not available yet")
	}
	if err := b.controlPlaneOnly("bootstrap"); err != nil {
		return nil, err
	}
	p := b.controlPlane()
	if p == nil {
		return nil, status.Error(codes.FailedPrecondition, "bootstrap is not available yet")
	}
	if p.Etcd.HasData() {
		return nil, status.Error(codes.AlreadyExists, "etcd data directory is not empty")
	}
	if in.GetRecoverEtcd() {
		return nil, status.Error(codes.Unimplemented, "recovery of etcd from a snapshot is not simulated")
	}
	if err := p.Etcd.Bootstrap(); err != nil {
		return nil, err
	}
	b.m.event("etcd bootstrap")
	return &machine.BootstrapResponse{Messages: []*machine.Bootstrap{{}}}, nil
}

// ask opens a client to the machine's own member and bounds the question.
func (b *boot) ask(ctx context.Context, what string, f func(context.Context, *clientv3.Client) error) error {
	if err := b.controlPlaneOnly(what); err != nil {
		return err
	}
	p := b.controlPlane()
	if p == nil {
		return status.Error(codes.FailedPrecondition, "etcd is not configured on this machine")
	}
	c, err := p.Etcd.Local()
	if err != nil {
		return fmt.Errorf("failed to create etcd client: %w", err)
	}
	defer c.Close()
	// Several calls, each of which may have to wait for the members to agree on a leader.
	ctx, cancel := context.WithTimeout(ctx, 3*etcd.Deadline)
	defer cancel()
	return f(ctx, c)
}

// EtcdMemberList implements machine.MachineServiceServer.
func (a *api) EtcdMemberList(ctx context.Context, in *machine.EtcdMemberListRequest) (*machine.EtcdMemberListResponse, error) {
	out := &machine.EtcdMembers{}
	err := a.b.ask(ctx, "member list", func(ctx context.Context, c *clientv3.Client) error {
		if !in.GetQueryLocal() {
			ctx = clientv3.WithRequireLeader(ctx)
		}
		r, err := c.MemberList(ctx)
		if err != nil {
			return err
		}
		for _, x := range r.Members {
			out.LegacyMembers = append(out.LegacyMembers, x.Name)
			out.Members = append(out.Members, &machine.EtcdMember{
				Id: x.ID, Hostname: x.Name, PeerUrls: x.PeerURLs, ClientUrls: x.ClientURLs, IsLearner: x.IsLearner,
			})
		}
		return nil
	})
	return &machine.EtcdMemberListResponse{Messages: []*machine.EtcdMembers{out}}, err
}

// EtcdStatus implements machine.MachineServiceServer.
func (a *api) EtcdStatus(ctx context.Context, _ *emptypb.Empty) (*machine.EtcdStatusResponse, error) {
	out := &machine.EtcdMemberStatus{}
	err := a.b.ask(ctx, "etcd status", func(ctx context.Context, c *clientv3.Client) error {
		s, err := c.Status(ctx, c.Endpoints()[0])
		if err != nil {
			return fmt.Errorf("failed to query etcd status: %w", err)
		}
		out = &machine.EtcdMemberStatus{
			MemberId: s.Header.MemberId, ProtocolVersion: s.Version, StorageVersion: s.StorageVersion, DbSize: s.DbSize,
			DbSizeInUse: s.DbSizeInUse, Leader: s.Leader, RaftIndex: s.RaftIndex, RaftTerm: s.RaftTerm,
			RaftAppliedIndex: s.RaftAppliedIndex, Errors: s.Errors, IsLearner: s.IsLearner,
		}
		return nil
	})
	return &machine.EtcdStatusResponse{Messages: []*machine.EtcdStatus{{MemberStatus: out}}}, err
}

// EtcdSnapshot implements machine.MachineServiceServer.
func (a *api) EtcdSnapshot(_ *machine.EtcdSnapshotRequest, s grpc.ServerStreamingServer[common.Data]) error {
	if err := a.b.controlPlaneOnly("etcd snapshot"); err != nil {
		return err
	}
	c, err := a.b.controlPlane().Etcd.Local()
	if err != nil {
		return fmt.Errorf("failed to create etcd client: %w", err)
	}
	defer c.Close()
	r, err := c.Snapshot(s.Context())
	if err != nil {
		return fmt.Errorf("failed reading etcd snapshot: %w", err)
	}
	defer r.Close()
	buf := make([]byte, 64<<10)
	for {
		n, err := r.Read(buf)
		if n > 0 {
			if err := s.Send(&common.Data{Bytes: append([]byte{}, buf[:n]...)}); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// EtcdLeaveCluster implements machine.MachineServiceServer.
func (a *api) EtcdLeaveCluster(ctx context.Context, _ *machine.EtcdLeaveClusterRequest) (*machine.EtcdLeaveClusterResponse, error) {
	if err := a.b.controlPlaneOnly("etcd leave"); err != nil {
		return nil, err
	}
	p := a.b.controlPlane()
	if err := p.Etcd.Leave(ctx); err != nil {
		return nil, fmt.Errorf("failed to leave cluster: %w", err)
	}
	if err := p.Etcd.Stop(); err != nil {
		return nil, err
	}
	a.b.services.Set("etcd", "Finished", false, "Left the cluster")
	return &machine.EtcdLeaveClusterResponse{Messages: []*machine.EtcdLeaveCluster{{}}}, nil
}

// EtcdRemoveMemberByID implements machine.MachineServiceServer.
func (a *api) EtcdRemoveMemberByID(ctx context.Context, in *machine.EtcdRemoveMemberByIDRequest) (*machine.EtcdRemoveMemberByIDResponse, error) {
	err := a.b.ask(ctx, "etcd remove member", func(ctx context.Context, c *clientv3.Client) error {
		_, err := c.MemberRemove(ctx, in.GetMemberId())
		if errors.Is(err, rpctypes.ErrMemberNotFound) {
			return status.Error(codes.NotFound, err.Error())
		}
		if err != nil {
			return fmt.Errorf("failed to remove member: %w", err)
		}
		return nil
	})
	return &machine.EtcdRemoveMemberByIDResponse{Messages: []*machine.EtcdRemoveMemberByID{{}}}, err
}

// EtcdForfeitLeadership implements machine.MachineServiceServer.
func (a *api) EtcdForfeitLeadership(ctx context.Context, _ *machine.EtcdForfeitLeadershipRequest) (*machine.EtcdForfeitLeadershipResponse, error) {
	var to string
	err := a.b.ask(ctx, "etcd forfeit leadership", func(ctx context.Context, c *clientv3.Client) (err error) {
		to, err = etcd.Forfeit(ctx, c)
		return err
	})
	return &machine.EtcdForfeitLeadershipResponse{Messages: []*machine.EtcdForfeitLeadership{{Member: to}}}, err
}

// EtcdAlarmList implements machine.MachineServiceServer.
func (a *api) EtcdAlarmList(ctx context.Context, _ *emptypb.Empty) (*machine.EtcdAlarmListResponse, error) {
	out := &machine.EtcdAlarm{}
	err := a.b.ask(ctx, "etcd alarm list", func(ctx context.Context, c *clientv3.Client) error {
		r, err := c.AlarmList(ctx)
		if err != nil {
			return fmt.Errorf("failed to list etcd alarms: %w", err)
		}
		for _, x := range r.Alarms {
			out.MemberAlarms = append(out.MemberAlarms, &machine.EtcdMemberAlarm{
				MemberId: x.MemberID, Alarm: machine.EtcdMemberAlarm_AlarmType(x.Alarm),
			})
		}
		return nil
	})
	return &machine.EtcdAlarmListResponse{Messages: []*machine.EtcdAlarm{out}}, err
}

// EtcdDefragment implements machine.MachineServiceServer.
func (a *api) EtcdDefragment(ctx context.Context, _ *emptypb.Empty) (*machine.EtcdDefragmentResponse, error) {
	err := a.b.ask(ctx, "etcd defragment", func(ctx context.Context, c *clientv3.Client) error {
		_, err := c.Defragment(ctx, c.Endpoints()[0])
		return err
	})
	return &machine.EtcdDefragmentResponse{Messages: []*machine.EtcdDefragment{{}}}, err
}
