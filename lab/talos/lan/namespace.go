// Package lan is the wiring: one network namespace per machine, with a cable into the bridge that
// stands for the house's network. It moves addresses and carries sockets and processes into a
// namespace; who deserves which address is decided elsewhere.
package lan

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os/exec"
	goruntime "runtime"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Namespace is a machine's own network namespace, held by one OS thread for as long as it is open.
type Namespace struct {
	fd     int
	work   chan func()
	closed chan struct{}
}

// NewNamespace makes a namespace with its loopback up.
func NewNamespace() (*Namespace, error) {
	ns := &Namespace{work: make(chan func()), closed: make(chan struct{})}
	res := make(chan error)
	go func() {
		// Never unlocked: the thread ends with this goroutine, and a child's Pdeathsig follows the thread.
		goruntime.LockOSThread()
		err := unix.Unshare(unix.CLONE_NEWNET)
		if err == nil {
			ns.fd, err = unix.Open(fmt.Sprintf("/proc/self/task/%d/ns/net", unix.Gettid()), unix.O_RDONLY|unix.O_CLOEXEC, 0)
		}
		res <- err
		for {
			select {
			case f := <-ns.work:
				f()
			case <-ns.closed:
				return
			}
		}
	}()
	if err := <-res; err != nil {
		close(ns.closed)
		return nil, fmt.Errorf("network namespace: %w (run inside `unshare --user --map-root-user --net`)", err)
	}
	return ns, ns.IP("link set lo up")
}

// Close ends the thread; the kernel then removes the namespace and every interface in it.
func (ns *Namespace) Close() {
	close(ns.closed)
	_ = unix.Close(ns.fd)
}

// errClosed is what a scrapped machine's stragglers get.
var errClosed = errors.New("the machine's network namespace is closed")

// Start starts a process inside the namespace. The process is killed when the namespace's thread ends.
func (ns *Namespace) Start(cmd *exec.Cmd) error {
	res := make(chan error, 1)
	select {
	case ns.work <- func() { res <- cmd.Start() }:
		return <-res
	case <-ns.closed:
		return errClosed
	}
}

// do runs f on a throw-away thread inside the namespace.
func (ns *Namespace) do(f func() error) error {
	done := make(chan error)
	go func() {
		goruntime.LockOSThread() // not unlocked: the thread ends with this goroutine
		if err := unix.Setns(ns.fd, unix.CLONE_NEWNET); err != nil {
			done <- fmt.Errorf("enter network namespace: %w", err)
			return
		}
		done <- f()
	}()
	return <-done
}

// Listen opens a TCP listener inside the namespace.
func (ns *Namespace) Listen(addr string) (l net.Listener, err error) {
	err = ns.do(func() error {
		l, err = net.Listen("tcp", addr)
		return err
	})
	return l, err
}

// DialContext connects from inside the namespace. Names are resolved outside first: the resolver and
// the parallel dialling of two families would otherwise run on threads of another namespace.
func (ns *Namespace) DialContext(ctx context.Context, _, addr string) (net.Conn, error) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, err
	}
	hosts := []string{host}
	if net.ParseIP(host) == nil {
		if hosts, err = net.DefaultResolver.LookupHost(ctx, host); err != nil {
			return nil, err
		}
	}
	var errs []error
	for _, h := range hosts {
		var c net.Conn
		err := ns.do(func() error {
			d := net.Dialer{Timeout: 5 * time.Second, KeepAlive: 10 * time.Second}
			c, err = d.DialContext(ctx, "tcp", net.JoinHostPort(h, port))
			return err
		})
		if err == nil {
			return c, nil
		}
		errs = append(errs, err)
	}
	return nil, errors.Join(errs...)
}

// IP runs lines of iproute2 inside the namespace, all or none of them reported as failed.
func (ns *Namespace) IP(lines ...string) error {
	return batch(ns.Start, lines)
}

// hostIP runs lines of iproute2 outside, where the bridge is.
func hostIP(lines ...string) error {
	return batch((*exec.Cmd).Start, lines)
}

func batch(start func(*exec.Cmd) error, lines []string) error {
	cmd := exec.Command("ip", "-force", "-batch", "-")
	cmd.Stdin = strings.NewReader(strings.Join(lines, "\n") + "\n")
	var out strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := start(cmd); err != nil {
		return fmt.Errorf("start iproute2: %w", err)
	}
	if err := cmd.Wait(); err != nil {
		return fmt.Errorf("ip %s: %s", strings.Join(lines, "; "), strings.TrimSpace(out.String()))
	}
	return nil
}
