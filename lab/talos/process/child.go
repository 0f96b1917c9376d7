// Package process runs a machine's real programs: started inside its namespace, restarted when they
// end, stopped with the boot that they belong to, and killed by the kernel if the simulator dies.
package process

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"time"
)

// Child is one supervised program.
type Child struct {
	Name  string
	Path  string
	Args  []string
	Env   []string
	Log   string                // file that gets both outputs
	Start func(*exec.Cmd) error // starts it on the namespace's own thread
	// Ended hears why a program stopped that should not have.
	Ended func(error)

	mu  sync.Mutex
	pid int
}

const (
	restartAfter  = time.Second
	restartAtMost = 8 * time.Second
	steady        = 30 * time.Second // a program that ran this long was no crash loop
	stopWithin    = 3 * time.Second
	logLimit      = 16 << 20 // a crash loop must not fill the disk
)

// PID is that of the running process, or 0.
func (c *Child) PID() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.pid
}

func (c *Child) setPID(pid int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.pid = pid
}

// Run keeps the program running until the context ends, then stops it.
func (c *Child) Run(ctx context.Context) {
	pause := restartAfter
	for ctx.Err() == nil {
		begin := time.Now()
		err := c.once(ctx)
		if ctx.Err() != nil {
			return
		}
		if c.Ended != nil {
			c.Ended(err)
		}
		if time.Since(begin) > steady {
			pause = restartAfter
		}
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
		pause = min(2*pause, restartAtMost)
	}
}

func (c *Child) once(ctx context.Context) error {
	out, err := c.openLog()
	if err != nil {
		return err
	}
	defer out.Close()
	cmd := exec.Command(c.Path, c.Args...)
	cmd.Stdout, cmd.Stderr = out, out
	cmd.Env = append(os.Environ(), c.Env...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := c.Start(cmd); err != nil {
		return fmt.Errorf("start %s: %w", c.Path, err)
	}
	c.setPID(cmd.Process.Pid)
	defer c.setPID(0)
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
	}
	_ = cmd.Process.Signal(syscall.SIGTERM) // it may have ended in between
	select {
	case err := <-done:
		return err
	case <-time.After(stopWithin):
		_ = cmd.Process.Kill()
		return <-done
	}
}

func (c *Child) openLog() (*os.File, error) {
	if err := os.MkdirAll(filepath.Dir(c.Log), 0o700); err != nil {
		return nil, err
	}
	flags := os.O_CREATE | os.O_APPEND | os.O_WRONLY
	if st, err := os.Stat(c.Log); err == nil && st.Size() > logLimit {
		flags |= os.O_TRUNC
	}
	return os.OpenFile(c.Log, flags, 0o600)
}
