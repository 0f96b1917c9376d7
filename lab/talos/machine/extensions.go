package machine

import (
	"context"
	"fmt"

	"github.com/siderolabs/talos/pkg/machinery/extensions"
	"github.com/siderolabs/talos/pkg/machinery/resources/runtime"
)

// describeExtensions shows what the running image was made of. The schematic itself appears as an
// extension, which is how clients read it.
func (b *boot) describeExtensions(ctx context.Context) {
	if b.image.Schematic == "" {
		return
	}
	b.describeExtension(0, extensions.Metadata{
		Name: "schematic", Version: b.image.Schematic, Author: "Image Factory",
		Description: "Virtual extension which specifies the schematic of the image built with Image Factory.",
	})
	names, err := b.m.env.Images.Extensions(ctx, b.image.Schematic)
	if err != nil && ctx.Err() == nil {
		b.m.log.Printf("extensions of schematic %s are not known: %v", b.image.Schematic, err)
	}
	for i, n := range names {
		b.describeExtension(i+1, extensions.Metadata{Name: n, Version: b.image.Version, Author: "Sidero Labs"})
	}
	b.mu.Lock()
	b.ext = names
	b.mu.Unlock()
	b.describeExtensionServices()
}

// extensionService is a service that an extension brings; a configured one waits for its
// ExtensionServiceConfig.
type extensionService struct {
	name       string
	configured bool
}

// extensionServices are those of github.com/siderolabs/extensions by the extension's name. An extension
// that is not here brings no service.
var extensionServices = map[string][]extensionService{
	"cloudflared":      {{"cloudflared", true}},
	"iscsi-tools":      {{"iscsid", false}},
	"lldpd":            {{"lldpd", true}},
	"nfs-utils":        {{"rpcbind", false}, {"rpc-statd", false}},
	"nut-client":       {{"nut-client", true}},
	"qemu-guest-agent": {{"qemu-guest-agent", false}},
	"tailscale":        {{"tailscale", true}},
	"zfs":              {{"zfs-service", false}},
}

// describeExtensionServices starts the extensions' services once a configuration is complete; what needs
// a configuration of its own waits for it, and stops without it.
func (b *boot) describeExtensionServices() {
	cfg := b.complete()
	if cfg == nil {
		return
	}
	given, wanted := map[string]bool{}, map[string]bool{}
	for _, c := range cfg.ExtensionServiceConfigs() {
		given[c.Name()] = true
		r := runtime.NewExtensionServiceConfigSpec(runtime.NamespaceName, c.Name())
		r.TypedSpec().Environment = c.Environment()
		for _, f := range c.ConfigFiles() {
			r.TypedSpec().Files = append(r.TypedSpec().Files, runtime.ExtensionServiceConfigFile{Content: f.Content(), MountPath: f.MountPath()})
		}
		b.put(r)
		wanted[c.Name()] = true
	}
	only[*runtime.ExtensionServiceConfig](b, wanted)
	b.mu.Lock()
	names := b.ext
	b.mu.Unlock()
	for _, n := range names {
		for _, s := range extensionServices[n] {
			if s.configured && !given[s.name] {
				b.services.Set("ext-"+s.name, "Waiting", false, "Waiting for extension service config")
			} else {
				b.services.Running("ext-" + s.name)
			}
		}
	}
}

func (b *boot) describeExtension(i int, meta extensions.Metadata) {
	r := runtime.NewExtensionStatus(runtime.NamespaceName, fmt.Sprint(i))
	r.TypedSpec().Image, r.TypedSpec().Metadata = fmt.Sprintf("%d.sqsh", i), meta
	b.put(r)
}
