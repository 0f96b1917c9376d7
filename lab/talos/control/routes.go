// Package control is the HTTP API that stands for hardware: a hypervisor, or a person's hands. It
// knows nothing of what runs on the machines beyond what a screen in front of them would show.
package control

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"hearth/lab/talos/faults"
	"hearth/lab/talos/hardware"
	"hearth/lab/talos/machine"
	"hearth/lab/talos/world"
)

// Handler serves a world.
func Handler(w *world.World) http.Handler {
	a := &api{w}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(rw http.ResponseWriter, _ *http.Request) { _, _ = rw.Write([]byte("ok\n")) })
	mux.HandleFunc("GET /world", a.world)
	mux.HandleFunc("GET /events", a.events)
	mux.HandleFunc("GET /machines", a.list)
	mux.HandleFunc("POST /machines", a.create)
	mux.HandleFunc("GET /machines/{id}", a.get)
	mux.HandleFunc("PATCH /machines/{id}", a.change)
	mux.HandleFunc("DELETE /machines/{id}", a.remove)
	mux.HandleFunc("POST /machines/{id}/power", a.power)
	mux.HandleFunc("POST /machines/{id}/wipe", a.wipe)
	mux.HandleFunc("POST /machines/{id}/cable", a.cable)
	mux.HandleFunc("POST /machines/{id}/faults", a.addFault)
	mux.HandleFunc("DELETE /machines/{id}/faults", a.clearFaults)
	return mux
}

type api struct{ w *world.World }

// reply writes JSON.
func reply(rw http.ResponseWriter, code int, v any) {
	rw.Header().Set("Content-Type", "application/json")
	rw.WriteHeader(code)
	_ = json.NewEncoder(rw).Encode(v) // the client went away
}

// fail says what was wrong, with the status that fits.
func fail(rw http.ResponseWriter, err error) {
	code := http.StatusInternalServerError
	switch {
	case errors.Is(err, world.ErrNotFound):
		code = http.StatusNotFound
	case errors.Is(err, world.ErrExists):
		code = http.StatusConflict
	case errors.Is(err, world.ErrInvalid):
		code = http.StatusBadRequest
	}
	reply(rw, code, map[string]string{"error": err.Error()})
}

// body reads JSON strictly: a misspelt key is an error, not a default.
func body(r *http.Request, v any) error {
	d := json.NewDecoder(http.MaxBytesReader(nil, r.Body, 1<<20))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return fmt.Errorf("%w: body: %w", world.ErrInvalid, err)
	}
	return nil
}

// machine finds the one in the path; IDs hold slashes, so clients escape them.
func (a *api) machine(r *http.Request) (*machine.Machine, error) {
	id := r.PathValue("id")
	if strings.Contains(id, "%") {
		if plain, err := url.PathUnescape(id); err == nil {
			id = plain
		}
	}
	return a.w.Machine(id)
}

func (a *api) list(rw http.ResponseWriter, _ *http.Request) {
	out := []machine.Info{}
	for _, m := range a.w.Machines() {
		out = append(out, m.Info())
	}
	reply(rw, http.StatusOK, out)
}

// newcomer is a machine with what happened to it before.
type newcomer struct {
	hardware.Spec
	hardware.Past
}

func (a *api) create(rw http.ResponseWriter, r *http.Request) {
	var in newcomer
	if err := body(r, &in); err != nil {
		fail(rw, err)
		return
	}
	m, err := a.w.Create(in.Spec, in.Past)
	if err != nil {
		fail(rw, err)
		return
	}
	reply(rw, http.StatusCreated, m.Info())
}

func (a *api) get(rw http.ResponseWriter, r *http.Request) {
	m, err := a.machine(r)
	if err != nil {
		fail(rw, err)
		return
	}
	reply(rw, http.StatusOK, m.Info())
}

// edit finds the machine, reads the body, does the work, writes the world down and shows the machine.
func (a *api) edit(rw http.ResponseWriter, r *http.Request, in any, work func(*machine.Machine) error) {
	m, err := a.machine(r)
	if err == nil && in != nil {
		err = body(r, in)
	}
	if err == nil {
		err = work(m)
	}
	if err == nil {
		err = a.w.Remember()
	}
	if err != nil {
		fail(rw, err)
		return
	}
	reply(rw, http.StatusOK, m.Info())
}

func (a *api) change(rw http.ResponseWriter, r *http.Request) {
	var c hardware.Change
	a.edit(rw, r, &c, func(m *machine.Machine) error {
		if _, err := m.Change(c); err != nil {
			return fmt.Errorf("%w: %w", world.ErrInvalid, err)
		}
		return nil
	})
}

func (a *api) remove(rw http.ResponseWriter, r *http.Request) {
	m, err := a.machine(r)
	if err == nil {
		err = a.w.Delete(m.ID())
	}
	if err != nil {
		fail(rw, err)
		return
	}
	rw.WriteHeader(http.StatusNoContent)
}

// to is the body of switches.
type to struct {
	To string `json:"to"`
}

func (a *api) power(rw http.ResponseWriter, r *http.Request) {
	var in to
	a.edit(rw, r, &in, func(m *machine.Machine) error { return a.w.Power(m.ID(), in.To) })
}

func (a *api) wipe(rw http.ResponseWriter, r *http.Request) {
	a.edit(rw, r, nil, func(m *machine.Machine) error {
		if err := m.StartWiping(); err != nil {
			return fmt.Errorf("%w: %w", world.ErrInvalid, err)
		}
		return nil
	})
}

func (a *api) cable(rw http.ResponseWriter, r *http.Request) {
	var in to
	a.edit(rw, r, &in, func(m *machine.Machine) error {
		if in.To != "up" && in.To != "down" {
			return fmt.Errorf("%w: to: %q: must be up or down", world.ErrInvalid, in.To)
		}
		return m.Cable(in.To == "up")
	})
}

func (a *api) addFault(rw http.ResponseWriter, r *http.Request) {
	var f faults.Fault
	a.edit(rw, r, &f, func(m *machine.Machine) error {
		if err := f.Validate(); err != nil {
			return fmt.Errorf("%w: %w", world.ErrInvalid, err)
		}
		m.Faults().Add(f)
		return nil
	})
}

// clearFaults takes back those of ?method=, or all.
func (a *api) clearFaults(rw http.ResponseWriter, r *http.Request) {
	a.edit(rw, r, nil, func(m *machine.Machine) error {
		m.Faults().Clear(r.URL.Query().Get("method"))
		return nil
	})
}

// worldView is everything, for a comparison of before and after.
type worldView struct {
	Machines []machine.Info      `json:"machines"`
	VIPs     map[string]string   `json:"vips"`
	Clusters map[string][]string `json:"clusters"`
}

func (a *api) world(rw http.ResponseWriter, _ *http.Request) {
	out := worldView{Machines: []machine.Info{}, VIPs: a.w.VIPs(), Clusters: map[string][]string{}}
	for _, m := range a.w.Machines() {
		i := m.Info()
		out.Machines = append(out.Machines, i)
		if i.Cluster != "" {
			out.Clusters[i.Cluster] = append(out.Clusters[i.Cluster], i.ID)
		}
	}
	reply(rw, http.StatusOK, out)
}

func (a *api) events(rw http.ResponseWriter, _ *http.Request) {
	rw.Header().Set("Content-Type", "application/jsonl")
	_ = a.w.Timeline().Write(rw) // the client went away
}
