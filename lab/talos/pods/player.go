// Package pods has ordinary pods played by kwok: one per cluster, on a control plane that the world
// chooses. It owns no Node; a Node that has lost its machine loses its label, and kwok lets its pods be.
package pods

import (
	"bytes"
	"context"
	_ "embed" // the stages
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"hearth/lab/talos/persist"
	"hearth/lab/talos/process"
)

// Label marks Nodes whose machine has power and a cable: only their pods are played.
const Label = "talossim/powered"

//go:embed stages.yaml
var stages []byte

// Stages are kwok's, for all pods but those that have a container of these images. The choice is made by
// the image alone: a mark that a kubelet sets would come too late for a pod that was just bound.
func Stages(images []string) []byte {
	list, _ := json.Marshal(append([]string{}, images...)) // of texts: cannot fail
	return bytes.ReplaceAll(stages, []byte("IMAGES"), list)
}

// Player is one control plane's turn at playing pods.
type Player struct {
	Path       string // of kwok
	Dir        string // of the machine
	Kubeconfig func() ([]byte, error)
	Start      func(*exec.Cmd) error
	Chosen     func() bool
	// Real are the images (repositories) that a program stands for: a kubelet runs their pods.
	Real []string
	Log  func(format string, a ...any)
}

// Run plays while this machine is the chosen one, until the boot ends.
func (p *Player) Run(ctx context.Context) {
	for p.until(ctx, true) {
		if err := p.play(ctx); err != nil {
			p.Log("kwok: %v", err)
			if !pause(ctx, time.Second) {
				return
			}
		}
	}
}

// until waits for being chosen or not; false when the boot ended.
func (p *Player) until(ctx context.Context, chosen bool) bool {
	for p.Chosen() != chosen {
		if !pause(ctx, 200*time.Millisecond) {
			return false
		}
	}
	return ctx.Err() == nil
}

func (p *Player) play(ctx context.Context) error {
	kc, err := p.Kubeconfig()
	if err != nil {
		return err
	}
	dir := filepath.Join(p.Dir, "pods")
	files := map[string][]byte{"kubeconfig": kc, "stages.yaml": Stages(p.Real)}
	for name, b := range files {
		if err := persist.Write(filepath.Join(dir, name), b); err != nil {
			return err
		}
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	child := &process.Child{
		Name: "kwok", Path: p.Path, Log: filepath.Join(p.Dir, "log", "kwok.log"), Start: p.Start,
		Env: []string{"GOGC=50", "HOME=" + dir},
		Args: []string{
			"--kubeconfig", filepath.Join(dir, "kubeconfig"), "--config", filepath.Join(dir, "stages.yaml"),
			"--manage-nodes-with-label-selector", Label + "=yes", "--node-lease-duration-seconds", "0",
		},
		Ended: func(err error) { p.Log("kwok ended: %v", err) },
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		child.Run(ctx)
	}()
	p.until(ctx, false)
	stop()
	<-done
	return os.Remove(filepath.Join(dir, "kubeconfig"))
}

func pause(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}
