package exim

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAuthenticators(t *testing.T) {
	c := &Config{text: `begin acl
acl_check_mail:
server_set_id = no
begin authenticators
plain_server:
driver = plaintext
public_name = PLAIN
server_condition = ${if eq{$auth2}{x}}
server_set_id = $auth2
server_prompts = :
dovecot_login:
driver = dovecot
public_name = LOGIN
server_socket = /run/dovecot/auth-client
to_smarthost:
driver = plaintext
public_name = PLAIN
client_send = ^me^secret
begin rewrite
other:
server_set_id = x
`}
	require.Equal(t, []Authenticator{{"plain_server", true, true}, {"dovecot_login", true, false}, {"to_smarthost", false, false}}, c.Authenticators())
	require.Empty(t, new(Config).Authenticators())
}

func TestCountsRecipients(t *testing.T) {
	for selector, want := range map[string]bool{
		"": false, "+received_recipients": true, "-retry_defer +received_recipients": true, "+all": true, "+all -received_recipients": false,
		"-all+received_recipients": true, "+received_sender": false,
	} {
		require.Equal(t, want, (&Config{Selector: selector}).CountsRecipients(), selector)
	}
}

// Exim is asked as its ACL asks; what it can't read it says.
func TestFinds(t *testing.T) {
	said, failed := "yes\n", error(nil)
	c := &Config{run: func(_ context.Context, args ...string) (string, error) {
		require.Equal(t, []string{"-be", "${lookup {INFO@example.es}lsearch{/etc/list}{yes}{no}}"}, args)
		return said, failed
	}}
	found, err := c.Finds(context.Background(), "/etc/list", "INFO@example.es")
	require.NoError(t, err)
	require.True(t, found)
	said = "no\n"
	found, err = c.Finds(context.Background(), "/etc/list", "INFO@example.es")
	require.NoError(t, err)
	require.False(t, found)
	said = "Failed: failed to open /etc/list for linear search: Permission denied\n"
	_, err = c.Finds(context.Background(), "/etc/list", "INFO@example.es")
	require.EqualError(t, err, "exim -be: Failed: failed to open /etc/list for linear search: Permission denied")
	failed = errors.New("exit status 1")
	_, err = c.Finds(context.Background(), "/etc/list", "INFO@example.es")
	require.ErrorIs(t, err, failed)
	for _, name := range []string{"", "a b", "}${run{/bin/sh}}", "josé", "$sender_ident"} {
		_, err := c.Finds(context.Background(), "/etc/list", name)
		require.ErrorContains(t, err, "can't be asked for", name)
	}
}
