//go:build e2e

package packaging

import (
	"debug/elf"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// buildAll makes all packages of version 1.0 once, twice each to be compared, and
// returns their folder. SENDWARDEN_DIST names one where they are.
var buildAll = sync.OnceValues(func() (string, error) {
	if dir := os.Getenv("SENDWARDEN_DIST"); dir != "" {
		return dir, nil
	}
	dir, err := os.MkdirTemp("", "dist")
	if err != nil {
		return "", err
	}
	cmd := exec.Command("./build", "-c", "-v", "1.0", dir)
	cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
	return dir, cmd.Run()
})

// build returns the path of Debian's package for this machine.
func build() (string, error) {
	dir, err := buildAll()
	return filepath.Join(dir, "sendwarden_1.0_amd64.deb"), err
}

// later is the same package of another version, with other rules.
func later(t *testing.T, deb, version string) string {
	t.Helper()
	tree := filepath.Join(t.TempDir(), "tree")
	command(t, "dpkg-deb", "-R", deb, tree)
	control, err := os.ReadFile(filepath.Join(tree, "DEBIAN", "control"))
	require.NoError(t, err)
	text := strings.Replace(string(control), "Version: 1.0\n", "Version: "+version+"\n", 1)
	require.NotEqual(t, string(control), text)
	require.NoError(t, os.WriteFile(filepath.Join(tree, "DEBIAN", "control"), []byte(text), 0o644))
	rules, err := os.OpenFile(filepath.Join(tree, "etc/sendwarden/rules.yaml"), os.O_APPEND|os.O_WRONLY, 0)
	require.NoError(t, err)
	_, err = rules.WriteString("# A newer remark.\n")
	require.NoError(t, err)
	require.NoError(t, rules.Close())
	newer := filepath.Join(t.TempDir(), "newer.deb")
	command(t, "dpkg-deb", "--root-owner-group", "-Zgzip", "-z1", "-b", tree, newer)
	return newer
}

func command(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := exec.Command(name, args...).CombinedOutput()
	require.NoErrorf(t, err, "%s %v: %s", name, args, out)
	return string(out)
}

// TestLife plays testdata/life.sh, with a socket of ours for systemd's.
func TestLife(t *testing.T) {
	require.Zero(t, os.Getuid(), "packages are installed as root only")
	deb, err := build()
	require.NoError(t, err)
	shared, err := os.MkdirTemp("", "notify") // t.TempDir may be too long for a socket
	require.NoError(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(shared) })
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: filepath.Join(shared, "notify"), Net: "unixgram"})
	require.NoError(t, err)
	require.NoError(t, os.Chmod(shared, 0o755))
	require.NoError(t, os.Chmod(filepath.Join(shared, "notify"), 0o666))
	told := make(chan string)
	go func() {
		var all strings.Builder
		for text := make([]byte, 4096); ; {
			n, err := conn.Read(text)
			if err != nil {
				break
			}
			all.Write(append(text[:n:n], '\n'))
		}
		told <- all.String()
	}()

	out, err := exec.Command("testdata/life.sh", deb, later(t, deb, "1.1"), shared).CombinedOutput()
	require.NoError(t, conn.Close())
	said := <-told
	t.Logf("%s\nsystemd was told:\n%s", out, said)
	require.NoError(t, err)
	require.Contains(t, said, "READY=1\nSTATUS=mode enforce, 0 users blocked\n")
	require.Contains(t, said, "WATCHDOG=1\nSTATUS=mode enforce, ")
	require.Contains(t, said, "STOPPING=1\n")
}

// There is a page for each command, and completions for each shell.
func TestContents(t *testing.T) {
	deb, err := build()
	require.NoError(t, err)
	list := command(t, "dpkg-deb", "-c", deb)
	for _, name := range []string{
		"-rwxr-xr-x root/root", "./usr/sbin/sendwarden\n", "./usr/share/man/man1/sendwarden.1.gz", "/sendwarden-run.1.gz", "/sendwarden-setup-postfix.1.gz",
		"/bash-completion/completions/sendwarden\n", "/zsh/vendor-completions/_sendwarden\n", "/fish/vendor_completions.d/sendwarden.fish\n",
		"/doc/sendwarden/licences.gz", "/doc/sendwarden/examples/grafana/sendwarden.json", "/lib/systemd/system/sendwarden.service",
	} {
		require.Contains(t, list, name)
	}
}

// Debian's own examination of a package.
func TestLintian(t *testing.T) {
	deb, err := build()
	require.NoError(t, err)
	require.Empty(t, command(t, "lintian", "--allow-root", "--fail-on", "error,warning", deb))
}

// The program needs nothing but a kernel: no interpreter loads libraries for it.
func TestProgramsAreStatic(t *testing.T) {
	dir, err := buildAll()
	require.NoError(t, err)
	for arch, machine := range map[string]elf.Machine{"amd64": elf.EM_X86_64, "arm64": elf.EM_AARCH64} {
		tree := filepath.Join(t.TempDir(), "tree")
		command(t, "dpkg-deb", "-R", filepath.Join(dir, "sendwarden_1.0_"+arch+".deb"), tree)
		control, err := os.ReadFile(filepath.Join(tree, "DEBIAN", "control"))
		require.NoError(t, err)
		require.Contains(t, string(control), "\nArchitecture: "+arch+"\n")
		program, err := elf.Open(filepath.Join(tree, "usr/sbin/sendwarden"))
		require.NoError(t, err)
		require.Equal(t, machine, program.Machine)
		for _, p := range program.Progs {
			require.NotContains(t, []elf.ProgType{elf.PT_INTERP, elf.PT_DYNAMIC}, p.Type)
		}
		require.NoError(t, program.Close())
	}
}

func TestShellcheck(t *testing.T) {
	command(t, "shellcheck", "build", "deb/postinst", "deb/prerm", "deb/postrm", "testdata/life.sh", "testdata/boot.sh", "testdata/rpm.sh", "../e2e/trixie/run")
	command(t, "shellcheck", "--shell=sh", "rpm/post", "rpm/preun", "rpm/postun")
}
