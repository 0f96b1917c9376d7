package controlplane

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"time"
)

// Programs are the real binaries in one folder, and the versions they report.
type Programs struct {
	dir string

	mu       sync.Mutex
	versions map[string]string
}

// NewPrograms looks into a folder; each binary is asked for its version once, when first needed.
func NewPrograms(dir string) *Programs { return &Programs{dir: dir, versions: map[string]string{}} }

// Path is where a program is.
func (p *Programs) Path(name string) string { return filepath.Join(p.dir, name) }

var (
	kubeVersion = regexp.MustCompile(`Kubernetes (v\d+\.\d+\.\d+\S*)`)
	etcdVersion = regexp.MustCompile(`etcd Version: (\d+\.\d+\.\d+\S*)`)
)

// Version asks a program which version it is.
func (p *Programs) Version(name string) (string, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if v := p.versions[name]; v != "" {
		return v, nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, p.Path(name), "--version").Output()
	if err != nil {
		return "", fmt.Errorf("%s --version: %w", p.Path(name), err)
	}
	re := kubeVersion
	if name == "etcd" {
		re = etcdVersion
	}
	m := re.FindStringSubmatch(string(out))
	if m == nil {
		return "", fmt.Errorf("%s --version: no version in %q", p.Path(name), strings.TrimSpace(string(out)))
	}
	p.versions[name] = "v" + strings.TrimPrefix(m[1], "v")
	return p.versions[name], nil
}

// Split takes an image reference apart: the last word of its repository, and its tag.
func Split(image string) (name, tag string) {
	image, _, _ = strings.Cut(image, "@")
	if i := strings.LastIndexByte(image, ':'); i > strings.LastIndexByte(image, '/') {
		image, tag = image[:i], image[i+1:]
	}
	return image[strings.LastIndexByte(image, '/')+1:], tag
}

// Check answers nil when the binary at hand is what the image would hold: the same version for
// Kubernetes, the same minor for etcd.
func (p *Programs) Check(image string) error {
	name, tag := Split(image)
	have, err := p.Version(name)
	if err != nil {
		return err
	}
	return matches(name, tag, have, image)
}

func matches(name, tag, have, image string) error {
	want := "v" + strings.TrimPrefix(tag, "v")
	if name == "etcd" {
		if minor(want) == minor(have) {
			return nil
		}
		return fmt.Errorf("image %q cannot be simulated: the etcd at hand is %s, use a %s tag", image, have, minor(have))
	}
	if want == have {
		return nil
	}
	return fmt.Errorf("image %q cannot be simulated: the %s at hand is %s, use that tag", image, name, have)
}

func minor(v string) string {
	parts := strings.SplitN(v, ".", 3)
	if len(parts) < 2 {
		return v
	}
	return parts[0] + "." + parts[1]
}
