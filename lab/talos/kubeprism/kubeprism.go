// Package kubeprism is Talos' load balancer in front of the cluster's API servers, on every machine's
// own localhost: it works before there is a CNI and while the shared address is on its way.
package kubeprism

import (
	"context"
	"io"
	"net"
	"strconv"
	"sync"
	"time"

	"hearth/lab/talos/lan"
)

// Balancer forwards TCP to the first API server that answers, starting with another one each time.
type Balancer struct {
	Net       *lan.Port
	Port      int
	Endpoints func() []string // host:port, best first

	mu   sync.Mutex
	next int
}

// Run listens until the context ends.
func (b *Balancer) Run(ctx context.Context) error {
	l, err := b.Net.Listen("127.0.0.1:" + strconv.Itoa(b.Port))
	if err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, func() { _ = l.Close() })
	defer stop()
	for {
		c, err := l.Accept()
		if err != nil {
			return ctx.Err()
		}
		go b.forward(ctx, c)
	}
}

func (b *Balancer) order() []string {
	all := b.Endpoints()
	if len(all) == 0 {
		return nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.next = (b.next + 1) % len(all)
	return append(append([]string{}, all[b.next:]...), all[:b.next]...)
}

func (b *Balancer) forward(ctx context.Context, in net.Conn) {
	defer in.Close()
	for _, e := range b.order() {
		t, cancel := context.WithTimeout(ctx, 500*time.Millisecond)
		out, err := b.Net.DialContext(t, "tcp", e)
		cancel()
		if err == nil {
			splice(ctx, in, out)
			return
		}
	}
}

// splice copies both ways until either side ends, or the machine does.
func splice(ctx context.Context, a, b net.Conn) {
	done := make(chan struct{}, 2)
	for _, d := range [][2]net.Conn{{a, b}, {b, a}} {
		go func() {
			_, _ = io.Copy(d[0], d[1])
			done <- struct{}{}
		}()
	}
	select {
	case <-ctx.Done():
	case <-done:
	}
	_ = a.Close()
	_ = b.Close()
}
