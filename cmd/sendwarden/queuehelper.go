package main

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/user"
	"strconv"

	"sendwarden/maillog"
	"sendwarden/queue"

	"github.com/coreos/go-systemd/v22/activation"
	"github.com/spf13/cobra"
)

// helperSetup is how queue-helper was called.
type helperSetup struct {
	socket    string
	user      string
	configDir string
	exim      eximSetup
}

func newQueueHelper() *cobra.Command {
	var s helperSetup
	cmd := &cobra.Command{
		Use:   "queue-helper",
		Short: "Hold and release mail for a daemon that is not root",
		Long: `Queue-helper runs as root and does the one thing that the daemon may not: it
holds, releases and lists users' mail in Postfix's or Exim's queue, for root and
for one more user. It takes a user's name and queue ids, and looks into each message
itself for who sent it. It opens no network connection and deletes nothing.

Of root's rights it needs those to read Postfix's files and to set their time,
and those to become Postfix's user, which postsuper does. Started by a socket
unit it takes that socket. In a systemd unit:

  User=root
  CapabilityBoundingSet=CAP_DAC_READ_SEARCH CAP_FOWNER CAP_SETUID CAP_SETGID
  NoNewPrivileges=yes
  PrivateNetwork=yes
  RestrictAddressFamilies=AF_UNIX
  ProtectSystem=strict
  ReadWritePaths=/var/spool/postfix (with Exim: /var/spool/exim4 /var/log/exim4)
  ProtectHome=yes
  PrivateTmp=yes
  PrivateDevices=yes
  SystemCallFilter=@system-service`,
		Args: exactly(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error { return s.serve(cmd) },
	}
	flags := cmd.Flags()
	flags.StringVar(&s.socket, "socket", queue.DefaultSocket, "`SOCKET` to listen at")
	flags.StringVar(&s.user, "user", "sendwarden", "`USER` who may ask, beside root, by name or number")
	flags.StringVar(&s.configDir, "postfix-config", "", "Postfix's configuration `DIR`, if not its default")
	s.exim.flags(cmd)
	return cmd
}

func (s *helperSetup) serve(cmd *cobra.Command) error {
	if os.Geteuid() != 0 {
		return errors.New("queue-helper has to be started as root: only root may work on the queue")
	}
	uid, gid, err := lookupUser(s.user)
	if err != nil {
		return err
	}
	log := slog.New(slog.NewTextHandler(cmd.ErrOrStderr(), nil))
	listener, err := s.listen(gid)
	if err != nil {
		return err
	}
	server := &queue.Server{
		Queue: (&queueSetup{configDir: s.configDir, eximSetup: s.exim, confined: true}).local(),
		Allow: func(peer uint32) bool { return peer == 0 || peer == uid },
		Log:   log.Info,
	}
	log.Info("running", "socket", listener.Addr(), "user", s.user)
	defer log.Info("stopped")
	return server.Serve(cmd.Context(), listener)
}

// listen takes the socket that systemd opened, where it was started by a socket
// unit, and opens its own elsewhere.
func (s *helperSetup) listen(gid int) (*net.UnixListener, error) {
	passed, err := activation.Listeners()
	switch {
	case err != nil:
		return nil, fmt.Errorf("the socket that systemd passes: %w", err)
	case len(passed) == 0:
		return queue.Listen(s.socket, gid)
	case len(passed) > 1:
		return nil, fmt.Errorf("systemd passes %d sockets: one ListenStream= is enough", len(passed))
	}
	listener, unix := passed[0].(*net.UnixListener)
	if !unix {
		return nil, fmt.Errorf("systemd passes a socket for %s: who asks is known on unix sockets only (ListenStream=%s)", passed[0].Addr().Network(), s.socket)
	}
	return listener, nil
}

// lookupUser finds a user's id and group, by name or number.
func lookupUser(name string) (uid uint32, gid int, err error) {
	u, err := user.Lookup(name)
	if err != nil {
		u, err = user.LookupId(name)
	}
	if err != nil {
		return 0, 0, fmt.Errorf("--user %s: no such user (useradd --system %[1]s makes one)", maillog.Mask(name))
	}
	id, err := strconv.ParseUint(u.Uid, 10, 32)
	if err != nil {
		return 0, 0, fmt.Errorf("--user %s: the id %s is no number", maillog.Mask(name), u.Uid)
	}
	group, err := strconv.ParseUint(u.Gid, 10, 31)
	if err != nil {
		return 0, 0, fmt.Errorf("--user %s: the group id %s is no number", maillog.Mask(name), u.Gid)
	}
	return uint32(id), int(group), nil
}
