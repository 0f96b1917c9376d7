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
}

func (b *boot) describeExtension(i int, meta extensions.Metadata) {
	r := runtime.NewExtensionStatus(runtime.NamespaceName, fmt.Sprint(i))
	r.TypedSpec().Image, r.TypedSpec().Metadata = fmt.Sprintf("%d.sqsh", i), meta
	b.put(r)
}
