package machine

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"

	"hearth/lab/talos/hardware"
)

// Images answers what an installer image would put on a disk. Images of the factory are asked for
// there, when there is one; any other is taken at its word.
type Images struct {
	factory *url.URL // nil: nobody is asked
	http    *http.Client
}

// NewImages takes the factory's address, "" to ask nobody.
func NewImages(factory string) (*Images, error) {
	i := &Images{http: &http.Client{Timeout: 10 * time.Second}}
	if factory == "" {
		return i, nil
	}
	u, err := url.Parse(factory)
	if err != nil || u.Host == "" {
		return nil, fmt.Errorf("--factory %q: must be a URL such as https://factory.talos.dev", factory)
	}
	i.factory = u
	return i, nil
}

// Parse reads version and schematic out of an installer's reference:
// REGISTRY/[PLATFORM-]installer[-secureboot]/SCHEMATIC:VERSION or REGISTRY/siderolabs/installer:VERSION,
// which has no schematic.
func Parse(image string) (hardware.Image, error) {
	name, _, _ := strings.Cut(image, "@")
	i := strings.LastIndexByte(name, ':')
	if i < strings.LastIndexByte(name, '/') || !strings.HasPrefix(name[i+1:], "v") {
		return hardware.Image{}, fmt.Errorf("image %q: no Talos version in the tag", image)
	}
	out := hardware.Image{Version: name[i+1:]}
	parts := strings.Split(name[:i], "/")
	if n := len(parts); n >= 2 && strings.Contains(parts[n-2], "installer") && len(parts[n-1]) == 64 {
		out.Schematic = parts[n-1]
	}
	return out, nil
}

// Pull is what a machine does before it installs or upgrades.
func (i *Images) Pull(ctx context.Context, image string) (hardware.Image, error) {
	out, err := Parse(image)
	if err != nil || i.factory == nil {
		return out, err
	}
	host, _, _ := strings.Cut(image, "/")
	if host != i.factory.Host {
		return out, nil
	}
	if err := i.ask(ctx, "schematics", out.Schematic); err != nil {
		return out, fmt.Errorf("failed to pull image %q: schematic: %w", image, err)
	}
	if err := i.ask(ctx, "version", out.Version, "extensions", "official"); err != nil {
		return out, fmt.Errorf("failed to pull image %q: version: %w", image, err)
	}
	return out, nil
}

// ask answers nil when the factory knows the thing.
func (i *Images) ask(ctx context.Context, path ...string) error {
	_, err := i.read(ctx, path...)
	return err
}

func (i *Images) read(ctx context.Context, path ...string) ([]byte, error) {
	u := i.factory.JoinPath(path...)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, err
	}
	resp, err := i.http.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode >= 400 {
		return nil, fmt.Errorf("%s answered %s", u, resp.Status)
	}
	return io.ReadAll(io.LimitReader(resp.Body, 1<<20))
}

// schematicFile is the part of a schematic that a running machine shows.
type schematicFile struct {
	Customization struct {
		SystemExtensions struct {
			OfficialExtensions []string `yaml:"officialExtensions"`
		} `yaml:"systemExtensions"`
	} `yaml:"customization"`
}

// Extensions are those of a schematic, by their short names; none when there is nobody to ask.
func (i *Images) Extensions(ctx context.Context, schematic string) ([]string, error) {
	if i.factory == nil || schematic == "" {
		return nil, nil
	}
	raw, err := i.read(ctx, "schematics", schematic)
	if err != nil {
		return nil, err
	}
	var f schematicFile
	if err := yaml.Unmarshal(raw, &f); err != nil {
		return nil, fmt.Errorf("schematic %s: %w", schematic, err)
	}
	var out []string
	for _, name := range f.Customization.SystemExtensions.OfficialExtensions {
		out = append(out, name[strings.LastIndexByte(name, '/')+1:])
	}
	return out, nil
}
