package world

import (
	"encoding/json"
	"io"
	"sync"
	"time"
)

// Timeline is what happened, in order, for people who read a rehearsal.
type Timeline struct {
	mu  sync.Mutex
	all []Entry
}

// Entry is one line of it.
type Entry struct {
	At      time.Time `json:"at"`
	Machine string    `json:"machine"`
	Event   string    `json:"event"`
}

// timelineLimit keeps a long soak from growing without end; the oldest go first.
const timelineLimit = 20000

// NewTimeline starts an empty one.
func NewTimeline() *Timeline { return &Timeline{} }

// Add writes a line.
func (t *Timeline) Add(machine, event string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.all = append(t.all, Entry{time.Now().UTC(), machine, event})
	if len(t.all) > timelineLimit {
		t.all = append([]Entry{}, t.all[len(t.all)-timelineLimit:]...)
	}
}

// Write prints all of it as JSON lines.
func (t *Timeline) Write(w io.Writer) error {
	t.mu.Lock()
	all := append([]Entry{}, t.all...)
	t.mu.Unlock()
	enc := json.NewEncoder(w)
	for _, e := range all {
		if err := enc.Encode(e); err != nil {
			return err
		}
	}
	return nil
}

// Timeline is the world's.
func (w *World) Timeline() *Timeline { return w.timeline }
