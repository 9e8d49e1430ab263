//go:build e2e

package e2e

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sendwarden/alert"
)

// An alert goes by Postfix's own sendmail and by SMTP, even from an address that
// is blocked; one recipient's name looks like an option.
func TestAlertArrives(t *testing.T) {
	p := startPostfix(t, "lmdb")
	write(t, p.Blocklist, "alice@example.es REJECT\nbob@example.es REJECT\n")
	p.command(t, "postmap", "-c", p.file("etc"), p.Map)
	program := p.file("sendmail")
	require.NoError(t, os.WriteFile(program, []byte("#!/bin/sh\nexec /usr/sbin/sendmail -C "+p.file("etc")+` "$@"`+"\n"), 0o755))
	config := alert.Config{
		From: "alice@example.es", Sendmail: program, NotifyUser: true,
		UserMail: alert.UserMail{Domains: []string{"example.es"}, Text: "¡Llame!\n.\nadiós\n"},
		Mail: []alert.Mail{
			{To: []string{"alice@example.es", "-oQ/tmp@example.com"}},
			{To: []string{"alice@example.es"}, SMTP: p.World},
		},
	}
	require.NoError(t, config.Check())
	desk := alert.New(config, alert.Options{Host: "mail.example.es", Log: slog.New(slog.NewTextHandler(t.Output(), nil)), Now: time.Now})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { desk.Run(ctx); close(done) }()
	desk.Tell(alert.Notice{Kind: alert.Block, User: "bob@example.es", Time: time.Now(), Score: 142, Limit: 100})
	within(t, 20*time.Second, "alice has two alerts, bob his notice", func() bool {
		return p.inbox(t, "alice") == 2 && p.inbox(t, "bob") == 1
	})
	cancel()
	<-done
	for _, user := range []string{"alice", "bob"} {
		mails, err := filepath.Glob(p.file("mail", user, "new", "*"))
		require.NoError(t, err)
		for _, mail := range mails {
			text := read(t, mail)
			require.Contains(t, text, "Return-Path: <alice@example.es>\n")
			require.Contains(t, text, "\nAuto-Submitted: auto-generated\n")
			require.NotContains(t, text, "\r")
			if user == "alice" {
				require.Contains(t, text, "\nSubject: [Sendwarden] bob@example.es is blocked, score 142 of 100\n")
				require.Contains(t, text, "\n    sendwarden release bob@example.es\n")
			} else {
				require.Contains(t, text, "\n=C2=A1Llame!\n.\nadi=C3=B3s\n")
			}
		}
	}
	within(t, 10*time.Second, "the other recipient was one, too", func() bool { return p.logged(t, "to=<-oQ/tmp@example.com>") == 1 })
}
