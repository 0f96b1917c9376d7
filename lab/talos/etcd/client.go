// Package etcd runs a control plane's member: founding, joining as a learner, leaving, and the
// questions that Talos asks before it takes a member away. Every call has a deadline: an absent
// member never answers.
package etcd

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"

	"github.com/siderolabs/talos/pkg/machinery/config/config"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
	"google.golang.org/grpc"

	"hearth/lab/talos/pki"
)

// Deadline bounds every question to a member.
const Deadline = 5 * time.Second

// Dial connects from a machine.
type Dial func(ctx context.Context, network, addr string) (net.Conn, error)

func clientURL(a netip.Addr) string { return "https://" + net.JoinHostPort(a.String(), "2379") }
func peerURL(a netip.Addr) string   { return "https://" + net.JoinHostPort(a.String(), "2380") }

// Connect opens a client with a certificate made from the configuration's etcd CA.
func Connect(cfg config.Config, dial Dial, addrs ...netip.Addr) (*clientv3.Client, error) {
	ca := cfg.Cluster().Etcd().CA()
	pair, err := pki.Issue(ca, pki.Leaf{CN: "talos", Client: true, TTL: 10 * time.Hour})
	if err != nil {
		return nil, err
	}
	crt, err := pair.TLS()
	if err != nil {
		return nil, err
	}
	var urls []string
	for _, a := range addrs {
		urls = append(urls, clientURL(a))
	}
	return clientv3.New(clientv3.Config{
		Endpoints: urls, Logger: zap.NewNop(), DialTimeout: 3 * time.Second,
		DialKeepAliveTime: 5 * time.Second, DialKeepAliveTimeout: 3 * time.Second,
		TLS: &tls.Config{Certificates: []tls.Certificate{crt}, RootCAs: pki.Pool(ca.Crt), MinVersion: tls.VersionTLS12},
		DialOptions: []grpc.DialOption{grpc.WithContextDialer(func(ctx context.Context, addr string) (net.Conn, error) {
			return dial(ctx, "tcp", addr)
		})},
	})
}

// localhost is where a machine finds its own member.
var localhost = netip.MustParseAddr("127.0.0.1")

// Local opens a client to the machine's own member.
func (m *Member) Local() (*clientv3.Client, error) {
	return Connect(m.Config(), m.Net.DialContext, localhost)
}

// Listening tells whether the member's port is open: a client that came too early would wait a second
// before its second try.
func (m *Member) Listening(ctx context.Context) bool {
	c, err := m.Net.DialContext(ctx, "tcp", net.JoinHostPort(localhost.String(), "2379"))
	if err != nil {
		return false
	}
	_ = c.Close()
	return true
}

// Healthy asks for something only a member of a quorum can answer.
func (m *Member) Healthy(ctx context.Context) bool {
	c, err := m.Local()
	if err != nil {
		return false
	}
	defer c.Close()
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	_, err = c.Get(ctx, "health")
	return err == nil
}

// SafeToLose answers nil when etcd keeps its quorum without this member.
func (m *Member) SafeToLose(ctx context.Context) error {
	c, err := m.Local()
	if err != nil {
		return err
	}
	defer c.Close()
	ctx, cancel := context.WithTimeout(ctx, 2*Deadline)
	defer cancel()
	list, err := c.MemberList(ctx)
	if err != nil {
		return fmt.Errorf("error listing etcd members: %w", err)
	}
	if len(list.Members) == 1 {
		return nil
	}
	var errs []error
	for _, x := range list.Members {
		if x.IsLearner {
			errs = append(errs, fmt.Errorf("etcd member %q is a learner", x.Name))
			continue
		}
		if err := answers(ctx, c, x.ClientURLs); err != nil {
			errs = append(errs, fmt.Errorf("etcd member %q is not healthy; all members must be healthy to perform an upgrade: %w", x.Name, err))
		}
	}
	return errors.Join(errs...)
}

func answers(ctx context.Context, c *clientv3.Client, urls []string) error {
	err := errors.New("it has not started")
	for _, u := range urls {
		t, cancel := context.WithTimeout(ctx, 2*time.Second)
		_, err = c.Status(t, u)
		cancel()
		if err == nil {
			return nil
		}
	}
	return err
}

// Forfeit hands leadership to another member when this one leads; "" when it does not.
func Forfeit(ctx context.Context, local *clientv3.Client) (string, error) {
	st, err := local.Status(ctx, local.Endpoints()[0])
	if err != nil {
		return "", err
	}
	if st.Header.MemberId != st.Leader {
		return "", nil
	}
	list, err := local.MemberList(ctx)
	if err != nil {
		return "", err
	}
	for _, m := range list.Members {
		if m.ID == st.Leader || m.IsLearner || len(m.ClientURLs) == 0 || answers(ctx, local, m.ClientURLs) != nil {
			continue
		}
		if _, err := local.MoveLeader(ctx, m.ID); err != nil {
			return "", fmt.Errorf("failed to forfeit leadership: %w", err)
		}
		return m.Name, nil
	}
	return "", errors.New("failed to forfeit leadership: no other healthy member")
}
