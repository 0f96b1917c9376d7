package play

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"hearth/lab/operators/kube"
)

// api is an API server for one test: objects by path, merge patches, creations. It knows no rules.
type api struct {
	mu      sync.Mutex
	objects map[string]kube.Object
	writes  []string
}

func (a *api) ServeHTTP(rw http.ResponseWriter, req *http.Request) {
	a.mu.Lock()
	defer a.mu.Unlock()
	path := strings.TrimSuffix(req.URL.Path, "/status")
	if req.Method == http.MethodGet {
		items := []any{}
		for key, o := range a.objects {
			parts := strings.Split(key, "/")
			if kind := "/" + parts[len(parts)-2]; strings.HasSuffix(path, kind) {
				items = append(items, o)
			}
		}
		_ = json.NewEncoder(rw).Encode(kube.Object{"items": items, "metadata": kube.Object{"resourceVersion": "1"}})
		return
	}
	body := kube.Object{}
	_ = json.NewDecoder(req.Body).Decode(&body)
	a.writes = append(a.writes, req.Method+" "+req.URL.Path)
	if req.Method == http.MethodPost {
		path += "/" + kube.Name(body)
		a.objects[path] = kube.Object{}
	}
	merged := merge(a.objects[path], body)
	kube.Dig(merged, "metadata")["resourceVersion"] = strconv.Itoa(100 + len(a.writes))
	a.objects[path] = merged
	_ = json.NewEncoder(rw).Encode(merged)
}

func merge(into, from kube.Object) kube.Object {
	out := kube.Object{}
	for key, value := range into {
		out[key] = value
	}
	for key, value := range from {
		switch inner, is := value.(kube.Object); {
		case value == nil:
			delete(out, key)
		case is:
			have, _ := out[key].(kube.Object)
			out[key] = merge(have, inner)
		default:
			out[key] = value
		}
	}
	return out
}

// scene is a world with these objects in it, as YAML documents, each begun by its path.
type scene struct {
	*World
	t   *testing.T
	api *api
	who Controller
}

func stage(t *testing.T, plays string, text string) *scene {
	t.Helper()
	s := &scene{t: t, who: All[plays], api: &api{objects: map[string]kube.Object{}}}
	for i, document := range strings.Split(strings.TrimSpace(text), "\n---\n") {
		path, rest, _ := strings.Cut(strings.TrimSpace(document), "\n")
		o := kube.Object{}
		if err := yaml.Unmarshal([]byte(rest), &o); err != nil {
			t.Fatal(err)
		}
		b, _ := json.Marshal(o) // numbers as an API has them
		o = kube.Object{}
		_ = json.Unmarshal(b, &o)
		parts := strings.Split(path, "/")
		metadata := kube.Object{"name": parts[len(parts)-1], "generation": 1.0, "resourceVersion": strconv.Itoa(i + 1), "uid": "u" + strconv.Itoa(i)}
		if at := strings.Index(path, "/namespaces/"); at >= 0 && len(parts) > 5 {
			metadata["namespace"] = strings.Split(path[at:], "/")[2]
		}
		o = merge(kube.Object{"metadata": metadata}, o)
		s.api.objects[path] = o
	}
	server := httptest.NewTLSServer(s.api)
	t.Cleanup(server.Close)
	config := filepath.Join(t.TempDir(), "kubeconfig")
	b, _ := json.Marshal(kube.Object{
		"clusters": []any{kube.Object{"cluster": kube.Object{
			"server": server.URL, "certificate-authority-data": pemOf(server.Certificate().Raw)}}},
		"users": []any{kube.Object{"user": kube.Object{"token": "t"}}},
	})
	if err := os.WriteFile(config, b, 0o600); err != nil {
		t.Fatal(err)
	}
	client, err := kube.Open(config)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	s.World = &World{Client: client, Store: kube.NewStore(client), Own: "own", Now: func() time.Time { return now }}
	return s
}

// pass reads the API and runs one; it returns what was written.
func (s *scene) pass() []string {
	s.t.Helper()
	before := len(s.api.writes)
	for _, k := range s.who.Follows {
		if err := s.Read(s.t.Context(), k); err != nil {
			s.t.Fatal(err)
		}
	}
	if err := s.who.Pass(s.t.Context(), s.World); err != nil {
		s.t.Fatal(err)
	}
	return s.api.writes[before:]
}

// quiet: a pass over what a pass has written writes nothing.
func (s *scene) quiet() {
	s.t.Helper()
	if again := s.pass(); len(again) != 0 {
		s.t.Errorf("a second pass wrote %v", again)
	}
}

func (s *scene) at(path string) kube.Object { return s.api.objects[path] }

func (s *scene) ready(path, status, reason, message string) {
	s.t.Helper()
	s.says(path, "Ready", status, reason, message)
}

func (s *scene) says(path, kind, status, reason, message string) {
	s.t.Helper()
	c := kube.Condition(s.at(path), kind)
	if c["status"] != status || c["reason"] != reason || c["message"] != message {
		s.t.Errorf("%s of %s: %v, want %s %s %q", kind, path, c, status, reason, message)
	}
}

func (s *scene) addresses(path, want string) {
	s.t.Helper()
	have := []string{}
	for _, a := range ingress(s.at(path)) {
		have = append(have, a.String())
	}
	if strings.Join(have, " ") != want {
		s.t.Errorf("%s has %v, want %q", path, have, want)
	}
}
