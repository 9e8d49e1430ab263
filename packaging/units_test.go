//go:build e2e

package packaging

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// unitsAside are copies of the units whose program is one that this machine has,
// as systemd-analyze looks whether it is there.
func unitsAside(t *testing.T) (names []string) {
	t.Helper()
	dir := t.TempDir()
	for _, pattern := range []string{"*.service", "*.socket"} {
		units, err := filepath.Glob(filepath.Join("systemd", pattern))
		require.NoError(t, err)
		for _, unit := range units {
			text, err := os.ReadFile(unit)
			require.NoError(t, err)
			name := filepath.Join(dir, filepath.Base(unit))
			text = []byte(strings.ReplaceAll(string(text), "/usr/sbin/sendwarden ", "/bin/true "))
			require.NoError(t, os.WriteFile(name, text, 0o644))
			names = append(names, name)
		}
	}
	require.Len(t, names, 4)
	return names
}

func analyze(args ...string) (string, error) {
	out, err := exec.Command("systemd-analyze", args...).CombinedOutput()
	return string(out), err
}

// A misspelt setting is passed over by systemd when it starts a unit, and with it
// the protection that it was to give.
func TestUnitsAreRight(t *testing.T) {
	names := unitsAside(t)
	out, err := analyze(append([]string{"verify", "--man=no", "--recursive-errors=no"}, names...)...)
	require.NoError(t, err, out)
	require.NotContains(t, out, "sendwarden", "nothing is to be said of our units")

	wrong := strings.Replace(names[0], "sendwarden", "misspelt", 1)
	require.NoError(t, os.WriteFile(wrong, []byte("[Service]\nExecStart=/bin/true\nProtectHoem=yes\n"), 0o644))
	out, err = analyze("verify", "--man=no", "--recursive-errors=no", wrong)
	require.Contains(t, out, "ProtectHoem", "so much for the test itself: %v", err)
}

// TestUnitsAreHardened: systemd's own measure goes from 10, nothing is kept away
// from the program, to 0.
func TestUnitsAreHardened(t *testing.T) {
	for _, name := range unitsAside(t) {
		if filepath.Ext(name) != ".service" {
			continue
		}
		out, err := analyze("security", "--offline=true", "--threshold=19", "--no-pager", name)
		require.NoError(t, err, out)
		lines := strings.Split(strings.TrimSpace(out), "\n")
		t.Log(lines[len(lines)-1])
	}
}

// TestUsersAndDirectories makes them in a root of its own.
func TestUsersAndDirectories(t *testing.T) {
	require.Zero(t, os.Getuid(), "files of several users are made as root only")
	root := t.TempDir()
	for name, text := range map[string]string{
		"etc/passwd": "root:x:0:0::/root:/bin/sh\npostfix:x:101:102::/var/spool/postfix:/usr/sbin/nologin\n",
		"etc/group":  "root:x:0:\npostfix:x:102:\n",
	} {
		require.NoError(t, os.MkdirAll(filepath.Join(root, filepath.Dir(name)), 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(root, name), []byte(text), 0o644))
	}
	require.NoError(t, os.MkdirAll(filepath.Join(root, "var/spool/postfix"), 0o755))
	for range 2 { // the second time they are there
		here, err := filepath.Abs("systemd")
		require.NoError(t, err)
		out, err := exec.Command("systemd-sysusers", "--root="+root, here+"/sysusers.conf").CombinedOutput()
		require.NoError(t, err, string(out))
		out, err = exec.Command("systemd-tmpfiles", "--root="+root, "--create", here+"/tmpfiles.conf").CombinedOutput()
		require.NoError(t, err, string(out))
	}
	passwd, err := os.ReadFile(filepath.Join(root, "etc/passwd"))
	require.NoError(t, err)
	require.Regexp(t, `(?m)^sendwarden:x:\d+:\d+:Sendwarden, beside Postfix:/var/lib/sendwarden:/usr/sbin/nologin$`, string(passwd))
	for dir, mode := range map[string]string{
		"etc/sendwarden": "-rwxr-xr-x", "etc/sendwarden/lists": "-rwxr-xr-x", "run/sendwarden": "-rwxr-xr-x", "var/lib/sendwarden": "-rwx------", "var/spool/postfix/sendwarden": "-rwxr-x---",
	} {
		info, err := os.Stat(filepath.Join(root, dir))
		require.NoError(t, err)
		require.Equal(t, mode, info.Mode().Perm().String(), dir)
	}
}
