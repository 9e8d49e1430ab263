package blocklist

import (
	"errors"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"
)

// Without a Postfix it is said what that means, and not what a program printed.
func TestNoPostfix(t *testing.T) {
	require.EqualError(t, absent(&exec.Error{Name: "postconf", Err: exec.ErrNotFound}), "there is no Postfix on this host: no program postconf")
	require.EqualError(t, absent(errors.New("exit status 1: /usr/sbin/postconf: fatal: open /etc/postfix/main.cf: No such file or directory")),
		"there is no main.cf where Postfix looks for it")
	require.EqualError(t, absent(errors.New("exit status 1: no memory")), "exit status 1: no memory")
}
