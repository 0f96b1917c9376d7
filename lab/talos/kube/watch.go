package kube

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
)

// Watch hears the changes of a collection, one after the other, until the server ends the stream (which
// is no error), the context ends, or what was heard is an error, such as a version that is too old. The
// path says what to watch and from which version on.
func (c *Client) Watch(ctx context.Context, path string, hear func(kind string, o Object)) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.base+path, nil)
	if err != nil {
		return err
	}
	c.authorize(req)
	resp, err := c.stream.Do(req)
	if err != nil {
		c.Close() // the next try starts anew
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode >= 400 {
		b, _ := io.ReadAll(io.LimitReader(resp.Body, 1<<16))
		out := Object{}
		_ = json.Unmarshal(b, &out)
		return fmt.Errorf("watch %s: %w", path, statusError(resp.StatusCode, out, b))
	}
	for d := json.NewDecoder(resp.Body); ; {
		var e struct {
			Type   string `json:"type"`
			Object Object `json:"object"`
		}
		switch err := d.Decode(&e); {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		case e.Type == "ERROR":
			code, _ := e.Object["code"].(float64)
			return fmt.Errorf("watch %s: %w", path, statusError(int(code), e.Object, nil))
		}
		hear(e.Type, e.Object)
	}
}
