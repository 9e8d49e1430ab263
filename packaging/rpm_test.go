//go:build e2e

package packaging

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// What rpm itself says of the packages. There is no RHEL here to install them on.
func TestRPM(t *testing.T) {
	dir, err := buildAll()
	require.NoError(t, err)
	for arch, machine := range map[string]string{"amd64": "x86_64", "arm64": "aarch64"} {
		file := filepath.Join(dir, "sendwarden_1.0_"+arch+".rpm")
		ask := func(what ...string) string {
			return command(t, "rpm", append(append([]string{"--dbpath", t.TempDir(), "-qp"}, what...), file)...)
		}
		require.Equal(t, "sendwarden 1.0 "+machine, ask("--queryformat", "%{NAME} %{VERSION} %{ARCH}"))
		require.Contains(t, ask("--requires"), "postfix >= 2:3.0\n")
		require.Equal(t, "/etc/sendwarden/rules.yaml\n", ask("--configfiles"), "what an upgrade leaves alone")
		files := ask("--queryformat", `[%{FILEMODES:perms} %{FILEUSERNAME}:%{FILEGROUPNAME} %{FILENAMES}\n]`)
		for _, line := range []string{
			"-rwxr-xr-x root:root /usr/sbin/sendwarden\n", "-rw-r----- root:root /etc/sendwarden/rules.yaml\n",
			"-rw-r--r-- root:root /usr/lib/systemd/system/sendwarden.service\n", "-rw-r--r-- root:root /usr/lib/sysusers.d/sendwarden.conf\n",
			"/usr/share/zsh/site-functions/_sendwarden\n", "/usr/share/man/man1/sendwarden-run.1.gz\n",
		} {
			require.Contains(t, files, line)
		}
		require.NotContains(t, files, " /lib/", "which is a link there")
		scripts := ask("--scripts")
		for _, text := range []string{"postinstall scriptlet", "systemd-sysusers", "preuninstall scriptlet", "postuninstall scriptlet"} {
			require.Contains(t, scripts, text)
		}
		command(t, "rpm", "--dbpath", t.TempDir(), "-K", "--nosignature", file)
	}
}

// The scripts are played as rpm runs them, in a copy of this machine.
func TestRPMScripts(t *testing.T) {
	command(t, "testdata/rpm.sh")
}
