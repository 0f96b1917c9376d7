package machine

import (
	"github.com/siderolabs/talos/pkg/machinery/resources/block"
	"github.com/siderolabs/talos/pkg/machinery/resources/hardware"
	"github.com/siderolabs/talos/pkg/machinery/resources/runtime"
)

// describeHardware shows what a machine knows before anybody configures it.
func (b *boot) describeHardware() {
	for _, d := range b.spec.Disks {
		r := block.NewDisk(block.NamespaceName, d.Name)
		s := r.TypedSpec()
		s.DevPath, s.IOSize, s.SectorSize, s.SubSystem = d.DevPath(), 512, 512, "/sys/class/block"
		s.SetSize(d.SizeBytes)
		s.Model, s.Serial, s.Transport, s.WWID, s.Rotational, s.Readonly = d.Model, d.Serial, d.Transport, d.WWID, d.Rotational, d.Readonly
		b.put(r)
	}
	si := hardware.NewSystemInformation(hardware.SystemInformationID)
	si.TypedSpec().UUID, si.TypedSpec().Manufacturer, si.TypedSpec().ProductName = b.spec.UUID, b.spec.Manufacturer, b.spec.Product
	cpu := hardware.NewProcessorInfo("CPU-0")
	cpu.TypedSpec().Socket, cpu.TypedSpec().CoreCount = "CPU 0", uint32(b.spec.CPUs)
	cpu.TypedSpec().CoreEnabled, cpu.TypedSpec().ThreadCount = uint32(b.spec.CPUs), uint32(b.spec.CPUs)
	ram := hardware.NewMemoryModuleInfo("DIMM-0")
	ram.TypedSpec().DeviceLocator, ram.TypedSpec().Size = "DIMM 0", uint32(b.spec.MemoryMiB)
	pm := runtime.NewPlatformMetadataSpec(runtime.NamespaceName, runtime.PlatformMetadataID)
	pm.TypedSpec().Platform, pm.TypedSpec().Hostname, pm.TypedSpec().InstanceID = b.spec.Platform, b.spec.Hostname, b.spec.UUID
	line := runtime.NewKernelCmdline()
	line.TypedSpec().Cmdline = b.cmdline()
	v := runtime.NewVersion()
	v.TypedSpec().Name, v.TypedSpec().Version = "Talos", b.image.Version
	b.put(si, cpu, ram, pm, line, v, runtime.NewSecurityStateSpec(runtime.NamespaceName))
}
