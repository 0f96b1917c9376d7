package kube

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Kind is one resource of the API: "/api/v1" or "/apis/GROUP/VERSION", and its plural name.
type Kind struct{ API, Plural string }

// Path of an object of the kind; without a name, of all.
func (k Kind) Path(namespace, name string) string {
	path := k.API
	if namespace != "" {
		path += "/namespaces/" + namespace
	}
	path += "/" + k.Plural
	if name != "" {
		path += "/" + name
	}
	return path
}

// Store holds what the API has of some kinds, by list and watch.
type Store struct {
	c       *Client
	mu      sync.Mutex
	objects map[Kind]map[string]Object
	changed chan struct{}
}

// NewStore makes an empty store; Follow fills it.
func NewStore(c *Client) *Store {
	return &Store{c: c, objects: map[Kind]map[string]Object{}, changed: make(chan struct{}, 1)}
}

// Changed is signalled after a change, once for many.
func (s *Store) Changed() <-chan struct{} { return s.changed }

// All returns the objects of a kind by key, and whether they were ever read.
func (s *Store) All(k Kind) ([]Object, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	known, ok := s.objects[k]
	out := make([]Object, 0, len(known))
	for _, key := range slices.Sorted(maps.Keys(known)) {
		out = append(out, known[key])
	}
	return out, ok
}

// HasRead tells whether all of these kinds were read.
func (s *Store) HasRead(kinds []Kind) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return !slices.ContainsFunc(kinds, func(k Kind) bool { return s.objects[k] == nil })
}

// Get returns one object, nil when there is none.
func (s *Store) Get(k Kind, namespace, name string) Object {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.objects[k][namespace+"/"+name]
}

// Put takes what a request of ours returned, so that the next look does not see the past.
func (s *Store) Put(k Kind, o Object) {
	s.mu.Lock()
	defer s.mu.Unlock()
	known := s.objects[k]
	if known == nil || Name(o) == "" || revision(o) < revision(known[Key(o)]) {
		return
	}
	known[Key(o)] = o
}

func revision(o Object) uint64 {
	n, _ := strconv.ParseUint(Text(o, "metadata", "resourceVersion"), 10, 64)
	return n
}

// Follow lists and watches a kind until the context ends. What cannot be read is tried again: its
// definition may come later, and rights, too.
func (s *Store) Follow(ctx context.Context, k Kind) {
	wait, said := time.Second, ""
	for ctx.Err() == nil {
		began := time.Now()
		err := s.follow(ctx, k)
		if time.Since(began) > 30*time.Second {
			wait = time.Second
		}
		if err != nil && err.Error() != said && ctx.Err() == nil {
			said = err.Error()
			slog.Warn("cannot follow", "kind", k.Plural, "error", said)
		}
		select {
		case <-ctx.Done():
		case <-time.After(wait):
		}
		wait = min(2*wait, 10*time.Second)
	}
}

// Read lists a kind once.
func (s *Store) Read(ctx context.Context, k Kind) error {
	_, err := s.read(ctx, k)
	return err
}

func (s *Store) read(ctx context.Context, k Kind) (version string, err error) {
	list, err := s.c.Do(ctx, http.MethodGet, k.Path("", ""), "", nil)
	if err != nil {
		return "", err
	}
	known := map[string]Object{}
	for _, o := range Items(list, "items") {
		// A list names its kind once, for all.
		if o["kind"] == nil && Text(list, "kind") != "" {
			o["kind"], o["apiVersion"] = strings.TrimSuffix(Text(list, "kind"), "List"), list["apiVersion"]
		}
		known[Key(o)] = o
	}
	s.mu.Lock()
	s.objects[k] = known
	s.mu.Unlock()
	s.signal()
	return Text(list, "metadata", "resourceVersion"), nil
}

func (s *Store) follow(ctx context.Context, k Kind) error {
	version, err := s.read(ctx, k)
	if err != nil {
		return err
	}
	path := fmt.Sprintf("%s?watch=true&allowWatchBookmarks=true&timeoutSeconds=300&resourceVersion=%s",
		k.Path("", ""), version)
	resp, err := s.c.send(ctx, http.MethodGet, path, "", nil)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	events := json.NewDecoder(resp.Body)
	for {
		event := Object{}
		if err := events.Decode(&event); err != nil {
			if errors.Is(err, io.EOF) {
				return nil
			}
			return err
		}
		if err := s.take(k, Text(event, "type"), Dig(event, "object")); err != nil {
			return err
		}
	}
}

func (s *Store) take(k Kind, what string, o Object) error {
	s.mu.Lock()
	switch known := s.objects[k]; what {
	case "ADDED", "MODIFIED":
		if revision(o) >= revision(known[Key(o)]) {
			known[Key(o)] = o
		}
	case "DELETED":
		delete(known, Key(o))
	case "ERROR":
		s.mu.Unlock()
		return errors.New(Text(o, "message"))
	}
	s.mu.Unlock()
	if what != "BOOKMARK" {
		s.signal()
	}
	return nil
}

func (s *Store) signal() {
	select {
	case s.changed <- struct{}{}:
	default:
	}
}
