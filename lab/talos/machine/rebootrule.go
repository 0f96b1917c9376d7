package machine

import (
	"errors"
	"fmt"
	"reflect"

	"github.com/siderolabs/talos/pkg/machinery/config"
	"github.com/siderolabs/talos/pkg/machinery/config/configdiff"
	"github.com/siderolabs/talos/pkg/machinery/config/container"
	"github.com/siderolabs/talos/pkg/machinery/config/types/v1alpha1"
)

// NeedsReboot is CanApplyImmediate of Talos v1.13.0: nil when every difference lies in parts that are
// applied at once. Documents other than v1alpha1 never need a reboot.
func NeedsReboot(current, wanted config.Provider) error {
	if current == nil {
		return errors.New("no current config")
	}
	was, will := current.RawV1Alpha1(), wanted.RawV1Alpha1()
	if was == nil {
		return errors.New("current config is not v1alpha1")
	}
	if will == nil {
		return errors.New("new config is not v1alpha1")
	}
	will = will.DeepCopy()
	will.ConfigDebug, will.ClusterConfig = was.ConfigDebug, was.ClusterConfig
	if will.MachineConfig != nil && was.MachineConfig != nil {
		copyImmediate(will.MachineConfig, was.MachineConfig)
	}
	if reflect.DeepEqual(was, will) {
		return nil
	}
	diff, err := configdiff.DiffConfigs(container.NewV1Alpha1(was), container.NewV1Alpha1(will))
	if err != nil {
		return fmt.Errorf("error calculating diff: %w", err)
	}
	return fmt.Errorf("this config change can't be applied in immediate mode\ndiff:\n%s", diff)
}

// immediate are the fields of .machine that are applied without a reboot.
var immediate = []string{
	"MachineCA", "MachineAcceptedCAs", "MachineTime", "MachineCertSANs", "MachineInstall", "MachineNetwork", "MachineSysfs",
	"MachineSysctls", "MachineLogging", "MachineControlPlane", "MachineKubelet", "MachineKernel", "MachineRegistries",
	"MachinePods", "MachineSeccompProfiles", "MachineNodeAnnotations", "MachineNodeLabels", "MachineNodeTaints",
}

// immediateFeatures are those of .machine.features.
var immediateFeatures = []string{
	"KubernetesTalosAPIAccessConfig", "KubePrismSupport", "HostDNSSupport", "ImageCacheSupport", "FeatureNodeAddressSortAlgorithm",
}

func copyImmediate(to, from *v1alpha1.MachineConfig) {
	copyFields(to, from, immediate)
	if to.MachineFeatures != nil && from.MachineFeatures != nil {
		copyFields(to.MachineFeatures, from.MachineFeatures, immediateFeatures)
	}
}

// copyFields panics on a name that does not exist; a test walks all of them.
func copyFields(to, from any, names []string) {
	t, f := reflect.ValueOf(to).Elem(), reflect.ValueOf(from).Elem()
	for _, n := range names {
		t.FieldByName(n).Set(f.FieldByName(n))
	}
}
