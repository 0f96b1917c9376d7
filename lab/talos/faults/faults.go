// Package faults holds the failures that somebody ordered for a machine's API: data, not patches.
// It does not know which calls exist; a fault that matches nothing simply never strikes.
package faults

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// Fault delays or fails calls. Method is the end of a gRPC method's name ("" is every method, what
// comes before it must be a whole word), Times 0 is for ever.
type Fault struct {
	Method  string   `json:"method"`
	Code    int      `json:"code"`
	Message string   `json:"message"`
	Delay   Duration `json:"delay"`
	Times   int      `json:"times"`
}

// Duration is written as Go writes durations: "2s", "150ms".
type Duration time.Duration

// MarshalJSON implements json.Marshaler.
func (d Duration) MarshalJSON() ([]byte, error) { return json.Marshal(time.Duration(d).String()) }

// UnmarshalJSON implements json.Unmarshaler.
func (d *Duration) UnmarshalJSON(b []byte) error {
	var s string
	if err := json.Unmarshal(b, &s); err != nil {
		return fmt.Errorf("delay: %s: must be text such as \"2s\"", b)
	}
	if s == "" {
		*d = 0
		return nil
	}
	v, err := time.ParseDuration(s)
	if err != nil {
		return fmt.Errorf("delay: %q: must be a duration such as 2s or 150ms", s)
	}
	*d = Duration(v)
	return nil
}

// Validate refuses a fault that would do nothing or that no client could read.
func (f Fault) Validate() error {
	if f.Code < 0 || f.Code > 16 {
		return fmt.Errorf("code: %d: must be a gRPC status code, 0 (only delay) to 16", f.Code)
	}
	if f.Code == 0 && f.Delay == 0 {
		return fmt.Errorf("code: 0 and delay: 0s: this fault does nothing; give one of them")
	}
	if f.Times < 0 {
		return fmt.Errorf("times: %d: must be 0 (for ever) or more", f.Times)
	}
	return nil
}

func (f Fault) matches(method string) bool {
	if f.Method == "" || f.Method == method {
		return true
	}
	rest, ok := strings.CutSuffix(method, strings.TrimPrefix(f.Method, "/"))
	return ok && (strings.HasSuffix(rest, "/") || strings.HasSuffix(rest, "."))
}

// Set is a machine's faults, safe for use by many calls at once.
type Set struct {
	mu  sync.Mutex
	all []Fault
}

// NewSet starts from faults kept from an earlier run.
func NewSet(all []Fault) *Set { return &Set{all: slices.Clone(all)} }

// Add orders one more.
func (s *Set) Add(f Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all = append(s.all, f)
}

// Clear takes back those for a method, or all with "".
func (s *Set) Clear(method string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all = slices.DeleteFunc(s.all, func(f Fault) bool { return method == "" || f.Method == method })
}

// List returns what is left, for storage and display.
func (s *Set) List() []Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Fault{}, s.all...)
}

// take finds the first fault for a method and uses it up once.
func (s *Set) take(method string) (Fault, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, f := range s.all {
		if !f.matches(method) {
			continue
		}
		if f.Times > 0 {
			if s.all[i].Times--; s.all[i].Times == 0 {
				s.all = slices.Delete(s.all, i, i+1)
			}
		}
		return f, true
	}
	return Fault{}, false
}

// Strike waits and fails as ordered for a call of method; struck tells whether a fault was used.
func (s *Set) Strike(ctx context.Context, method string) (struck bool, err error) {
	f, ok := s.take(method)
	if !ok {
		return false, nil
	}
	if f.Delay > 0 {
		t := time.NewTimer(time.Duration(f.Delay))
		defer t.Stop()
		select {
		case <-ctx.Done():
			return true, status.FromContextError(ctx.Err()).Err()
		case <-t.C:
		}
	}
	if f.Code == 0 {
		return true, nil
	}
	msg := f.Message
	if msg == "" {
		msg = "injected fault"
	}
	return true, status.Error(codes.Code(uint32(f.Code)), msg)
}
