// Package containers is the kubelet's part that runs something: for a pod whose image is in a table it
// starts a real program in the machine's network namespace, with the pod's own service account, and
// reports what becomes of it. It pulls no image, mounts no volume and isolates nothing but the network;
// pods whose image is not in the table are played by kwok.
package containers

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"hearth/lab/talos/kube"
)

// Program is what runs for a container of an image.
type Program struct {
	Image string   `json:"image"` // its repository, without a tag
	Path  string   `json:"path"`
	Args  []string `json:"args"`
	// Flags are taken over from the container's own arguments, where it has them as --flag=value.
	Flags       []string          `json:"flags"`
	Environment map[string]string `json:"environment"`
	// Ready is asked with GET; without it the pod is ready while the program runs.
	Ready string `json:"ready"`
}

// Table is every program there is.
type Table []Program

// Load reads a table; no path is an empty one.
func Load(path string) (Table, error) {
	if path == "" {
		return nil, nil
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	var t Table
	if err := d.Decode(&t); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if err := t.validate(); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return t, nil
}

func (t Table) validate() error {
	var errs []error
	seen := map[string]bool{}
	for _, p := range t {
		if p.Image == "" || Repository(p.Image) != p.Image {
			errs = append(errs, fmt.Errorf("image %q: must be a repository without tag or digest", p.Image))
		}
		if seen[p.Image] {
			errs = append(errs, fmt.Errorf("image %q: is there twice", p.Image))
		}
		seen[p.Image] = true
		if st, err := os.Stat(p.Path); !filepath.IsAbs(p.Path) || err != nil || st.IsDir() || st.Mode()&0o111 == 0 {
			errs = append(errs, fmt.Errorf("image %q: path %q: must be absolute and lead to a program", p.Image, p.Path))
		}
		for _, text := range p.texts() {
			for _, m := range placeholder.FindAllString(text, -1) {
				if !slices.Contains(placeholders, m) && !strings.HasPrefix(m, "{port:") {
					errs = append(errs, fmt.Errorf("image %q: %s in %q: there are %s and {port:NAME}", p.Image, m, text, strings.Join(placeholders, ", ")))
				}
			}
		}
	}
	return errors.Join(errs...)
}

func (p Program) texts() []string {
	out := append(slices.Clone(p.Args), p.Ready)
	for _, v := range p.Environment {
		out = append(out, v)
	}
	return out
}

// Repositories are the images that a program stands for.
func (t Table) Repositories() []string {
	out := []string{}
	for _, p := range t {
		out = append(out, p.Image)
	}
	return out
}

// Find is the first container of a pod that has a program, and the program.
func (t Table) Find(pod kube.Object) (container string, program Program, ok bool) {
	for _, c := range kube.List(kube.Dig(pod, "spec"), "containers") {
		image, _ := c["image"].(string)
		i := slices.IndexFunc(t, func(p Program) bool { return p.Image == Repository(image) })
		if i >= 0 {
			name, _ := c["name"].(string)
			return name, t[i], true
		}
	}
	return "", Program{}, false
}

// own are the arguments of a pod's container that the program takes over.
func (p Program) own(pod kube.Object, container string) []string {
	var out []string
	for _, c := range kube.List(kube.Dig(pod, "spec"), "containers") {
		if c["name"] != container {
			continue
		}
		args, _ := c["args"].([]any)
		for _, a := range args {
			text, _ := a.(string)
			if flag, _, ok := strings.Cut(text, "="); ok && slices.Contains(p.Flags, flag) {
				out = append(out, text)
			}
		}
	}
	return out
}

// Repository is an image without its tag and digest.
func Repository(image string) string {
	image, _, _ = strings.Cut(image, "@")
	if i := strings.LastIndexByte(image, ':'); i > strings.LastIndexByte(image, '/') {
		return image[:i]
	}
	return image
}

var (
	placeholder  = regexp.MustCompile(`\{[a-z]+(:[a-z0-9-]+)?\}`)
	placeholders = []string{"{address}", "{directory}", "{kubeconfig}", "{namespace}", "{pod}", "{node}"}
)

// fill puts values in the place of words in braces.
func fill(text string, values func(word string) (string, error)) (string, error) {
	var errs []error
	out := placeholder.ReplaceAllStringFunc(text, func(m string) string {
		v, err := values(m[1 : len(m)-1])
		errs = append(errs, err)
		return v
	})
	return out, errors.Join(errs...)
}
