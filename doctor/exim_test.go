package doctor

import (
	"context"
	"errors"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sendwarden/blocklist"
	"sendwarden/exim"

	"github.com/stretchr/testify/require"
)

const eximOptions = `/etc/exim4.conf
acl_smtp_mail = acl_sendwarden
acl_not_smtp = acl_sendwarden
daemon_smtp_ports = 25 : 587
timeout_frozen_after = 0s
exim_user = USER
log_selector = +received_recipients
`

const eximText = `begin acl
acl_sendwarden:
  condition = ${lookup {$authenticated_id}lsearch{LIST}{yes}{no}}
begin authenticators
plain_server:
driver = plaintext
server_condition = yes
server_set_id = $auth2
`

// served is an Exim that reads the blocklist, with some of its words replaced.
func served(t *testing.T, finds func(string) string, replaced ...string) *Installation {
	t.Helper()
	dir := t.TempDir()
	for above := dir; above != "/tmp" && above != "/"; above = filepath.Dir(above) {
		require.NoError(t, os.Chmod(above, 0o755))
	}
	table, err := blocklist.NewTable("lsearch", "")
	require.NoError(t, err)
	in := &Installation{Now: noon, List: filepath.Join(dir, "blocklist"), Table: table}
	require.NoError(t, os.WriteFile(in.List, []byte("info@example.es REJECT 5.7.1 Ask Ana\nana@example.es DUNNO\nd'a@example.es REJECT\n"), 0o644))
	require.NoError(t, table.Build(t.Context(), in.List))
	me, err := user.Current()
	require.NoError(t, err)
	words := strings.NewReplacer(append(slices.Clone(replaced), "USER", me.Username, "LIST", table.File(in.List))...)
	in.Exim, err = exim.Read(t.Context(), func(_ context.Context, args ...string) (string, error) {
		switch {
		case args[0] == "-bV":
			return "Exim version 4.96 #2 built 27-May-2026 16:52:26\n", nil
		case args[0] == "-be":
			_, key, _ := strings.Cut(args[1], "lookup {")
			key, _, _ = strings.Cut(key, "}")
			return finds(key) + "\n", nil
		case args[1] == "config":
			return words.Replace(eximText), nil
		}
		return words.Replace(eximOptions), nil
	})
	require.NoError(t, err)
	return in
}

// asIs finds who is blocked in the list of served, in any case.
func asIs(key string) string {
	if strings.EqualFold(key, "info@example.es") {
		return "yes"
	}
	return "no"
}

func lines(found []Finding) (all []string) {
	for _, f := range found {
		all = append(all, line(f))
	}
	return all
}

func TestCheckExim(t *testing.T) {
	const well = "ok: Exim 4.96, configured by /etc/exim4.conf, listens at 25, 587 ()"
	for _, c := range []struct {
		what     string
		replaced []string
		want     string // the second finding
	}{
		{"all well", nil, ""},
		{"no names", []string{"server_set_id = $auth2\n", ""}, "fault: plain_server: who logs in by it has no name, is judged by no rule and stopped by no list (server_set_id = $auth2 (PLAIN), or $auth1 (LOGIN, Dovecot))"},
		{"no log-ins", []string{"server_condition = yes\nserver_set_id = $auth2\n", "client_send = ^me^secret\n"}, "warning: no authenticator lets users log in (set up an authenticator where users log in)"},
		{"no numbers", []string{"+received_recipients", "+received_sender"}, "warning: its log does not say to how many a message goes: rules that count recipients see none (log_selector = +received_recipients)"},
		{"frozen mail goes", []string{"= 0s", "= 1w"}, "warning: Exim takes away mail that has been frozen for 1w, and so what is held of who is blocked (review sooner, or set timeout_frozen_after = 0s)"},
	} {
		want := []string{well}
		if c.want != "" {
			want = append(want, c.want)
		}
		require.Equal(t, want, lines(checkExim(t.Context(), served(t, asIs, c.replaced...))), c.what)
	}
	require.Empty(t, checkExim(t.Context(), &Installation{}), "it is a Postfix")
	f := one(t, checkExim(t.Context(), &Installation{NoExim: errors.New("exim4: no such program")}))
	require.Equal(t, Fault, f.State)
	require.Empty(t, checkPostfix(t.Context(), served(t, asIs)), "and there it is none")
}

func TestCheckEximACLs(t *testing.T) {
	require.Equal(t, []string{"ok: acl_smtp_mail: the blocklist is asked, on every port ()", "ok: acl_not_smtp: the blocklist is asked ()"}, lines(checkEximACLs(t.Context(), served(t, asIs))))
	found := checkEximACLs(t.Context(), served(t, asIs, "acl_smtp_mail = acl_sendwarden", "acl_smtp_mail = acl_own"))
	require.Equal(t, Fault, found[0].State)
	require.Contains(t, found[0].Fact, "nobody is stopped")
	found = checkEximACLs(t.Context(), served(t, asIs, "acl_not_smtp = acl_sendwarden", "acl_not_smtp = "))
	require.Equal(t, Warning, found[1].State)
	found = checkEximACLs(t.Context(), served(t, asIs, "LIST", "/another/list"))
	require.Equal(t, Fault, found[0].State)
}

// Exim itself is asked for those on the list, and may not be able to read it.
func TestCheckEximList(t *testing.T) {
	in := served(t, asIs)
	file := in.Table.File(in.List)
	require.Equal(t, []string{"ok: " + file + ": Exim reads it ()"}, lines(checkEximList(t.Context(), in)))
	f := one(t, checkEximList(t.Context(), served(t, func(string) string { return "no" })))
	require.Contains(t, f.Fact, "is behind the list, and wrong about info@example.es")
	f = one(t, checkEximList(t.Context(), served(t, func(string) string { return "yes" })))
	require.Contains(t, f.Fact, "wrong about ana@example.es", "who is never blocked")
	f = one(t, checkEximList(t.Context(), served(t, func(string) string { return "Failed: failed to open it" })))
	require.Contains(t, f.Fact, "Failed: failed to open it")

	in = served(t, asIs, "USER", "nobody")
	file = in.Table.File(in.List)
	require.Equal(t, OK, one(t, checkEximList(t.Context(), in)).State)
	require.NoError(t, os.Chmod(file, 0o600))
	f = one(t, checkEximList(t.Context(), in))
	require.Equal(t, Fault, f.State)
	require.Contains(t, f.Fact, "Exim's account nobody can't read it, and Exim puts off all mail (451)")
	require.NoError(t, os.Remove(file))
	require.Contains(t, one(t, checkEximList(t.Context(), in)).Fact, "is not there: everybody passes")
	in = served(t, asIs, "USER", "no-such-account")
	require.Equal(t, Unknown, one(t, checkEximList(t.Context(), in)).State)
}
