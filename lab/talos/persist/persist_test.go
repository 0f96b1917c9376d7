package persist

import (
	"os"
	"path/filepath"
	"testing"
)

func TestAFileAppearsWholeAndForItsOwnerAlone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a", "b.json")
	for _, want := range []string{"first", "second"} {
		if err := WriteJSON(path, want); err != nil {
			t.Fatal(err)
		}
		var got string
		if err := ReadJSON(path, &got); err != nil || got != want {
			t.Fatalf("got %q, %v", got, err)
		}
	}
	st, err := os.Stat(path)
	if err != nil || st.Mode().Perm() != 0o600 {
		t.Fatalf("%v, %v", st.Mode(), err)
	}
	left, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(left) != 1 {
		t.Fatalf("left over: %v, %v", left, err)
	}
}

func TestWhatIsNotThereLeavesTheValue(t *testing.T) {
	got := "kept"
	if err := ReadJSON(filepath.Join(t.TempDir(), "none"), &got); err != nil || got != "kept" {
		t.Fatalf("got %q, %v", got, err)
	}
}
