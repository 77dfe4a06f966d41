package plugin

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
)

// abandonedEdit makes a directory of a run with a number, with a text and a swap file.
func abandonedEdit(t *testing.T, place string, pid int) string {
	t.Helper()
	folder := filepath.Join(place, editPrefix+strconv.Itoa(pid)+"-1234")
	if err := os.MkdirAll(filepath.Join(folder, "backup"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"secret.yaml", ".secret.yaml.swp", "backup/secret.yaml~"} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte("KEY: hunter2\n"), 0o400); err != nil {
			t.Fatal(err)
		}
	}
	return folder
}

// endedProcess returns the number of a process that is gone.
func endedProcess(t *testing.T) int {
	t.Helper()
	cmd := exec.Command("true")
	if err := cmd.Run(); err != nil {
		t.Fatal(err)
	}
	return cmd.Process.Pid
}

func there(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

func TestAbandonedEditsAreRemoved(t *testing.T) {
	place, gone := t.TempDir(), endedProcess(t)
	folder := abandonedEdit(t, place, gone)
	ours := abandonedEdit(t, place, os.Getpid())
	running := abandonedEdit(t, place, os.Getppid())
	open := abandonedEdit(t, t.TempDir(), gone)
	if err := os.Chmod(open, 0o755); err != nil {
		t.Fatal(err)
	}
	outside := filepath.Join(t.TempDir(), "outside")
	if err := os.WriteFile(outside, []byte("kept"), 0o600); err != nil {
		t.Fatal(err)
	}
	linked := abandonedEdit(t, filepath.Join(place, "linked"), gone)
	for from, to := range map[string]string{
		filepath.Join(folder, "link"):                                    outside,
		filepath.Join(place, editPrefix+strconv.Itoa(gone)+"-5678"):      linked,
		filepath.Join(place, editPrefix+"x"+strconv.Itoa(gone)+"-90"):    linked,
		filepath.Join(filepath.Dir(open), editPrefix+strconv.Itoa(gone)): linked,
	} {
		if err := os.Symlink(to, from); err != nil {
			t.Fatal(err)
		}
	}
	// A place that is not there or not absolute is passed over.
	if failed := removeAbandonedEdits([]string{"", ".", filepath.Join(place, "none"), place, filepath.Dir(open)}); len(failed) > 0 {
		t.Fatal(failed)
	}
	if there(folder) || there(ours) {
		t.Error("what nobody uses is still there")
	}
	for _, path := range []string{running, open, linked} {
		if text, err := os.ReadFile(filepath.Join(path, "secret.yaml")); string(text) != "KEY: hunter2\n" {
			t.Errorf("%s: %q, %v", path, text, err)
		}
	}
	if text, _ := os.ReadFile(outside); string(text) != "kept" {
		t.Errorf("what a link led to is %q", text)
	}
}

func TestEditsOfOthersStay(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can give a directory to somebody else")
	}
	place := t.TempDir()
	folder := abandonedEdit(t, place, endedProcess(t))
	if err := os.Chown(folder, 12345, 12345); err != nil {
		t.Fatal(err)
	}
	if failed := removeAbandonedEdits([]string{place}); len(failed) > 0 || !there(filepath.Join(folder, "secret.yaml")) {
		t.Errorf("removed, or said %v", failed)
	}
	if err := wipe(folder); err == nil || !there(filepath.Join(folder, "secret.yaml")) {
		t.Error("wiped")
	}
}

// TestWipedIsOverwritten keeps a second name of the file, by which it is seen what was
// done to it before it was removed.
func TestWipedIsOverwritten(t *testing.T) {
	place := t.TempDir()
	folder := abandonedEdit(t, place, 1)
	kept := filepath.Join(place, "kept")
	if err := os.Link(filepath.Join(folder, "backup", "secret.yaml~"), kept); err != nil {
		t.Fatal(err)
	}
	if err := wipe(folder); err != nil || there(folder) {
		t.Fatalf("there: %v, %v", there(folder), err)
	}
	if text, err := os.ReadFile(kept); string(text) != string(make([]byte, len("KEY: hunter2\n"))) {
		t.Errorf("it is %q, %v", text, err)
	}
	if err := wipe(folder); err != nil {
		t.Errorf("wiped twice: %v", err)
	}
}

func TestEditFolderIsPrivate(t *testing.T) {
	place := t.TempDir()
	folder, err := newEditFolder([]string{"", "relative", filepath.Join(place, "none"), place, t.TempDir()})
	if err != nil || filepath.Dir(folder) != place {
		t.Fatalf("%s, %v", folder, err)
	}
	if info, err := os.Stat(folder); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	if folder, err := newEditFolder([]string{filepath.Join(place, "none")}); err == nil {
		t.Errorf("made %s", folder)
	}
}
