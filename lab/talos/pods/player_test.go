package pods

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// until waits for a condition, with a deadline.
func until(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !holds(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited 20 s for %s", what)
		}
	}
}

func read(path string) string {
	b, _ := os.ReadFile(path)
	return string(b)
}

func TestPodsArePlayedWhileAMachineIsChosenAndItsCredentialsGoAfterwards(t *testing.T) {
	dir := t.TempDir()
	program := filepath.Join(dir, "kwok")
	script := "#!/bin/sh\necho \"$@\" > " + dir + "/started\ntrap 'echo > " + dir + "/ended; exit 0' TERM\nwhile :; do sleep 0.05; done\n"
	if err := os.WriteFile(program, []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	var chosen atomic.Bool
	p := &Player{
		Path: program, Dir: dir, Kubeconfig: func() ([]byte, error) { return []byte("secret"), nil },
		Start: (*exec.Cmd).Start, Chosen: chosen.Load, Log: t.Logf,
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { p.Run(ctx); close(done) }()

	chosen.Store(true)
	kubeconfig := filepath.Join(dir, "pods", "kubeconfig")
	until(t, "kwok to start", func() bool { return strings.HasSuffix(read(dir+"/started"), "\n") })
	for _, want := range []string{"--kubeconfig " + kubeconfig, "--manage-nodes-with-label-selector " + Label + "=yes"} {
		if !strings.Contains(read(dir+"/started"), want) {
			t.Errorf("%s is not in %s", want, read(dir+"/started"))
		}
	}
	if read(kubeconfig) != "secret" || !strings.Contains(read(filepath.Join(dir, "pods", "stages.yaml")), "name: pod-ready") {
		t.Error("kwok has nothing to work with")
	}

	chosen.Store(false)
	until(t, "the credentials to go", func() bool { _, err := os.Stat(kubeconfig); return os.IsNotExist(err) })
	if read(dir+"/ended") == "" {
		t.Error("kwok was not asked to end")
	}
	stop()
	<-done
}

func TestEveryStageForPodsLeavesThoseOfRealProgramsAlone(t *testing.T) {
	for want, images := range map[string][]string{"[]": nil, `["a/b","c"]`: {"a/b", "c"}} {
		all := strings.Split(string(Stages(images)), "\n---\n")
		if len(all) != 5 {
			t.Fatal(len(all), "stages")
		}
		for _, stage := range all[1:] {
			if !strings.Contains(stage, "select(IN("+want+"[]))\n      operator: DoesNotExist\n") {
				t.Errorf("%s is not in %s", want, stage)
			}
		}
	}
}
