package faults

import (
	"context"
	"encoding/json"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

const version = "/machine.MachineService/Version"

func TestAFaultMatchesWholeWordsFromTheEnd(t *testing.T) {
	for method, want := range map[string]bool{
		"": true, "Version": true, "MachineService/Version": true, version: true, "ersion": false, "Reboot": false,
	} {
		if got := (Fault{Method: method}).matches(version); got != want {
			t.Errorf("%q: %v", method, got)
		}
	}
}

func TestAFaultStrikesAsOftenAsOrdered(t *testing.T) {
	s := NewSet(nil)
	s.Add(Fault{Method: "Version", Code: int(codes.Unavailable), Times: 50})
	var hits atomic.Int32
	var wg sync.WaitGroup
	for range 100 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			if _, err := s.Strike(context.Background(), version); status.Code(err) == codes.Unavailable {
				hits.Add(1)
			}
		}()
	}
	wg.Wait()
	if hits.Load() != 50 || len(s.List()) != 0 {
		t.Fatalf("%d hits, left %v", hits.Load(), s.List())
	}
}

func TestADelayEndsWithTheCall(t *testing.T) {
	s := NewSet([]Fault{{Delay: Duration(time.Hour)}})
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := s.Strike(ctx, version); status.Code(err) != codes.Canceled {
		t.Fatalf("got %v", err)
	}
}

func TestFaultsSurviveJSON(t *testing.T) {
	var f Fault
	if err := json.Unmarshal([]byte(`{"method":"Version","code":14,"delay":"2s","times":1}`), &f); err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(f)
	var again Fault
	if err != nil || json.Unmarshal(b, &again) != nil || again != f {
		t.Fatalf("%s: %v", b, err)
	}
	if json.Unmarshal([]byte(`{"delay":2}`), &f) == nil {
		t.Fatal("a number was taken for a duration")
	}
}

func TestAFaultThatDoesNothingIsRefused(t *testing.T) {
	for _, f := range []Fault{{}, {Code: 17}, {Code: 14, Times: -1}} {
		if f.Validate() == nil {
			t.Errorf("%+v was accepted", f)
		}
	}
}
