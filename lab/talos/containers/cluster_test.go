package containers

import (
	"context"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"hearth/lab/talos/kube"
)

// cluster is as much of an API server as a kubelet needs for its pods.
type cluster struct {
	t   *testing.T
	url string
	ca  []byte

	mu      sync.Mutex
	events  []kube.Object          // each is a version
	pods    map[string]kube.Object // by path
	streams []chan kube.Object
	tokens  []kube.Object // requests
	patches int
	down    bool
}

func newCluster(t *testing.T) *cluster {
	c := &cluster{t: t, pods: map[string]kube.Object{}}
	s := httptest.NewUnstartedServer(http.HandlerFunc(c.serve))
	s.Config.ErrorLog = log.New(t.Output(), "", 0)
	s.StartTLS()
	t.Cleanup(func() { c.cut(true); s.CloseClientConnections(); s.Close() })
	c.url = s.URL
	c.ca = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})
	return c
}

func (c *cluster) serve(w http.ResponseWriter, req *http.Request) {
	c.mu.Lock()
	down := c.down
	c.mu.Unlock()
	var body kube.Object
	_ = json.NewDecoder(req.Body).Decode(&body)
	q := req.URL.Query()
	switch path, of := strings.CutSuffix(req.URL.Path, "/status"); {
	case down:
		w.WriteHeader(http.StatusServiceUnavailable)
	case strings.HasSuffix(path, "/pods") && q.Get("fieldSelector") != "spec.nodeName=node":
		w.WriteHeader(http.StatusForbidden) // as the node authorizer
	case strings.HasSuffix(path, "/pods") && q.Get("watch") == "true":
		c.stream(w, req)
	case strings.HasSuffix(path, "/pods"):
		c.answer(w, c.list())
	case strings.HasSuffix(path, "/token"):
		c.answer(w, c.token(body))
	case req.Method == http.MethodPatch && of:
		c.answer(w, c.patch(path, body))
	case req.Method == http.MethodDelete:
		c.answer(w, c.remove(path))
	default:
		w.WriteHeader(http.StatusNotFound)
	}
}

func (c *cluster) answer(w http.ResponseWriter, o kube.Object) {
	if o == nil {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	_ = json.NewEncoder(w).Encode(o)
}

func (c *cluster) list() kube.Object {
	c.mu.Lock()
	defer c.mu.Unlock()
	items := []any{}
	for _, o := range c.pods {
		items = append(items, o)
	}
	return kube.Object{"metadata": kube.Object{"resourceVersion": fmt.Sprint(len(c.events))}, "items": items}
}

func (c *cluster) token(body kube.Object) kube.Object {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.tokens = append(c.tokens, kube.Dig(body, "spec"))
	return kube.Object{"status": kube.Object{"token": fmt.Sprintf("token-%d", len(c.tokens))}}
}

// stream sends what has happened since the version that is asked for, and what happens from now on.
func (c *cluster) stream(w http.ResponseWriter, req *http.Request) {
	since, err := strconv.Atoi(req.URL.Query().Get("resourceVersion"))
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	c.mu.Lock()
	past := c.events[since:]
	ch := make(chan kube.Object, len(past)+100)
	for _, e := range past {
		ch <- e
	}
	c.streams = append(c.streams, ch)
	c.mu.Unlock()
	for {
		select {
		case <-req.Context().Done():
			return
		case e, ok := <-ch:
			if !ok {
				return
			}
			_ = json.NewEncoder(w).Encode(e)
			w.(http.Flusher).Flush()
		}
	}
}

// put stores a pod as a new version, under the lock, and tells everybody.
func (c *cluster) put(kind, path string, o kube.Object) kube.Object {
	copied := clone(o) // what was handed out once never changes
	kube.Dig(copied, "metadata")["resourceVersion"] = fmt.Sprint(len(c.events) + 1)
	c.pods[path] = copied
	if kind == "DELETED" {
		delete(c.pods, path)
	}
	event := kube.Object{"type": kind, "object": copied}
	c.events = append(c.events, event)
	for _, ch := range c.streams {
		ch <- event
	}
	return copied
}

func clone(o kube.Object) (copied kube.Object) {
	b, _ := json.Marshal(o)
	_ = json.Unmarshal(b, &copied)
	return copied
}

// cut ends every stream; a server that is down answers nothing either.
func (c *cluster) cut(down bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.down = down
	for _, ch := range c.streams {
		close(ch)
	}
	c.streams = nil
}

func (c *cluster) patch(path string, body kube.Object) kube.Object {
	c.mu.Lock()
	defer c.mu.Unlock()
	o := c.pods[path]
	if o == nil || uid(o) != uid(body) {
		return nil
	}
	c.patches++
	return c.put("MODIFIED", path, kube.Object{"metadata": o["metadata"], "spec": o["spec"], "status": body["status"]})
}

func (c *cluster) remove(path string) kube.Object {
	c.mu.Lock()
	defer c.mu.Unlock()
	if o := c.pods[path]; o != nil {
		return c.put("DELETED", path, o)
	}
	return nil
}

// change edits a pod as somebody with kubectl does.
func (c *cluster) change(name string, edit func(kube.Object)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	path := "/api/v1/namespaces/home/pods/" + name
	o := clone(c.pods[path])
	edit(o)
	c.put("MODIFIED", path, o)
}

func (c *cluster) pod(name string) kube.Object {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.pods["/api/v1/namespaces/home/pods/"+name]
}

const podText = `{
	"metadata": {"name": %q, "namespace": "home", "uid": %q},
	"spec": {
		"serviceAccountName": "worker", "restartPolicy": %q, "nodeName": "node",
		"initContainers": [{"name": "before", "image": "other"}],
		"containers": [{"name": "beside", "image": "other:1"}, {"name": "main", "image": "example.org/own/program:v1@sha256:0"}],
		"volumes": [{"projected": {"sources": [{"serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}}]}}]
	}
}`

// bind makes a pod that the scheduler has given to this node.
func (c *cluster) bind(name, policy string, edits ...func(kube.Object)) {
	var o kube.Object
	if err := json.Unmarshal(fmt.Appendf(nil, podText, name, "uid-"+name, policy), &o); err != nil {
		c.t.Fatal(err)
	}
	for _, edit := range edits {
		edit(o)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.put("ADDED", "/api/v1/namespaces/home/pods/"+name, o)
}

// onHost is a machine without a namespace of its own.
type onHost struct{}

func (onHost) Start(cmd *exec.Cmd) error                   { return cmd.Start() }
func (onHost) Listen(address string) (net.Listener, error) { return net.Listen("tcp", address) }
func (onHost) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	return (&net.Dialer{}).DialContext(ctx, network, address)
}

// boot is one boot of the node.
type boot struct {
	*Runtime
	stop func() // and wait for the end
}

// start boots a node whose table has one program for example.org/own/program.
func (c *cluster) start(dir string, program Program, edits ...func(*Runtime)) *boot {
	program.Image = "example.org/own/program"
	r := &Runtime{
		Table: Table{program}, Node: "node", Dir: filepath.Join(dir, "pods"), Logs: filepath.Join(dir, "log"), Net: onHost{},
		Addresses: func() []netip.Addr { return []netip.Addr{netip.MustParseAddr("127.0.0.1")} },
		Network:   func() string { return "flannel" }, Server: func() string { return c.url }, CA: func() []byte { return c.ca },
		Log: log.New(c.t.Output(), "", log.Lmicroseconds), Event: func(s string) { c.t.Log(s) },
	}
	for _, edit := range edits {
		edit(r)
	}
	k, err := kube.New(c.url, c.ca, nil, "", r.Net.DialContext)
	if err != nil {
		c.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { r.Run(ctx, k); close(done) }()
	stop := func() { cancel(); <-done }
	c.t.Cleanup(func() { stop(); k.Close() })
	return &boot{r, stop}
}

// shell is a program that is a script; DIR in it is its pod's own folder.
func shell(script string) Program {
	return Program{
		Path: "/bin/sh", Args: []string{"-c", script}, Environment: map[string]string{"DIR": "{directory}", "KC": "{kubeconfig}"},
	}
}

// until waits for a condition, with a deadline.
func until(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !holds(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("waited for " + what)
		}
	}
}

func read(path string) string {
	b, _ := os.ReadFile(path)
	return string(b)
}

// mainContainer is the status of the container with a program.
func mainContainer(pod kube.Object) kube.Object {
	for _, c := range kube.List(kube.Dig(pod, "status"), "containerStatuses") {
		if c["name"] == "main" {
			return c
		}
	}
	return nil
}

func phase(pod kube.Object) string { return field(kube.Dig(pod, "status"), "phase") }
