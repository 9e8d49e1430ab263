package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"sendwarden/queue"
)

// process is a `sendwarden run` that runs on this host.
type process struct {
	pid int
	uid uint32
}

// runningDaemons looks through /proc, which every user may.
func runningDaemons() []process {
	lines, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		return nil
	}
	var found []process
	for _, name := range lines {
		text, err := os.ReadFile(name)
		if err != nil || !isDaemon(text) {
			continue
		}
		dir := filepath.Dir(name)
		info, err := os.Stat(dir)
		if err != nil {
			continue
		}
		pid, err := strconv.Atoi(filepath.Base(dir))
		if owner, ok := info.Sys().(*syscall.Stat_t); ok && err == nil {
			found = append(found, process{pid, owner.Uid})
		}
	}
	return found
}

// isDaemon reads a command line of /proc: words that end in NUL bytes.
func isDaemon(cmdline []byte) bool {
	words := bytes.Split(cmdline, []byte{0})
	return filepath.Base(string(words[0])) == "sendwarden" && len(words) > 1 && slices.ContainsFunc(words[1:], func(w []byte) bool { return string(w) == "run" })
}

func checkDaemon(_ context.Context, in *installation) []finding {
	switch len(in.daemons) {
	case 0:
		return []finding{wrong("systemctl start sendwarden, or sendwarden run", "no daemon runs: nobody new is blocked")}
	case 1:
		return []finding{fine("process %d", in.daemons[0].pid)}
	}
	var pids []string
	for _, d := range in.daemons {
		pids = append(pids, strconv.Itoa(d.pid))
	}
	return []finding{doubt("stop all but one, unless each has a blocklist of its own", "several run: processes %s", strings.Join(pids, ", "))}
}

// daemonAccount is whose rights count: the flag's, the running daemon's, or
// those of who asks.
func (in *installation) daemonAccount() (account, error) {
	var u *user.User
	var err error
	switch {
	case in.user != "":
		u, err = user.Lookup(in.user)
	case len(in.daemons) > 0:
		u, err = user.LookupId(strconv.FormatUint(uint64(in.daemons[0].uid), 10))
	default:
		u, err = user.Current()
	}
	if err != nil {
		return account{}, err
	}
	a, err := accountOf(u)
	if err == nil && in.user == "" && len(in.daemons) > 0 {
		a.gids = append(a.gids, groupsOf(in.daemons[0].pid)...)
	}
	return a, err
}

// groupsOf are the groups that a process runs with: a unit's SupplementaryGroups
// stand in no file. One that is gone has none.
func groupsOf(pid int) (gids []uint32) {
	text, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "status"))
	if err != nil {
		return nil
	}
	for line := range strings.Lines(string(text)) {
		ids, is := strings.CutPrefix(line, "Groups:")
		if !is {
			continue
		}
		for _, id := range strings.Fields(ids) {
			if gid, err := strconv.ParseUint(id, 10, 32); err == nil {
				gids = append(gids, uint32(gid))
			}
		}
	}
	return gids
}

func accountOf(u *user.User) (account, error) {
	a := account{name: u.Username}
	ids, err := u.GroupIds()
	if err != nil {
		return a, err
	}
	uid, err := strconv.ParseUint(u.Uid, 10, 32)
	if err != nil {
		return a, err
	}
	a.uid = uint32(uid)
	for _, id := range ids {
		if gid, err := strconv.ParseUint(id, 10, 32); err == nil {
			a.gids = append(a.gids, uint32(gid))
		}
	}
	return a, nil
}

// doorTime is as long as Postfix waits for the door.
const doorTime = 5 * time.Second

// checkDoor asks as Postfix does, about nobody: that is judged by no rule.
func checkDoor(ctx context.Context, in *installation) []finding {
	const question = "request=smtpd_access_policy\nprotocol_state=DATA\nprotocol_name=ESMTP\nclient_address=127.0.0.1\nclient_name=localhost\n" +
		"queue_id=\nsasl_method=\nsasl_username=\nsasl_sender=\n\n"
	return in.sockets(ctx, in.with.Door.Listen, question, "action=DUNNO\n\n")
}

// checkSocketmap looks nobody up.
func checkSocketmap(ctx context.Context, in *installation) []finding {
	const key = "sendwarden nobody@doctor.invalid"
	return in.sockets(ctx, in.with.Door.Socketmap, fmt.Sprintf("%d:%s,", len(key), key), "9:NOTFOUND ,")
}

func (in *installation) sockets(ctx context.Context, addresses []string, question, want string) []finding {
	var found []finding
	for _, address := range addresses {
		if strings.HasPrefix(address, "systemd:") {
			found = append(found, doubt("name what its socket unit says with --door", "%s: only the unit knows where that is", address))
			continue
		}
		began := time.Now()
		answer, err := in.ask(ctx, address, question, len(want))
		switch {
		case err != nil:
			found = append(found, wrong("start the daemon; until then Postfix waits a second for each message and lets it pass", "%s: %v", address, err))
		case answer != want:
			found = append(found, wrong("find out who listens there", "%s answers %q, not %q", address, answer, want))
		default:
			found = append(found, in.admits(address, time.Since(began)))
		}
	}
	return found
}

// admits tells whether Postfix's account may connect to a socket that answers us.
func (in *installation) admits(address string, took time.Duration) finding {
	path, unix := strings.CutPrefix(address, "unix:")
	if unix && in.postfix != nil {
		owner, err := user.Lookup(in.postfix.Main("mail_owner"))
		if err == nil {
			var a account
			if a, err = accountOf(owner); err == nil {
				if why, ok := mayOpen(in.whole(path), a, 6); !ok {
					return wrong("set socket_group and the mode of the directory so that it can", "%s: Postfix's account %s can't connect: %s", address, a.name, why)
				}
			}
		}
		if err != nil {
			return doubt("run doctor as root", "%s: whether Postfix may connect can't be told: %v", address, err)
		}
	}
	return fine("%s answers, in %d ms", address, took.Milliseconds())
}

// whole is where a socket is whose path Postfix reads from its queue directory.
func (in *installation) whole(path string) string {
	if !filepath.IsAbs(path) && in.postfix != nil {
		return filepath.Join(in.postfix.Queue, path)
	}
	return path
}

// ask sends a question to a socket and reads an answer of a length.
func (in *installation) ask(ctx context.Context, address, question string, length int) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, doorTime)
	defer cancel()
	network, at := "tcp", strings.TrimPrefix(address, "inet:")
	if path, unix := strings.CutPrefix(address, "unix:"); unix {
		network, at = "unix", in.whole(path)
	}
	conn, err := new(net.Dialer).DialContext(ctx, network, at)
	if err != nil {
		return "", err
	}
	defer conn.Close() // nothing is left to lose
	deadline, _ := ctx.Deadline()
	if err := conn.SetDeadline(deadline); err != nil {
		return "", err
	}
	if _, err := io.WriteString(conn, question); err != nil {
		return "", err
	}
	answer := make([]byte, length)
	n, err := io.ReadFull(conn, answer)
	if n > 0 {
		return string(answer[:n]), nil
	}
	return "", err
}

func checkQueueHelper(ctx context.Context, in *installation) []finding {
	socket := in.with.Queue.Helper
	if socket == "" && len(in.daemons) > 0 && in.daemons[0].uid != 0 {
		socket = queue.DefaultSocket // where a daemon that is not root asks by itself
	}
	if socket == "" {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, doorTime)
	defer cancel()
	conn, err := new(net.Dialer).DialContext(ctx, "unix", socket)
	if err != nil {
		return []finding{wrong("systemctl start sendwarden-queue.socket, or sendwarden queue-helper as root; until then the mail of who is blocked is not held", "%v", err)}
	}
	defer conn.Close()
	who, err := in.daemonAccount()
	if err == nil {
		if why, ok := mayOpen(socket, who, 6); !ok {
			return []finding{wrong("give the socket a group that it is in", "%s: the daemon's account %s can't connect: %s", socket, who.name, why)}
		}
	}
	return []finding{fine("%s listens", socket)}
}
