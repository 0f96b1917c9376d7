package containers

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"hearth/lab/talos/kube"
)

func TestATableThatCannotWorkIsRefusedWithAllReasons(t *testing.T) {
	path := filepath.Join(t.TempDir(), "programs.json")
	text := `[{"image": "a/b:v1", "path": "/bin/sh"}, {"image": "c", "path": "sh", "args": ["--at={adress}"]},
		{"image": "c", "path": "/bin/sh", "environment": {"PORT": "{port:x} {node}", "JSON": "{\"a\": 1}"}, "ready": null}]`
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := Load(path)
	if err == nil {
		t.Fatal("taken")
	}
	for _, want := range []string{path, `"a/b:v1": must be`, `path "sh"`, "{adress} in", "{directory}", `"c": is there twice`} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%s is not in %v", want, err)
		}
	}
	if got := strings.Count(err.Error(), "image "); got != 4 {
		t.Errorf("%d complaints: %v", got, err)
	}
	if err := os.WriteFile(path, []byte(`[{"image": "a", "path": "/bin/sh", "argv": []}]`), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(path); err == nil || !strings.Contains(err.Error(), "argv") {
		t.Error("an unknown key was taken: ", err)
	}
}

func TestNoFileIsNoProgram(t *testing.T) {
	if table, err := Load(""); err != nil || len(table) != 0 || len(table.Repositories()) != 0 {
		t.Error(table, err)
	}
}

func TestAnImageIsFoundByItsRepository(t *testing.T) {
	table := Table{{Image: "ghcr.io/fluxcd/source-controller"}, {Image: "localhost:5000/x"}}
	for image, want := range map[string]bool{
		"ghcr.io/fluxcd/source-controller:v1.9.0": true, "ghcr.io/fluxcd/source-controller@sha256:0": true,
		"ghcr.io/fluxcd/source-controller": true, "ghcr.io/fluxcd/source-controller-x:v1": false, "localhost:5000/x": true,
		"localhost:5000/x:v1": true, "fluxcd/source-controller:v1": false,
	} {
		pod := kube.Object{"spec": kube.Object{"containers": []any{kube.Object{"name": "c", "image": image}}}}
		if _, _, got := table.Find(pod); got != want {
			t.Errorf("%s: %v", image, got)
		}
	}
}

func TestAProgramTakesOverTheFlagsThatItsRowNames(t *testing.T) {
	pod := kube.Object{"spec": kube.Object{"containers": []any{
		kube.Object{"name": "sidecar", "args": []any{"--concurrent=1"}},
		kube.Object{"name": "manager", "args": []any{"--concurrent=5", "--log-level=info", "--requeue", "--requeue=10s"}},
		kube.Object{"name": "bare"},
	}}}
	program := Program{Flags: []string{"--concurrent", "--requeue"}}
	if got := strings.Join(program.own(pod, "manager"), " "); got != "--concurrent=5 --requeue=10s" {
		t.Error(got)
	}
	if got := program.own(pod, "bare"); len(got) != 0 {
		t.Error(got)
	}
}
