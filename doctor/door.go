package doctor

import (
	"context"
	"fmt"
	"io"
	"net"
	"os/user"
	"path/filepath"
	"strings"
	"time"

	"sendwarden/queue"
)

// checkDoor asks as Postfix does, about nobody: that is judged by no rule.
func checkDoor(ctx context.Context, in *Installation) []Finding {
	const question = "request=smtpd_access_policy\nprotocol_state=DATA\nprotocol_name=ESMTP\nclient_address=127.0.0.1\nclient_name=localhost\n" +
		"queue_id=\nsasl_method=\nsasl_username=\nsasl_sender=\n\n"
	return in.sockets(ctx, in.With.Door.Listen, question, "action=DUNNO\n\n")
}

// checkSocketmap looks nobody up.
func checkSocketmap(ctx context.Context, in *Installation) []Finding {
	const key = "sendwarden nobody@doctor.invalid"
	return in.sockets(ctx, in.With.Door.Socketmap, fmt.Sprintf("%d:%s,", len(key), key), "9:NOTFOUND ,")
}

func (in *Installation) sockets(ctx context.Context, addresses []string, question, want string) []Finding {
	var found []Finding
	for _, address := range addresses {
		if strings.HasPrefix(address, "systemd:") {
			found = append(found, doubt("name what its socket unit says with --door", "%s: only the unit knows where that is", address))
			continue
		}
		began := time.Now()
		answer, err := in.ask(ctx, address, question, len(want))
		switch {
		case late(err) && len(in.Daemons) > 0:
			found = append(found, wrong(stuck, "%s: no answer within %v, and Postfix waits as long for each message before it lets it pass", address, askTime))
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
func (in *Installation) admits(address string, took time.Duration) Finding {
	path, unix := strings.CutPrefix(address, "unix:")
	if unix && in.Postfix != nil {
		owner, err := user.Lookup(in.Postfix.Main("mail_owner"))
		if err == nil {
			var a account
			if a, err = accountOf(owner); err == nil {
				if why, ok := mayOpen(in.whole(path), a, 6); !ok {
					return wrong("set socket_group and the mode of the directory so that it can", "%s: Postfix's account %s can't connect: %s", address, a.name, why)
				}
			}
		}
		if err != nil {
			return unknown("run doctor as root", "%s: whether Postfix may connect can't be told: %v", address, err)
		}
	}
	return fine("%s answers, in %d ms", address, took.Milliseconds())
}

// whole is where a socket is whose path Postfix reads from its queue directory.
func (in *Installation) whole(path string) string {
	if !filepath.IsAbs(path) && in.Postfix != nil {
		return filepath.Join(in.Postfix.Queue, path)
	}
	return path
}

// ask sends a question to a socket and reads an answer of a length.
func (in *Installation) ask(ctx context.Context, address, question string, length int) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, askTime)
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

func checkQueueHelper(ctx context.Context, in *Installation) []Finding {
	socket := in.With.Queue.Helper
	if socket == "" && len(in.Daemons) > 0 && in.Daemons[0].uid != 0 {
		socket = queue.DefaultSocket // where a daemon that is not root asks by itself
	}
	if socket == "" {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	conn, err := new(net.Dialer).DialContext(ctx, "unix", socket)
	if err != nil {
		return []Finding{wrong("systemctl start sendwarden-queue.socket, or sendwarden queue-helper as root; until then the mail of who is blocked is not held", "%v", err)}
	}
	defer conn.Close()
	who, err := in.daemonAccount()
	if err == nil {
		if why, ok := mayOpen(socket, who, 6); !ok {
			return []Finding{wrong("give the socket a group that it is in", "%s: the daemon's account %s can't connect: %s", socket, who.name, why)}
		}
	}
	return []Finding{fine("%s listens", socket)}
}
