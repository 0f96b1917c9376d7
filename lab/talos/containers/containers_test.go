package containers

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"hearth/lab/talos/kube"
)

// TestMain is also the program of a pod that serves HTTP, which a shell cannot.
func TestMain(m *testing.M) {
	if address := os.Getenv("SERVE"); address != "" {
		_ = http.ListenAndServe(address, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			if _, err := os.Stat(os.Getenv("WELL")); err != nil {
				w.WriteHeader(http.StatusServiceUnavailable)
			}
		}))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

const (
	forever = "while :; do sleep 0.05; done"
	polite  = "trap 'exit 0' TERM; " + forever
)

func TestAProgramRunsWithItsPodsOwnAccountAndBesideItOthersArePlayed(t *testing.T) {
	c := newCluster(t)
	t.Setenv("KUBECONFIG", "/somebody/elses")
	t.Setenv("PULUMI_CONFIG_PASSPHRASE", "secret")
	dir := t.TempDir()
	c.bind("one", "Always")
	c.start(dir, shell(`env > $DIR/env; cp $KC $DIR/kubeconfig; cp $(dirname $KC)/token $DIR/token; touch $DIR/done; `+forever))
	own := filepath.Join(dir, "pods", "uid-one", "scratch")
	until(t, "the program", func() bool { _, err := os.Stat(own + "/done"); return err == nil })

	until(t, "ready", func() bool { return readyIn(c.pod("one")) == "True" })
	c.mu.Lock()
	got := fmt.Sprint(c.tokens)
	c.mu.Unlock()
	if got != "[map[boundObjectRef:map[apiVersion:v1 kind:Pod name:one uid:uid-one] expirationSeconds:3607]]" {
		t.Error(got)
	}
	for _, want := range []string{c.url, `"tokenFile": "` + dir, `"namespace": "home"`} {
		if !strings.Contains(read(own+"/kubeconfig"), want) {
			t.Errorf("%s is not in %s", want, read(own+"/kubeconfig"))
		}
	}
	if read(own+"/token") != "token-1" {
		t.Error("another token: " + read(own+"/token"))
	}
	if env := read(own + "/env"); strings.Contains(env, "elses") || strings.Contains(env, "secret") || !strings.Contains(env, "HOME="+own) {
		t.Error(env)
	}
	status := kube.Dig(c.pod("one"), "status")
	if status["podIP"] != "127.0.0.1" || len(kube.List(status, "containerStatuses")) != 2 || status["startTime"] == nil {
		t.Error(status)
	}
	if before := kube.List(status, "initContainerStatuses")[0]; kube.Dig(before, "state", "terminated")["reason"] != "Completed" {
		t.Error(before)
	}
}

func TestAPodIsReadyOnlyWhileItsProgramAnswers(t *testing.T) {
	c := newCluster(t)
	dir := t.TempDir()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c.bind("one", "Always")
	b := c.start(dir, Program{
		Path: self, Ready: "http://{address}:{port:http}/readyz",
		Environment: map[string]string{"SERVE": "{address}:{port:http}", "WELL": "{directory}/well"},
	})
	until(t, "the program", func() bool { return b.PIDs()["home/one"] > 0 })
	until(t, "running", func() bool { return phase(c.pod("one")) == "Running" })
	if readyIn(c.pod("one")) != "False" {
		t.Error("ready before it answers")
	}
	well := filepath.Join(dir, "pods", "uid-one", "scratch", "well")
	if err := os.WriteFile(well, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	until(t, "ready", func() bool { return readyIn(c.pod("one")) == "True" })
	if err := os.Remove(well); err != nil {
		t.Fatal(err)
	}
	until(t, "not ready", func() bool { return readyIn(c.pod("one")) == "False" })
	if kube.Dig(mainContainer(c.pod("one")), "state")["running"] == nil {
		t.Error("a program that is not ready runs on")
	}
}

func TestACrashIsFollowedByARestartAndThenByABackOff(t *testing.T) {
	c := newCluster(t)
	c.bind("one", "Always")
	c.start(t.TempDir(), shell("exit 3"))
	waits := func() kube.Object { return kube.Dig(mainContainer(c.pod("one")), "state", "waiting") }
	until(t, "the back-off", func() bool { return waits()["reason"] == crashLoop })
	if got := fmt.Sprint(waits()["message"]); got != "back-off 1s restarting failed container=main pod=one_home(uid-one)" {
		t.Error(got)
	}
	until(t, "restarts", func() bool { n, _ := mainContainer(c.pod("one"))["restartCount"].(float64); return n >= 2 })
	last := kube.Dig(mainContainer(c.pod("one")), "lastState", "terminated")
	if last["exitCode"] != 3.0 || last["reason"] != "Error" || phase(c.pod("one")) != "Running" {
		t.Error(last, phase(c.pod("one")))
	}
}

func TestAKilledProgramComesBackWithItsPorts(t *testing.T) {
	c := newCluster(t)
	dir := t.TempDir()
	c.bind("one", "Always")
	c.bind("two", "Always")
	p := shell("echo $PORT >> $DIR/ports; " + forever)
	p.Environment["PORT"] = "{port:a} {port:b}"
	b := c.start(dir, p)
	lines := func(name string) []string {
		return strings.Fields(read(filepath.Join(dir, "pods", "uid-"+name, "scratch", "ports")))
	}
	until(t, "both", func() bool { return len(lines("one")) == 2 && len(lines("two")) == 2 && b.PIDs()["home/one"] > 0 })
	if err := syscall.Kill(b.PIDs()["home/one"], syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	until(t, "the restart", func() bool { return len(lines("one")) == 4 })
	all := map[string]bool{}
	for _, port := range append(lines("one")[:2], lines("two")...) {
		all[port] = true
	}
	if got := lines("one"); len(all) != 4 || got[0] != got[2] || got[1] != got[3] {
		t.Error(got, all)
	}
	until(t, "the report", func() bool {
		return kube.Dig(mainContainer(c.pod("one")), "lastState", "terminated")["exitCode"] == 137.0
	})
}

func TestDeletionAsksTheProgramAndThenForcesIt(t *testing.T) {
	for name, script := range map[string]string{"polite": "trap 'touch $DIR/../../asked; exit 0' TERM; ", "deaf": "trap '' TERM; "} {
		t.Run(name, func(t *testing.T) {
			c := newCluster(t)
			dir := t.TempDir()
			c.bind("one", "Always")
			b := c.start(dir, shell(script+"touch $DIR/up; "+forever))
			folder := filepath.Join(dir, "pods", "uid-one")
			pid := 0
			until(t, "the program", func() bool {
				_, err := os.Stat(folder + "/scratch/up")
				pid = b.PIDs()["home/one"]
				return err == nil && pid > 0
			})
			c.change("one", func(o kube.Object) {
				meta := kube.Dig(o, "metadata")
				meta["deletionTimestamp"], meta["deletionGracePeriodSeconds"] = "2026-01-01T00:00:00Z", 1
			})
			until(t, "the API to forget", func() bool { return c.pod("one") == nil })
			until(t, "the folder to go", func() bool { _, err := os.Stat(folder); return os.IsNotExist(err) })
			if err := syscall.Kill(pid, 0); err == nil {
				t.Error("it still runs")
			}
			if _, err := os.Stat(filepath.Join(dir, "pods", "asked")); (err == nil) != (name == "polite") {
				t.Error("asked?", err)
			}
		})
	}
}

func TestAPodThatIsForgottenWhileNobodyListensEndsToo(t *testing.T) {
	c := newCluster(t)
	c.bind("one", "Always")
	b := c.start(t.TempDir(), shell(polite))
	until(t, "the program", func() bool { return b.PIDs()["home/one"] > 0 })
	c.cut(true)
	c.remove("/api/v1/namespaces/home/pods/one")
	if b.PIDs()["home/one"] == 0 {
		t.Error("a program needs no API server to go on")
	}
	c.cut(false)
	until(t, "its end", func() bool { return len(b.PIDs()) == 0 })
}

func TestJobsEnd(t *testing.T) {
	for _, x := range []struct{ policy, script, phase string }{
		{"Never", "exit 0", "Succeeded"}, {"Never", "exit 1", "Failed"}, {"OnFailure", "test -e $DIR/second || { touch $DIR/second; exit 1; }", "Succeeded"},
	} {
		t.Run(x.policy+" "+x.phase, func(t *testing.T) {
			c := newCluster(t)
			c.bind("one", x.policy)
			b := c.start(t.TempDir(), shell(x.script))
			until(t, x.phase, func() bool { return phase(c.pod("one")) == x.phase })
			if len(b.PIDs()) != 0 || readyIn(c.pod("one")) != "False" {
				t.Error(c.pod("one"))
			}
		})
	}
}

func TestTheEndOfABootKillsAtOnceAndTheNextOneStartsAgain(t *testing.T) {
	c := newCluster(t)
	dir := t.TempDir()
	c.bind("again", "Always")
	c.bind("never", "Never")
	deaf := shell("trap '' TERM; " + forever)
	b := c.start(dir, deaf)
	until(t, "both programs", func() bool {
		return len(b.PIDs()) == 2 && readyIn(c.pod("again")) == "True" && readyIn(c.pod("never")) == "True"
	})
	pids, began := b.PIDs(), time.Now()
	b.stop()
	if d := time.Since(began); d > 2*time.Second {
		t.Error("power goes at once, not in", d)
	}
	for name, pid := range pids {
		if err := syscall.Kill(pid, 0); err == nil {
			t.Error(name, "still runs")
		}
	}
	if readyIn(c.pod("again")) != "True" {
		t.Error("a machine without power reports nothing")
	}
	b = c.start(dir, deaf)
	until(t, "the restart", func() bool { return mainContainer(c.pod("again"))["restartCount"] == 1.0 })
	if last := kube.Dig(mainContainer(c.pod("again")), "lastState", "terminated"); last["exitCode"] != 255.0 || last["reason"] != "Unknown" {
		t.Error(last)
	}
	until(t, "the end of the other", func() bool { return phase(c.pod("never")) == "Failed" })
	until(t, "one program", func() bool { return len(b.PIDs()) == 1 })
}

func TestWithoutACNIOnlyPodsOfTheHostsNetworkStart(t *testing.T) {
	c := newCluster(t)
	c.bind("waits", "Always")
	c.bind("host", "Always", func(o kube.Object) { kube.Dig(o, "spec")["hostNetwork"] = true })
	b := c.start(t.TempDir(), shell(polite), func(r *Runtime) { r.Network = func() string { return "" } })
	until(t, "the one of the host", func() bool { return readyIn(c.pod("host")) == "True" })
	until(t, "the reason", func() bool {
		m, _ := kube.Dig(mainContainer(c.pod("waits")), "state", "waiting")["message"].(string)
		return strings.Contains(m, "network is not ready")
	})
	if len(b.PIDs()) != 1 || phase(c.pod("waits")) != "Pending" {
		t.Error(b.PIDs())
	}
}

func TestWithoutAReadyAgentOfCiliumNoNewPodGetsANetworkAndOldOnesKeepTheirs(t *testing.T) {
	c := newCluster(t)
	agent := func(ready string) func(kube.Object) {
		return func(o kube.Object) {
			kube.Dig(o, "metadata")["labels"] = kube.Object{"k8s-app": "cilium"}
			spec := kube.Dig(o, "spec")
			spec["hostNetwork"] = true
			spec["containers"] = []any{kube.Object{"name": "agent", "image": "example.org/own/played:v1"}}
			o["status"] = kube.Object{"conditions": []any{kube.Object{"type": "Ready", "status": ready}}}
		}
	}
	c.bind("agent", "Always", agent("True"))
	c.bind("old", "Always")
	b := c.start(t.TempDir(), shell(polite), func(r *Runtime) { r.Network = func() string { return "cilium" } })
	until(t, "the old one", func() bool { return readyIn(c.pod("old")) == "True" })
	c.change("agent", agent("False"))
	c.bind("new", "Always")
	until(t, "the reason", func() bool {
		m, _ := kube.Dig(mainContainer(c.pod("new")), "state", "waiting")["message"].(string)
		return strings.Contains(m, "unable to connect to Cilium agent")
	})
	if len(b.PIDs()) != 1 || readyIn(c.pod("old")) != "True" {
		t.Error(b.PIDs())
	}
	c.change("agent", agent("True"))
	until(t, "the new one", func() bool { return readyIn(c.pod("new")) == "True" })
}

func TestPodsWithoutAProgramAndMirrorPodsAreLeftAlone(t *testing.T) {
	c := newCluster(t)
	c.bind("played", "Always", func(o kube.Object) {
		kube.Dig(o, "spec")["containers"] = []any{kube.Object{"name": "main", "image": "example.org/own/program-two:v1"}}
	})
	c.bind("mirror", "Always", func(o kube.Object) {
		kube.Dig(o, "metadata")["annotations"] = kube.Object{"kubernetes.io/config.mirror": "x"}
	})
	c.bind("ours", "Always")
	c.start(t.TempDir(), shell(polite))
	until(t, "ours", func() bool { return readyIn(c.pod("ours")) == "True" })
	if c.pod("played")["status"] != nil || c.pod("mirror")["status"] != nil {
		t.Error("somebody else's pod was reported on")
	}
}

func TestAPodThatMountsNoTokenGetsNoKubeconfig(t *testing.T) {
	c := newCluster(t)
	dir := t.TempDir()
	c.bind("one", "Always", func(o kube.Object) { delete(kube.Dig(o, "spec"), "volumes") })
	c.start(dir, shell("test -e $KC || touch $DIR/none; "+forever))
	until(t, "the program's look", func() bool {
		_, err := os.Stat(filepath.Join(dir, "pods", "uid-one", "scratch", "none"))
		return err == nil
	})
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.tokens) != 0 {
		t.Error("a token was asked for")
	}
}

func TestAKubeletSaysAgainThatAPodIsWellWhenSomebodyMarkedIt(t *testing.T) {
	c := newCluster(t)
	c.bind("one", "Always")
	c.start(t.TempDir(), shell(polite))
	until(t, "ready", func() bool { return readyIn(c.pod("one")) == "True" })
	c.change("one", func(o kube.Object) {
		kube.Dig(o, "status")["conditions"] = []any{kube.Object{"type": "Ready", "status": "False", "reason": "NodeNotReady"}}
	})
	until(t, "ready again", func() bool { return readyIn(c.pod("one")) == "True" })
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.patches > 4 {
		t.Error("reports", c.patches, "times")
	}
}
