package events

import (
	"sort"
	"sync"

	"github.com/siderolabs/talos/pkg/machinery/api/machine"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// Services is what `talosctl service` shows.
type Services struct {
	mu     sync.Mutex
	all    map[string]*machine.ServiceInfo
	notify func(id, state string, healthy bool)
}

// NewServices starts with what every machine runs. notify hears of each change.
func NewServices(notify func(id, state string, healthy bool)) *Services {
	s := &Services{all: map[string]*machine.ServiceInfo{}, notify: notify}
	for _, id := range []string{"auditd", "containerd", "dashboard", "machined", "syslogd", "udevd"} {
		s.Running(id)
	}
	return s
}

// Running marks a service as up and healthy.
func (s *Services) Running(id string) { s.Set(id, "Running", true, "Health check successful") }

// Set changes a service's state; saying the same twice is silent.
func (s *Services) Set(id, state string, healthy bool, msg string) {
	if s.set(id, state, healthy, msg) && s.notify != nil {
		s.notify(id, state, healthy)
	}
}

func (s *Services) set(id, state string, healthy bool, msg string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := s.all[id]
	if i == nil {
		i = &machine.ServiceInfo{Id: id, Events: &machine.ServiceEvents{}, Health: &machine.ServiceHealth{Unknown: true}}
		s.all[id] = i
	}
	if i.State == state && i.Health.Healthy == healthy && i.Health.LastMessage == msg {
		return false
	}
	now := timestamppb.Now()
	i.State = state
	i.Events.Events = append(i.Events.Events, &machine.ServiceEvent{Msg: msg, State: state, Ts: now})
	i.Health = &machine.ServiceHealth{Unknown: state != "Running", Healthy: healthy, LastMessage: msg, LastChange: now}
	return true
}

// Forget removes a service that is none: a static pod whose image was refused before.
func (s *Services) Forget(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.all, id)
}

// Healthy tells whether a service is up.
func (s *Services) Healthy(id string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.all[id] != nil && s.all[id].Health.Healthy
}

// List copies all of them, by name.
func (s *Services) List() []*machine.ServiceInfo {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([]*machine.ServiceInfo, 0, len(s.all))
	for _, i := range s.all {
		c, _ := proto.Clone(i).(*machine.ServiceInfo)
		out = append(out, c)
	}
	sort.Slice(out, func(a, b int) bool { return out[a].Id < out[b].Id })
	return out
}
