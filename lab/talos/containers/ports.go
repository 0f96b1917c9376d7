package containers

import (
	"fmt"
	"net"
	"strconv"
	"sync"
)

// Ports that programs get lie below those that the kernel gives to connections, and below NodePorts.
const firstPort, lastPort = 20000, 29999

// ports are those of one machine that its pods hold.
type ports struct {
	listen func(address string) (net.Listener, error)

	mu    sync.Mutex
	taken map[int]bool
	next  int
}

// take finds a port that nobody listens on. It is the pod's until it is given back.
func (p *ports) take() (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for range lastPort - firstPort + 1 {
		port := firstPort + p.next
		p.next = (p.next + 1) % (lastPort - firstPort + 1)
		if p.taken[port] {
			continue
		}
		l, err := p.listen(":" + strconv.Itoa(port))
		if err != nil {
			continue
		}
		_ = l.Close()
		p.taken[port] = true
		return port, nil
	}
	return 0, fmt.Errorf("no free port from %d to %d", firstPort, lastPort)
}

func (p *ports) give(port int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.taken, port)
}
