// Package kube is a plain HTTP client of the Kubernetes API, as seen from inside a machine. It knows
// no types: objects are maps, which is enough for the few that a machine writes.
package kube

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"time"

	"hearth/lab/talos/pki"
)

// Object is a Kubernetes object.
type Object = map[string]any

// Content types of patches.
const (
	Merge     = "application/merge-patch+json"
	Strategic = "application/strategic-merge-patch+json"
	Apply     = "application/apply-patch+yaml"
)

// Client talks to one address of an API.
type Client struct {
	base, token  string
	http, stream *http.Client // stream: for answers that take their time
}

// StatusError is an answer of 400 or more.
type StatusError struct {
	Code    int
	Message string
}

func (e *StatusError) Error() string { return fmt.Sprintf("%d: %s", e.Code, e.Message) }

// IsNotFound tells a 404 from everything else.
func IsNotFound(err error) bool { return hasCode(err, http.StatusNotFound) }

// IsConflict tells that an object exists already or has changed.
func IsConflict(err error) bool { return hasCode(err, http.StatusConflict) }

// IsForbidden tells that the caller's role does not permit it.
func IsForbidden(err error) bool { return hasCode(err, http.StatusForbidden) }

func hasCode(err error, code int) bool {
	var s *StatusError
	return errors.As(err, &s) && s.Code == code
}

// Dial connects from a machine.
type Dial func(ctx context.Context, network, addr string) (net.Conn, error)

// New makes a client; pair or token may be absent. Pings find out that a cable was pulled.
func New(base string, ca []byte, pair *pki.Pair, token string, dial Dial) (*Client, error) {
	t := &tls.Config{RootCAs: pki.Pool(ca), MinVersion: tls.VersionTLS12}
	if pair != nil {
		c, err := pair.TLS()
		if err != nil {
			return nil, err
		}
		t.Certificates = []tls.Certificate{c}
	}
	way := &http.Transport{
		DialContext: dial, TLSClientConfig: t, ForceAttemptHTTP2: true, IdleConnTimeout: 30 * time.Second,
		HTTP2: &http.HTTP2Config{SendPingTimeout: 5 * time.Second, PingTimeout: 3 * time.Second},
	}
	return &Client{
		base: base, token: token, http: &http.Client{Timeout: 10 * time.Second, Transport: way},
		stream: &http.Client{Transport: way},
	}, nil
}

// Close drops its connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Do makes one request; body may be nil, raw bytes, or anything that marshals.
func (c *Client) Do(ctx context.Context, method, path, contentType string, body any) (Object, error) {
	b, err := encode(body)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, method, c.base+path, bytes.NewReader(b))
	if err != nil {
		return nil, err
	}
	if contentType == "" {
		contentType = "application/json"
	}
	req.Header.Set("Content-Type", contentType)
	c.authorize(req)
	resp, err := c.http.Do(req)
	if err != nil {
		c.http.CloseIdleConnections() // the next try starts anew
		return nil, err
	}
	defer resp.Body.Close()
	b, err = io.ReadAll(resp.Body)
	if err != nil {
		return nil, err
	}
	out := Object{}
	_ = json.Unmarshal(b, &out) // /readyz answers plain text
	if resp.StatusCode >= 400 {
		return out, fmt.Errorf("%s %s: %w", method, path, statusError(resp.StatusCode, out, b))
	}
	return out, nil
}

func (c *Client) authorize(req *http.Request) {
	if c.token != "" {
		req.Header.Set("Authorization", "Bearer "+c.token)
	}
}

func statusError(code int, answer Object, text []byte) *StatusError {
	msg, _ := answer["message"].(string)
	if msg == "" {
		msg = string(text)
	}
	return &StatusError{code, msg}
}

func encode(body any) ([]byte, error) {
	switch b := body.(type) {
	case nil:
		return nil, nil
	case []byte:
		return b, nil
	}
	return json.Marshal(body)
}

// Get reads an object.
func (c *Client) Get(ctx context.Context, path string) (Object, error) {
	return c.Do(ctx, http.MethodGet, path, "", nil)
}

// Create makes an object; one that exists already is no error.
func (c *Client) Create(ctx context.Context, path string, o Object) (Object, error) {
	out, err := c.Do(ctx, http.MethodPost, path, "", o)
	if IsConflict(err) {
		return out, nil
	}
	return out, err
}

// Patch changes an object.
func (c *Client) Patch(ctx context.Context, path, contentType string, o Object) (Object, error) {
	return c.Do(ctx, http.MethodPatch, path, contentType, o)
}

// Ready asks an API server whether it is.
func (c *Client) Ready(ctx context.Context) bool {
	_, err := c.Get(ctx, "/readyz")
	return err == nil
}

// Dig reads a nested map, nil when it is not there.
func Dig(o Object, keys ...string) Object {
	for _, k := range keys {
		o, _ = o[k].(Object)
	}
	return o
}

// Items are a list's objects.
func Items(list Object) []Object { return List(list, "items") }

// List is a list of objects inside an object.
func List(o Object, key string) []Object {
	raw, _ := o[key].([]any)
	out := make([]Object, 0, len(raw))
	for _, r := range raw {
		if o, ok := r.(Object); ok {
			out = append(out, o)
		}
	}
	return out
}

// Kubeconfig writes a client configuration with everything inline.
func Kubeconfig(cluster, user, context, server string, ca []byte, p pki.Pair) []byte {
	b := base64.StdEncoding.EncodeToString
	return fmt.Appendf(nil, `apiVersion: v1
kind: Config
clusters:
- name: %[1]s
  cluster:
    server: %[4]s
    certificate-authority-data: %[5]s
users:
- name: %[2]s
  user:
    client-certificate-data: %[6]s
    client-key-data: %[7]s
contexts:
- context:
    cluster: %[1]s
    namespace: default
    user: %[2]s
  name: %[3]s
current-context: %[3]s
`, cluster, user, context, server, b(ca), b(p.Cert), b(p.Key))
}

// PodReady tells whether a pod has the condition Ready.
func PodReady(p Object) bool {
	conds, _ := Dig(p, "status")["conditions"].([]any)
	return slices.ContainsFunc(conds, func(c any) bool {
		o, _ := c.(Object)
		return o["type"] == "Ready" && o["status"] == "True"
	})
}
