package etcd

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/siderolabs/talos/pkg/machinery/config/config"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"

	"hearth/lab/talos/lan"
)

// Member is a control plane's etcd during one boot.
type Member struct {
	Dir       string // data, on EPHEMERAL
	Secrets   string // where Files found its certificates
	Name      string
	Addresses []netip.Addr // advertised
	Config    func() config.Config
	Peers     func() []netip.Addr // other control planes
	Net       *lan.Port
	Log       *log.Logger
	State     func(state string, healthy bool, msg string)

	once sync.Once
	boot chan struct{}
	mu   sync.Mutex
	stop func()
}

// again is how soon a refused question is asked anew. Talos waits longer; how long a join takes is
// decided by etcd, which takes in nobody within five seconds of the last promotion.
const again = 200 * time.Millisecond

// marker says that Bootstrap was called: it survives a loss of power before etcd wrote its first file.
const marker = ".bootstrap"

// addDeadline bounds the call that adds this machine. It is longer than other questions: one given up
// after etcd took the member in leaves a nameless member behind, and the next is refused.
const addDeadline = 30 * time.Second

// Init prepares the member for Bootstrap.
func (m *Member) Init() { m.boot = make(chan struct{}) }

// Names are what lies in the data directory, without what only the simulator needs.
func (m *Member) Names() []string {
	var out []string
	entries, _ := os.ReadDir(m.Dir)
	for _, e := range entries {
		if e.Name() != marker {
			out = append(out, e.Name())
		}
	}
	return out
}

// HasData tells whether this machine is or was a member.
func (m *Member) HasData() bool { return len(m.Names()) > 0 }

// asked tells whether Bootstrap was called in an earlier boot.
func (m *Member) asked() bool {
	_, err := os.Stat(filepath.Join(m.Dir, marker))
	return err == nil
}

func (m *Member) started() bool {
	e, _ := os.ReadDir(filepath.Join(m.Dir, "member"))
	return len(e) > 0
}

// Bootstrap lets this member found a cluster; it returns before etcd is up, as the real one does.
func (m *Member) Bootstrap() error {
	if err := os.MkdirAll(m.Dir, 0o700); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(m.Dir, marker), nil, 0o600); err != nil {
		return err
	}
	m.once.Do(func() { close(m.boot) })
	return nil
}

// Args waits until the member may start, and says with which arguments: it has data, it was asked to
// found a cluster, or an existing cluster took it in.
func (m *Member) Args(ctx context.Context) ([]string, error) {
	if m.started() {
		return m.args("", ""), nil
	}
	if m.asked() {
		m.once.Do(func() { close(m.boot) })
	}
	for {
		select {
		case <-m.boot:
			return m.args(m.initial(), "new"), nil
		default:
		}
		initial, err := m.join(ctx)
		if err == nil {
			return m.args(initial, "existing"), nil
		}
		m.State("Preparing", false, "Running pre state: waiting to join the cluster: "+err.Error())
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-m.boot:
		case <-time.After(again):
		}
	}
}

func urls(addrs []netip.Addr, f func(netip.Addr) string) []string {
	out := make([]string, 0, len(addrs))
	for _, a := range addrs {
		out = append(out, f(a))
	}
	return out
}

func (m *Member) initial() string {
	var out []string
	for _, u := range urls(m.Addresses, peerURL) {
		out = append(out, m.Name+"="+u)
	}
	return strings.Join(out, ",")
}

// args follow Talos' etcd service.
func (m *Member) args(initial, state string) []string {
	f := func(name string) string { return filepath.Join(m.Secrets, name) }
	a := map[string]string{
		"name": m.Name, "data-dir": m.Dir, "auto-tls": "false", "peer-auto-tls": "false",
		"listen-peer-urls": "https://0.0.0.0:2380", "listen-client-urls": "https://0.0.0.0:2379",
		"advertise-client-urls":       strings.Join(urls(m.Addresses, clientURL), ","),
		"initial-advertise-peer-urls": strings.Join(urls(m.Addresses, peerURL), ","),
		"client-cert-auth":            "true", "trusted-ca-file": f("etcd-ca.crt"),
		"cert-file": f("etcd.crt"), "key-file": f("etcd.key"),
		"peer-client-cert-auth": "true", "peer-trusted-ca-file": f("etcd-ca.crt"),
		"peer-cert-file": f("etcd-peer.crt"), "peer-key-file": f("etcd-peer.key"),
		"log-level": "warn",
	}
	for k, v := range m.Config().Cluster().Etcd().ExtraArgs() {
		if _, fixed := a[k]; !fixed || k == "log-level" {
			a[k] = strings.Join(v, ",")
		}
	}
	if initial != "" {
		a["initial-cluster"], a["initial-cluster-state"] = initial, state
	}
	out := make([]string, 0, len(a))
	for k, v := range a {
		out = append(out, "--"+k+"="+v)
	}
	return out
}

// join takes this machine into an existing cluster as a learner, and promotes it in the background.
func (m *Member) join(ctx context.Context) (string, error) {
	peers := m.Peers()
	if len(peers) == 0 {
		return "", errors.New("no other control plane found")
	}
	c, err := Connect(m.Config(), m.Net.DialContext, peers...)
	if err != nil {
		return "", err
	}
	t, cancel := context.WithTimeout(clientv3.WithRequireLeader(ctx), Deadline)
	defer cancel()
	asked := make(chan struct{})
	defer close(asked)
	go func() { // Bootstrap must not wait for peers that do not answer
		select {
		case <-m.boot:
			cancel()
		case <-asked:
		}
	}()
	if err := m.forget(t, c); err != nil {
		_ = c.Close()
		return "", err
	}
	add, added := context.WithTimeout(clientv3.WithRequireLeader(ctx), addDeadline)
	defer added()
	r, err := c.MemberAddAsLearner(add, urls(m.Addresses, peerURL))
	if err != nil {
		_ = c.Close()
		return "", fmt.Errorf("error adding member: %w", err)
	}
	go m.promote(ctx, c, r.Member.ID)
	var initial []string
	for _, x := range r.Members {
		name := x.Name
		if x.ID == r.Member.ID {
			name = m.Name
		}
		for _, u := range x.PeerURLs {
			initial = append(initial, name+"="+u)
		}
	}
	return strings.Join(initial, ","), nil
}

// forget removes what an earlier life of this machine left in the list: a member of its name (Talos'
// addMember). One that was added with its address and never started has no name and stays, so that
// adding it again is refused until somebody removes it.
func (m *Member) forget(ctx context.Context, c *clientv3.Client) error {
	list, err := c.MemberList(ctx)
	if err != nil {
		return fmt.Errorf("error getting etcd member list: %w", err)
	}
	for _, x := range list.Members {
		if x.Name == m.Name {
			if _, err := c.MemberRemove(ctx, x.ID); err != nil {
				return fmt.Errorf("error removing self from the member list: %w", err)
			}
		}
	}
	return nil
}

func (m *Member) promote(ctx context.Context, c *clientv3.Client, id uint64) {
	defer c.Close()
	for ctx.Err() == nil {
		t, cancel := context.WithTimeout(ctx, Deadline)
		_, err := c.MemberPromote(t, id)
		cancel()
		if err == nil {
			m.Log.Print("etcd learner promoted")
			return
		}
		select {
		case <-ctx.Done():
		case <-time.After(again):
		}
	}
}

// Leave removes this member from the cluster.
func (m *Member) Leave(ctx context.Context) error {
	c, err := m.Local()
	if err != nil {
		return err
	}
	defer c.Close()
	ctx, cancel := context.WithTimeout(ctx, 4*Deadline)
	defer cancel()
	list, err := c.MemberList(ctx)
	if err != nil {
		return fmt.Errorf("failed to list etcd members: %w", err)
	}
	if len(list.Members) == 1 {
		return errors.New("last etcd member can't leave")
	}
	for _, x := range list.Members {
		if x.Name != m.Name {
			continue
		}
		_, err := c.MemberRemove(ctx, x.ID)
		// The member that answers is the one that leaves: it may be gone before it has answered.
		if err != nil && !errors.Is(err, rpctypes.ErrStopped) {
			return fmt.Errorf("failed to remove etcd member %d: %w", x.ID, err)
		}
	}
	return nil
}

// Stoppable remembers how to stop the process without ending the boot: a member that left may not
// be started again.
func (m *Member) Stoppable(stop func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.stop = stop
}

// Stop ends the process and wipes its data, as Talos does after a leave.
func (m *Member) Stop() error {
	m.mu.Lock()
	stop := m.stop
	m.mu.Unlock()
	if stop != nil {
		stop()
	}
	return os.RemoveAll(m.Dir)
}
