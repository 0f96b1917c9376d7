package machine

import (
	"context"
	"fmt"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"

	"hearth/lab/talos/authz"
)

// trace writes a line per call, for rehearsals to assert on.
func (b *boot) trace(ctx context.Context, method string) {
	if b.m.env.Trace == nil {
		return
	}
	md, _ := metadata.FromIncomingContext(ctx)
	from := strings.Join(md.Get("proxyfrom"), ",")
	b.m.env.Trace(fmt.Sprintf("%s %s %s proxyfrom=%s", time.Now().Format("15:04:05.000"), b.m.spec.ID, method, from))
}

// admit is what every call passes: ordered faults, then the role check.
func (b *boot) admit(ctx context.Context, method string) error {
	struck, err := b.m.faults.Strike(ctx, method)
	if struck {
		b.m.event("fault struck %s: %v", method, err)
	}
	if err != nil {
		return err
	}
	return authz.Allow(ctx, method)
}

type typed interface{ GetType() string }

func (b *boot) unary(ctx context.Context, req any, info *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
	method := info.FullMethod
	if t, ok := req.(typed); ok && strings.HasPrefix(method, "/cosi.") {
		method += " " + t.GetType()
	}
	b.trace(ctx, method)
	if err := b.admit(ctx, info.FullMethod); err != nil {
		return nil, err
	}
	return next(ctx, req)
}

// tracedStream names the resource type of a streamed COSI call once its request has been read.
type tracedStream struct {
	grpc.ServerStream
	b      *boot
	method string
}

// RecvMsg implements grpc.ServerStream.
func (s *tracedStream) RecvMsg(m any) error {
	err := s.ServerStream.RecvMsg(m)
	if t, ok := m.(typed); ok && err == nil {
		s.b.trace(s.Context(), s.method+" "+t.GetType())
	}
	return err
}

func (b *boot) stream(srv any, ss grpc.ServerStream, info *grpc.StreamServerInfo, next grpc.StreamHandler) error {
	if !strings.HasPrefix(info.FullMethod, "/cosi.") {
		b.trace(ss.Context(), info.FullMethod)
	}
	if err := b.admit(ss.Context(), info.FullMethod); err != nil {
		return err
	}
	return next(srv, &tracedStream{ss, b, info.FullMethod})
}
