//go:build e2e

package blocklist

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Postfix reads the table of addresses as it is meant.
func TestPostfixReadsAddresses(t *testing.T) {
	conf := config(t)
	a, _ := openAddresses(t, AddressOptions{})
	_, err := a.Add(morning, "info", addrs(t, "5.6.7.8", "2001:db8:1:2::25")...)
	require.NoError(t, err)
	for address, want := range map[string]string{"5.6.7.8": addressReply, "5.6.7.9": "", "2001:db8:1:2:9::1": addressReply, "2001:db8:1:3::1": ""} {
		require.Equal(t, want, query(t, conf, a.Map(), address), address)
	}
}

// Postfix's own regexp finds each blocked name in the header that smtpd writes,
// and only there; every character that a name can have is one.
func TestPostfixHeaderChecks(t *testing.T) {
	conf := config(t)
	var all strings.Builder
	for c := '!'; c <= '~'; c++ {
		if c != '"' && c != '\\' && c != '(' && c != ')' {
			all.WriteRune(c)
		}
	}
	users := []string{"info@example.es", all.String(), strings.Trim(all.String(), "!#"), "a.b", "[x]", "]", "^$", "x{2}", "<a>"}
	var entries []Entry
	for _, user := range users {
		entries = append(entries, Entry{User: user, Action: "REJECT 5.7.1 $1 of " + user})
	}
	table, faults := HeaderChecks(entries, "mail.example.es", morning)
	require.Empty(t, faults)
	path := filepath.Join(t.TempDir(), "header_checks")
	require.NoError(t, os.WriteFile(path, table, 0o644))
	ask := func(header string) string {
		cmd := exec.Command(program("postmap"), "-c", conf, "-hmq", "-", "regexp:"+path)
		cmd.Stdin = strings.NewReader(header + "\n\nbody\n")
		var said strings.Builder
		cmd.Stderr = &said
		out, _ := cmd.Output() // 1 is: not found
		require.Empty(t, said.String())
		_, action, _ := strings.Cut(string(out), "\tREJECT ")
		return strings.TrimSpace(action)
	}
	received := func(user, by string) string {
		return "Received: from laptop (dsl.example.net [192.0.2.1])\n\t(using TLSv1.3 with cipher X (256/256 bits))\n\t(No client certificate requested)\n" +
			"\t(Authenticated sender: " + user + ")\n\tby " + by + " (Postfix) with ESMTPSA id A672A9BAA49\n\tfor <x@example.com>; Sat, 28 Mar 2026 09:10:00 +0100 (CET)"
	}
	for _, user := range users {
		require.Equal(t, "5.7.1 $1 of "+user, ask(received(user, "mail.example.es")))
		require.Equal(t, "5.7.1 $1 of "+user, ask(received(strings.ToUpper(user), "mail.example.es")))
		require.Empty(t, ask(received("x"+user, "mail.example.es")))
		require.Empty(t, ask(received(user+"x", "mail.example.es")))
	}
	for _, header := range []string{
		received("axb", "mail.example.es"), received("xx", "mail.example.es"), received("info@example.es", "mail.example.com"),
		received("info@example.es", "mailxexample.es"), "Subject: (Authenticated sender: info@example.es)\n\tby mail.example.es (Postfix) with ESMTPA id A",
	} {
		require.Empty(t, ask(header), header)
	}
}
