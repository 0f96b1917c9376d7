package lan

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"
)

const inside = "LAN_TEST_INSIDE"

// TestMain runs the tests in a user and network namespace of their own, as the lab does: no root is needed.
func TestMain(m *testing.M) {
	if os.Getenv(inside) != "" {
		os.Exit(m.Run())
	}
	cmd := exec.Command(os.Args[0], os.Args[1:]...)
	cmd.Env = append(os.Environ(), inside+"=yes")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNET,
		UidMappings: []syscall.SysProcIDMap{{HostID: os.Geteuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{HostID: os.Getegid(), Size: 1}},
	}
	err := cmd.Run()
	var ended *exec.ExitError
	if errors.As(err, &ended) {
		os.Exit(ended.ExitCode())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "a user namespace for the test:", err)
		os.Exit(1)
	}
}

var houses int // so far: interface names are unique and short

// house is a bridge with machines on it, each with power and an address.
func house(t *testing.T, addresses ...string) []*Port {
	t.Helper()
	houses++
	bridge := fmt.Sprintf("br%d", houses)
	must(t, hostIP("link add "+bridge+" type bridge", "link set "+bridge+" up"))
	t.Cleanup(func() { must(t, hostIP("link del "+bridge)) })
	var out []*Port
	for i, a := range addresses {
		p, err := Plug(bridge, fmt.Sprintf("h%dm%d", houses, i), []Card{{"eth0", fmt.Sprintf("02:00:00:00:00:%02x", i)}})
		must(t, err)
		t.Cleanup(p.Unplug)
		must(t, p.Power(true))
		must(t, p.Configure([]Link{{Name: "eth0", Addresses: []netip.Prefix{netip.MustParsePrefix(a)}}}))
		out = append(out, p)
	}
	return out
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// greet listens at an address of a machine and says hello to whoever comes.
func greet(t *testing.T, p *Port, address string) {
	t.Helper()
	l, err := p.Listen(address)
	must(t, err)
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = io.WriteString(c, "hello from "+c.LocalAddr().String())
			_ = c.Close()
		}
	}()
}

// heard is what a machine hears at an address within two seconds; bridges learn and carriers settle.
func heard(p *Port, address string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	c, err := p.DialContext(ctx, "tcp", address)
	if err != nil {
		return "", err
	}
	defer c.Close()
	said, err := io.ReadAll(c)
	return string(said), err
}

func TestMachinesReachEachOtherThroughTheBridge(t *testing.T) {
	for _, pair := range [][2]string{{"10.0.1.1/16", "10.0.1.2/16"}, {"fd00:1::1/64", "fd00:1::2/64"}} {
		ports := house(t, pair[0], pair[1])
		there := net.JoinHostPort(netip.MustParsePrefix(pair[1]).Addr().String(), "9000")
		greet(t, ports[1], there)
		if said, err := heard(ports[0], there); err != nil || said != "hello from "+there {
			t.Errorf("%s: %q, %v", there, said, err)
		}
	}
}

func TestAPulledCableCutsAMachineOffAndItKeepsItsAddress(t *testing.T) {
	ports := house(t, "10.0.1.1/16", "10.0.1.2/16")
	greet(t, ports[1], "10.0.1.2:9000")
	must(t, ports[1].Cable(false))
	if ports[1].Linked() {
		t.Error("the cable is out")
	}
	if said, err := heard(ports[0], "10.0.1.2:9000"); err == nil {
		t.Errorf("heard %q through a cable that is out", said)
	}
	must(t, ports[1].Cable(true))
	if got := fmt.Sprint(ports[1].Addresses()); got != "[10.0.1.2/16]" {
		t.Errorf("addresses: %s", got)
	}
	end := time.Now().Add(20 * time.Second) // a neighbour that was away is asked for again after a while
	for _, err := heard(ports[0], "10.0.1.2:9000"); err != nil; _, err = heard(ports[0], "10.0.1.2:9000") {
		if time.Now().After(end) {
			t.Fatal(err)
		}
	}
}

func TestASharedAddressMovesAndSurvivesAnotherConfiguration(t *testing.T) {
	ports, vip := house(t, "10.0.1.1/16", "10.0.1.2/16", "10.0.1.3/16"), netip.MustParseAddr("10.0.3.1")
	for _, p := range ports[1:] {
		greet(t, p, "0.0.0.0:9000")
	}
	for _, holder := range ports[1:] {
		must(t, holder.Hold(vip, "eth0"))
		must(t, holder.Hold(vip, "eth0")) // holding what one holds is no error
		must(t, holder.Configure(holder.Links()))
		ForgetNeighbours(ports)
		if said, err := heard(ports[0], "10.0.3.1:9000"); err != nil || said != "hello from 10.0.3.1:9000" {
			t.Errorf("%q, %v", said, err)
		}
		must(t, holder.Release(vip))
		if got := holder.Shared(); len(got) != 0 {
			t.Errorf("still holds %v", got)
		}
	}
}

func TestWithoutPowerAMachineHasNoAddress(t *testing.T) {
	ports := house(t, "10.0.1.1/16")
	must(t, ports[0].Hold(netip.MustParseAddr("10.0.3.1"), "eth0"))
	must(t, ports[0].Power(false))
	if len(ports[0].Addresses())+len(ports[0].Shared()) != 0 {
		t.Error("an address without power")
	}
}

func TestAClosedNamespaceStartsNothing(t *testing.T) {
	ns, err := NewNamespace()
	must(t, err)
	ns.Close()
	if err := ns.Start(exec.Command("true")); !errors.Is(err, errClosed) {
		t.Errorf("got %v", err)
	}
}
