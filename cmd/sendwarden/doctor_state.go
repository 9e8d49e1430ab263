package main

import (
	"context"
	"errors"
	"maps"
	"net"
	"net/smtp"
	"net/url"
	"os"
	"slices"
	"syscall"
	"time"

	"sendwarden/control"
	"sendwarden/daemon"
	"sendwarden/state"
	"sendwarden/words"
)

// checkState looks at what the daemon remembers. A daemon that runs has it locked;
// only with none is it opened, to be read.
func checkState(_ context.Context, in *installation) []finding {
	run := runCommand{state: in.state}
	path := daemon.StateFile(run.stateFile(in.rules))
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, os.ErrNotExist):
		if len(in.daemons) == 0 {
			return nil // it is made at the first start, and that there was none is said
		}
		return []finding{doubt("name the daemon's file with --state", "%v", err)}
	case err != nil:
		return []finding{wrong("run doctor as root", "%v", err)}
	}
	var found []finding
	if info.Mode().Perm()&0o077 != 0 {
		found = append(found, doubt("chmod 600 "+path, "%s: others may read what is remembered of people (%v)", path, info.Mode().Perm()))
	}
	if len(in.daemons) == 0 {
		if err := state.Examine(path); err != nil {
			return append(found, wrong("the next start sets a damaged one aside and begins anew; put a copy back before, if there is one", "%v", err))
		}
	}
	age := in.now.Sub(info.ModTime())
	if len(in.daemons) > 0 && age > quiet {
		return append(found, doubt("see that the daemon uses this file, and that it reads the log", "%s: nothing was written to it since %s", path, info.ModTime().Format(words.Stamp)))
	}
	return append(found, fine("%s: %s, written %s", path, words.Size(info.Size()), info.ModTime().Format(words.Stamp)))
}

// checkControl asks the daemon how it is, as the commands do.
func checkControl(ctx context.Context, in *installation) []finding {
	if len(in.daemons) == 0 {
		return nil
	}
	socket := in.with.Control.Socket
	switch socket {
	case control.None:
		return nil
	case "":
		socket = control.DefaultSocket
	}
	ctx, cancel := context.WithTimeout(ctx, doorTime)
	defer cancel()
	client := control.NewClient(socket, "")
	defer client.Close()
	status, err := client.Status(ctx)
	if err != nil {
		return []finding{doubt("see control: in the rules; without it, `release` and others work on the files", "%s: %v", socket, err)}
	}
	return []finding{fine("%s: version %s, mode %s", socket, status.Version, status.Mode)}
}

// checkAlerts tries the ways to people, as far as that tells nobody anything: a
// program is there, a server greets, a webhook's host has an address.
func checkAlerts(ctx context.Context, in *installation) []finding {
	config := &in.with.Alerts
	if len(config.Mail)+len(config.Webhook) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, doorTime)
	defer cancel()
	var found []finding
	servers, program := make(map[string]bool), false
	for _, m := range config.Mail {
		switch server := m.SMTP; {
		case server == "" && config.SMTP == "":
			program = true
		case server == "":
			servers[config.SMTP] = true
		default:
			servers[server] = true
		}
	}
	if program || config.NotifyUser && config.SMTP == "" {
		path := config.Sendmail
		if path == "" {
			path = "/usr/sbin/sendmail"
		}
		found = append(found, in.programOf("sendmail", path))
	}
	for _, server := range slices.Sorted(maps.Keys(servers)) {
		if err := greets(ctx, server); err != nil {
			found = append(found, wrong("see that it runs, and takes mail from here", "smtp %s: %v", server, err))
			continue
		}
		found = append(found, fine("smtp %s greets", server))
	}
	for _, w := range config.Webhook {
		found = append(found, resolves(ctx, w.URL))
	}
	return found
}

// greets speaks with an SMTP server up to EHLO.
func greets(ctx context.Context, server string) error {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", server)
	if err != nil {
		return err
	}
	defer conn.Close() // nothing is left to lose
	if deadline, has := ctx.Deadline(); has {
		if err := conn.SetDeadline(deadline); err != nil {
			return err
		}
	}
	host, _, err := net.SplitHostPort(server)
	if err != nil {
		return err
	}
	c, err := smtp.NewClient(conn, host)
	if err != nil {
		return err
	}
	if err := c.Hello(hostName()); err != nil {
		return err
	}
	return c.Quit()
}

// resolves looks a webhook's host up. The URL itself may be a secret.
func resolves(ctx context.Context, address string) finding {
	u, err := url.Parse(address)
	if err != nil {
		return wrong("", "a webhook that is no URL") // Check has said so
	}
	began := time.Now()
	if _, err := new(net.Resolver).LookupHost(ctx, u.Hostname()); err != nil {
		return wrong("see the name, and the resolver of this host", "webhook at %s: %v", u.Hostname(), err)
	}
	if u.Scheme == "http" {
		return doubt("use https if it leaves this host", "webhook at %s: what it is told goes there in clear", u.Hostname())
	}
	return fine("webhook at %s has an address (found in %d ms; not asked)", u.Hostname(), time.Since(began).Milliseconds())
}

// checkHooks looks at the programs that are to be run.
func checkHooks(_ context.Context, in *installation) []finding {
	var found []finding
	for _, p := range in.with.Hooks {
		if len(p.Run) > 0 {
			found = append(found, in.programOf("hook", p.Run[0]))
		}
	}
	return found
}

// programOf tells whether the daemon may run a program, and nobody else may change
// what it is: whoever can has the daemon's rights.
func (in *installation) programOf(what, path string) finding {
	info, err := os.Stat(path)
	if err != nil {
		return wrong("name a program that is there", "%s: %v", what, err)
	}
	if info.IsDir() || info.Mode().Perm()&0o111 == 0 {
		return wrong("chmod +x "+path, "%s: %s can't be run (%v)", what, path, info.Mode())
	}
	who, err := in.daemonAccount()
	if err != nil {
		return doubt("name an account that is there with --user", "%s: %s: %v", what, path, err)
	}
	if why, ok := mayOpen(path, who, 1); !ok {
		return wrong("let the daemon's account run it", "%s: the account %s can't run %s: %s", what, who.name, path, why)
	}
	if info.Mode().Perm()&0o002 != 0 {
		return wrong("chmod o-w "+path, "%s: everybody may change %s, and so do what the daemon may", what, path)
	}
	if owner, ok := info.Sys().(*syscall.Stat_t); ok && owner.Uid != 0 && owner.Uid != who.uid {
		return doubt("chown root "+path, "%s: %s belongs to another account (%d), which may do by it what the daemon may", what, path, owner.Uid)
	}
	return fine("%s: %s can be run", what, path)
}
