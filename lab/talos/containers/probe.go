package containers

import (
	"context"
	"crypto/tls"
	"net/http"
	"time"

	"hearth/lab/talos/kube"
)

// How often a program is asked, and how often in a row it may be silent before it counts as not ready. It gets
// longer to answer than a kubelet's usual second, because all machines share the processors of one.
const (
	answerWithin  = 3 * time.Second
	askUntilReady = 500 * time.Millisecond
	askWhileReady = 2 * time.Second
	mayFail       = 3
)

// probe is a container's readiness probe. Without a URL there is nothing to ask.
type probe struct {
	url   string
	next  time.Time
	ready bool
	fails int
}

// ask answers whether the program is ready, when it is time to know.
func (p *probe) ask(ctx context.Context, dial kube.Dial) (ready, known bool) {
	if p.url == "" || time.Now().Before(p.next) {
		return false, false
	}
	if answers(ctx, p.url, dial) {
		p.ready, p.fails = true, 0
	} else if p.fails++; p.fails >= mayFail {
		p.ready = false
	}
	p.next = time.Now().Add(askUntilReady)
	if p.ready && p.fails == 0 {
		p.next = time.Now().Add(askWhileReady)
	}
	return p.ready, true
}

// answers makes a GET as a kubelet does: any certificate is good enough, 200 to 399 is ready.
func answers(ctx context.Context, url string, dial kube.Dial) bool {
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return false
	}
	c := &http.Client{
		Transport: &http.Transport{
			DialContext: dial, DisableKeepAlives: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true},
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	resp, err := c.Do(req)
	if err != nil {
		return false
	}
	_ = resp.Body.Close()
	return resp.StatusCode >= 200 && resp.StatusCode < 400
}
