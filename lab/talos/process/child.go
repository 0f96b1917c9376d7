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
	Env   []string              // beside the simulator's own
	Alone bool                  // Env is all of it, and what it starts itself ends with it
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
	r, err := c.Launch()
	if err != nil {
		return err
	}
	c.setPID(r.PID())
	defer c.setPID(0)
	select {
	case err := <-r.Done:
		return err
	case <-ctx.Done():
		return r.Stop(stopWithin)
	}
}

// Running is a program between its start and its end.
type Running struct {
	// Done gets why it ended, once.
	Done <-chan error
	cmd  *exec.Cmd
}

// Launch starts the program once; whoever calls it sees to its end.
func (c *Child) Launch() (*Running, error) {
	out, err := c.openLog()
	if err != nil {
		return nil, err
	}
	defer out.Close() // the program has its own handle
	cmd := exec.Command(c.Path, c.Args...)
	cmd.Stdout, cmd.Stderr = out, out
	if cmd.Env = c.Env; !c.Alone {
		cmd.Env = append(os.Environ(), c.Env...)
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: c.Alone}
	if err := c.Start(cmd); err != nil {
		return nil, fmt.Errorf("start %s: %w", c.Path, err)
	}
	done := make(chan error, 1)
	go func() {
		err := cmd.Wait()
		if c.Alone {
			_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // what it left behind, if anything
		}
		done <- err
	}()
	return &Running{Done: done, cmd: cmd}, nil
}

// PID is the process's number.
func (r *Running) PID() int { return r.cmd.Process.Pid }

// Signal asks the program itself; one that has ended hears nothing.
func (r *Running) Signal(s syscall.Signal) { _ = r.cmd.Process.Signal(s) }

// Stop asks the program to end, and ends it when it takes too long.
func (r *Running) Stop(grace time.Duration) error {
	r.Signal(syscall.SIGTERM)
	select {
	case err := <-r.Done:
		return err
	case <-time.After(grace):
		return r.Kill()
	}
}

// Kill ends the program at once.
func (r *Running) Kill() error {
	r.Signal(syscall.SIGKILL)
	return <-r.Done
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
