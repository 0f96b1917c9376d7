// Package events is what a machine tells about itself while it lives: its event stream and the state
// of its services. Both end with the boot that they belong to.
package events

import (
	"sync"

	"github.com/google/uuid"
	"github.com/siderolabs/talos/pkg/machinery/api/machine"
	"github.com/siderolabs/talos/pkg/machinery/resources/runtime"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
)

// keep is how many events a late watcher can still see, as in Talos.
const keep = 1000

// Bus is one boot's event stream.
type Bus struct {
	mu   sync.Mutex
	past []*machine.Event
	subs map[chan *machine.Event]struct{}
}

// NewBus makes an empty stream.
func NewBus() *Bus { return &Bus{subs: map[chan *machine.Event]struct{}{}} }

// Emit publishes an event; actor is the ID of the call that caused it, or "".
func (b *Bus) Emit(actor string, m proto.Message) {
	v, err := proto.Marshal(m)
	if err != nil {
		return // our own messages always marshal
	}
	e := &machine.Event{Id: uuid.NewString(), ActorId: actor, Data: &anypb.Any{
		TypeUrl: "talos/runtime/" + string(m.ProtoReflect().Descriptor().FullName()), Value: v,
	}}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.past = append(b.past, e)
	if len(b.past) > keep {
		b.past = b.past[len(b.past)-keep:]
	}
	for c := range b.subs {
		select {
		case c <- e:
		default: // a watcher that does not read loses events, the machine does not wait for it
		}
	}
}

// Subscribe returns future events and the last tail ones (all with a negative tail).
func (b *Bus) Subscribe(tail int) (next <-chan *machine.Event, past []*machine.Event, stop func()) {
	c := make(chan *machine.Event, 256)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.subs[c] = struct{}{}
	past = b.past
	if tail >= 0 && tail < len(past) {
		past = past[len(past)-tail:]
	}
	return c, append([]*machine.Event{}, past...), func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		delete(b.subs, c)
	}
}

// MachineStatus tells a change of stage.
func (b *Bus) MachineStatus(s runtime.MachineStage, ready bool) {
	b.Emit("", &machine.MachineStatusEvent{
		Stage:  machine.MachineStatusEvent_MachineStage(s),
		Status: &machine.MachineStatusEvent_MachineStatus{Ready: ready},
	})
}
