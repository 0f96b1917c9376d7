package controlplane

import (
	"bytes"
	"context"
	"embed"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/template"
	"time"

	"github.com/siderolabs/talos/pkg/machinery/config/config"
	"github.com/siderolabs/talos/pkg/machinery/constants"
	"go.yaml.in/yaml/v4"

	"hearth/lab/talos/kube"
)

//go:embed manifests/*.yaml
var templates embed.FS

// values are what Talos' bootstrap manifests take from a configuration.
type values struct {
	TokenID, TokenSecret, Server, Domain              string
	CoreDNSImage, ProxyImage, ProxyMode, FlannelImage string
	DNSIPs, DNSFamilies                               []string
}

func manifestValues(cfg config.Config) (values, error) {
	cl := cfg.Cluster()
	v := values{
		TokenID: cl.Token().ID(), TokenSecret: cl.Token().Secret(), Server: cl.Endpoint().String(), Domain: cl.Network().DNSDomain(),
		CoreDNSImage: cl.CoreDNS().Image(), ProxyImage: cl.Proxy().Image(), ProxyMode: cl.Proxy().Mode(),
		FlannelImage: "ghcr.io/siderolabs/flannel:" + constants.FlannelVersion,
	}
	if prism := cfg.Machine().Features().KubePrism(); prism.Enabled() {
		v.Server = "https://127.0.0.1:" + portText(prism.Port())
	}
	ips, err := cl.Network().DNSServiceIPs()
	for _, ip := range ips {
		family := "IPv4"
		if ip.Is6() {
			family = "IPv6"
		}
		v.DNSIPs, v.DNSFamilies = append(v.DNSIPs, ip.String()), append(v.DNSFamilies, family)
	}
	return v, err
}

// Manifests renders everything that a control plane applies, in order: Talos' own, then the inline
// ones. Manifests by URL are not fetched.
func Manifests(cfg config.Config) ([]kube.Object, error) {
	v, err := manifestValues(cfg)
	if err != nil {
		return nil, err
	}
	cl := cfg.Cluster()
	files := []string{"00-join"}
	for file, on := range map[string]bool{
		"05-flannel": cl.Network().CNI().Name() == constants.FlannelCNI, "10-kube-proxy": cl.Proxy().Enabled(),
		"11-core-dns": cl.CoreDNS().Enabled(), "13-talos-service-account": cfg.Machine().Features().KubernetesTalosAPIAccess().Enabled(),
	} {
		if on {
			files = append(files, file)
		}
	}
	slices.Sort(files)
	var out []kube.Object
	for _, f := range files {
		objs, err := render("manifests/"+f+".yaml", v)
		if err != nil {
			return nil, err
		}
		out = append(out, objs...)
	}
	for _, m := range cl.InlineManifests() {
		objs, err := decode([]byte(m.Contents()))
		if err != nil {
			return nil, fmt.Errorf("inline manifest %q: %w", m.Name(), err)
		}
		out = append(out, objs...)
	}
	return out, nil
}

func render(path string, v values) ([]kube.Object, error) {
	text, err := templates.ReadFile(path)
	if err != nil {
		return nil, err
	}
	t, err := template.New(path).Funcs(template.FuncMap{
		"quote": func(s string) string { return fmt.Sprintf("%q", s) },
		"join":  func(l []string) string { return `"` + strings.Join(l, `", "`) + `"` },
	}).Parse(string(text))
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	if err := t.Execute(&b, v); err != nil {
		return nil, err
	}
	return decode(b.Bytes())
}

// decode splits a file into objects; lists are taken apart.
func decode(b []byte) ([]kube.Object, error) {
	var out []kube.Object
	d := yaml.NewDecoder(bytes.NewReader(b))
	for {
		var o kube.Object
		err := d.Decode(&o)
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return nil, err
		}
		if kind, _ := o["kind"].(string); strings.HasSuffix(kind, "List") && o["items"] != nil {
			out = append(out, kube.Items(o)...)
		} else if len(o) > 0 {
			out = append(out, o)
		}
	}
}

// applyManifests creates what is missing, never changing what exists, until nothing is missing.
func (p *Plane) applyManifests(ctx context.Context) {
	todo, err := Manifests(p.Config())
	if err != nil {
		p.Log.Printf("bootstrap manifests: %v", err)
		return
	}
	k, err := p.Local()
	if err != nil {
		p.Log.Printf("bootstrap manifests: %v", err)
		return
	}
	defer k.Close()
	mapper := kube.NewMapper(k)
	said := ""
	for {
		var left []kube.Object
		var first error
		for _, o := range todo {
			if err := mapper.CreateIfMissing(ctx, o); err != nil {
				left = append(left, o)
				first = errors.Join(first, err)
			}
		}
		if len(left) == 0 {
			p.Event("bootstrap manifests applied")
			return
		}
		if first.Error() != said {
			said = first.Error()
			p.Log.Printf("bootstrap manifests, will be tried again: %v", first)
		}
		todo = left
		if !wait(ctx, time.Second) {
			return
		}
	}
}
