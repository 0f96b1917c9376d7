package kube

import (
	"context"
	"fmt"
	"net/http"
	"strings"
)

// Mapper finds the URL of any object through the API's own discovery.
type Mapper struct {
	c     *Client
	known map[string]kind // by apiVersion + kind
}

type kind struct {
	plural     string
	namespaced bool
}

// NewMapper asks lazily and remembers.
func NewMapper(c *Client) *Mapper { return &Mapper{c: c, known: map[string]kind{}} }

func root(apiVersion string) string {
	if strings.Contains(apiVersion, "/") {
		return "/apis/" + apiVersion
	}
	return "/api/" + apiVersion
}

func (m *Mapper) find(ctx context.Context, apiVersion, name string) (kind, error) {
	key := apiVersion + " " + name
	if k, ok := m.known[key]; ok {
		return k, nil
	}
	list, err := m.c.Get(ctx, root(apiVersion))
	if err != nil {
		return kind{}, err
	}
	res, _ := list["resources"].([]any)
	for _, r := range res {
		o, _ := r.(Object)
		plural, _ := o["name"].(string)
		of, _ := o["kind"].(string)
		if strings.Contains(plural, "/") || of == "" {
			continue
		}
		namespaced, _ := o["namespaced"].(bool)
		m.known[apiVersion+" "+of] = kind{plural, namespaced}
	}
	k, ok := m.known[key]
	if !ok {
		return kind{}, fmt.Errorf("the API knows no %s in %s", name, apiVersion)
	}
	return k, nil
}

// Collection is the URL path under which objects like o are made.
func (m *Mapper) Collection(ctx context.Context, o Object) (string, error) {
	apiVersion, _ := o["apiVersion"].(string)
	name, _ := o["kind"].(string)
	k, err := m.find(ctx, apiVersion, name)
	if err != nil {
		return "", err
	}
	path := root(apiVersion)
	if k.namespaced {
		ns, _ := Dig(o, "metadata")["namespace"].(string)
		if ns == "" {
			ns = "default"
		}
		path += "/namespaces/" + ns
	}
	return path + "/" + k.plural, nil
}

// CreateIfMissing leaves an object that exists as it is.
func (m *Mapper) CreateIfMissing(ctx context.Context, o Object) error {
	path, err := m.Collection(ctx, o)
	if err != nil {
		return err
	}
	name, _ := Dig(o, "metadata")["name"].(string)
	if _, err := m.c.Get(ctx, path+"/"+name); err == nil {
		return nil
	} else if !IsNotFound(err) {
		return err
	}
	_, err = m.c.Do(ctx, http.MethodPost, path, "", o)
	if IsConflict(err) {
		return nil
	}
	return err
}
