package doctor

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// What modes let an account do that is neither root nor the owner.
func TestMayOpen(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "mail.log")
	require.NoError(t, os.WriteFile(name, nil, 0o600))
	info, err := os.Stat(name)
	require.NoError(t, err)
	group := info.Sys().(*syscall.Stat_t).Gid
	other, member := account{name: "eva", uid: 12345}, account{name: "gus", uid: 12345, gids: []uint32{group}}
	for dirOf := dir; dirOf != "/tmp" && dirOf != "/"; dirOf = filepath.Dir(dirOf) {
		require.NoError(t, os.Chmod(dirOf, 0o755))
	}
	for _, c := range []struct {
		who  account
		mode os.FileMode
		want bool
	}{
		{other, 0o640, false}, {other, 0o644, true}, {member, 0o640, true}, {member, 0o604, false}, {account{}, 0o000, true},
	} {
		require.NoError(t, os.Chmod(name, c.mode))
		_, may := mayOpen(name, c.who, 4)
		require.Equal(t, c.want, may, "%s, %o", c.who.name, c.mode)
	}
	require.NoError(t, os.Chmod(name, 0o644))
	require.NoError(t, os.Chmod(dir, 0o700))
	why, may := mayOpen(name, other, 4)
	require.False(t, may)
	require.Equal(t, dir+" is drwx------", why)
}

// Who owns the rules, or a directory above them, or may write there, may replace them.
func TestMayReplace(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root gives files away")
	}
	daemon := account{"sendwarden", 64001, []uint32{64002}}
	dir := t.TempDir()
	file := filepath.Join(dir, "rules.yaml")
	require.NoError(t, os.WriteFile(file, nil, 0o640))
	for _, c := range []struct {
		what                string
		dirOwner, fileOwner int
		mode                os.FileMode
		by                  string
	}{
		{"all is root's", 0, 0, 0o755, ""},
		{"the directory is the daemon's", 64001, 0, 0o755, dir},
		{"the file is", 0, 64001, 0o755, file},
		{"its group may write in the directory", 0, 0, 0o775, dir},
		{"everybody may put files beside it", 0, 0, 0o777 | os.ModeSticky, ""},
	} {
		require.NoError(t, os.Chown(dir, c.dirOwner, 64002))
		require.NoError(t, os.Chown(file, c.fileOwner, 64002))
		require.NoError(t, os.Chmod(dir, c.mode))
		by, may := mayReplace(file, daemon)
		require.Equal(t, c.by, by, c.what)
		require.Equal(t, c.by != "", may, c.what)
	}
	_, may := mayReplace(file, account{name: "root"})
	require.False(t, may)
}

func TestIsDaemon(t *testing.T) {
	for line, want := range map[string]bool{
		"/usr/local/sbin/sendwarden\x00run\x00--watch\x00": true,
		"sendwarden\x00run\x00":                            true,
		"sendwarden\x00doctor\x00":                         false,
		"sendwarden\x00":                                   false,
		"vi\x00sendwarden\x00run\x00":                      false,
		"":                                                 false,
	} {
		require.Equal(t, want, isDaemon([]byte(line)), line)
	}
}

// The groups of a process are those that it has, whatever /etc/group says.
func TestGroupsOfProcess(t *testing.T) {
	own, err := os.Getgroups()
	require.NoError(t, err)
	var want []uint32
	for _, gid := range own {
		want = append(want, uint32(gid))
	}
	require.ElementsMatch(t, want, groupsOf(os.Getpid()))
	require.Empty(t, groupsOf(1<<30), "no process has this number")
}
