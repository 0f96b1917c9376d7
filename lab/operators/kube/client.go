// Package kube is a plain HTTP client of the Kubernetes API for a controller: a kubeconfig, requests,
// caches fed by watches, and a lease. It knows no types; objects are maps.
package kube

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// Content types of patches.
const (
	Merge = "application/merge-patch+json"
	Apply = "application/apply-patch+yaml"
)

// Client talks to an API as one account.
type Client struct {
	base      string
	token     string
	tokenFile string
	http      *http.Client
}

// StatusError is an answer of 400 or more.
type StatusError struct {
	Code    int
	Message string
}

func (e *StatusError) Error() string { return fmt.Sprintf("%d: %s", e.Code, e.Message) }

// HasCode tells whether an error is an answer with this status.
func HasCode(err error, code int) bool {
	var s *StatusError
	return errors.As(err, &s) && s.Code == code
}

// Open reads a kubeconfig: the first cluster and the first user; a token, or the file it lies in.
func Open(path string) (*Client, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	config := Object{}
	if err := yaml.Unmarshal(text, &config); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	clusters, users := Items(config, "clusters"), Items(config, "users")
	if len(clusters) == 0 || len(users) == 0 {
		return nil, fmt.Errorf("%s: names no cluster or no user", path)
	}
	cluster, user := Dig(clusters[0], "cluster"), Dig(users[0], "user")
	pool, err := authorities(cluster)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	transport := &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}, ForceAttemptHTTP2: true,
		// A pulled cable is found out, and a watch does not hang on it.
		HTTP2: &http.HTTP2Config{SendPingTimeout: 15 * time.Second, PingTimeout: 5 * time.Second},
	}
	return &Client{
		base: strings.TrimSuffix(Text(cluster, "server"), "/"), token: Text(user, "token"),
		tokenFile: Text(user, "tokenFile"), http: &http.Client{Transport: transport},
	}, nil
}

func authorities(cluster Object) (*x509.CertPool, error) {
	pem, err := base64.StdEncoding.DecodeString(Text(cluster, "certificate-authority-data"))
	if err != nil {
		return nil, err
	}
	if file := Text(cluster, "certificate-authority"); file != "" {
		if pem, err = os.ReadFile(file); err != nil {
			return nil, err
		}
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, errors.New("no certificate authority in it")
	}
	return pool, nil
}

// Do makes one request that ends within ten seconds.
func (c *Client) Do(ctx context.Context, method, path, contentType string, body any) (Object, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	resp, err := c.send(ctx, method, path, contentType, body)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	out := Object{}
	return out, json.NewDecoder(resp.Body).Decode(&out)
}

func (c *Client) send(ctx context.Context, method, path, contentType string, body any) (*http.Response, error) {
	var content io.Reader
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			return nil, err
		}
		content = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(ctx, method, c.base+path, content)
	if err != nil {
		return nil, err
	}
	if contentType == "" {
		contentType = "application/json"
	}
	req.Header.Set("Content-Type", contentType)
	if token := c.bearer(); token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode >= 400 {
		defer resp.Body.Close()
		b, _ := io.ReadAll(io.LimitReader(resp.Body, 1<<16))
		status := Object{}
		_ = json.Unmarshal(b, &status) // a proxy answers plain text
		message := Text(status, "message")
		if message == "" {
			message = strings.TrimSpace(string(b))
		}
		return nil, fmt.Errorf("%s %s: %w", method, path, &StatusError{resp.StatusCode, message})
	}
	return resp, nil
}

// bearer reads the file each time: the kubelet renews it.
func (c *Client) bearer() string {
	if c.tokenFile == "" {
		return c.token
	}
	b, _ := os.ReadFile(c.tokenFile)
	return strings.TrimSpace(string(b))
}
