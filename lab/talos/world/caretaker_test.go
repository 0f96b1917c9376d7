package world

import (
	"testing"
	"time"
)

func TestAControlPlaneThatIsSlowOnceKeepsItsSharedAddresses(t *testing.T) {
	start, seen := time.Now(), map[string]time.Time{}
	lenient(map[string]bool{"cp1": true}, seen, start)
	if !lenient(map[string]bool{"cp1": false}, seen, start.Add(patience-time.Second))["cp1"] {
		t.Error("one unanswered look took the VIP away")
	}
	if lenient(map[string]bool{"cp1": false}, seen, start.Add(patience+time.Second))["cp1"] {
		t.Error("a control plane that stays silent keeps the VIP")
	}
}

func TestAMachineWithoutPowerOrCableLosesItsSharedAddressesAtOnce(t *testing.T) {
	start, seen := time.Now(), map[string]time.Time{}
	lenient(map[string]bool{"cp1": true}, seen, start)
	if lenient(map[string]bool{}, seen, start.Add(time.Second))["cp1"] {
		t.Error("a machine that was not asked counts as healthy")
	}
	if lenient(map[string]bool{"cp1": false}, seen, start.Add(2*time.Second))["cp1"] {
		t.Error("a machine that came back is trusted because of what it was before")
	}
}
