package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"sendwarden/control"
	"sendwarden/scoring"
	"sendwarden/settings"

	"github.com/spf13/cobra"
)

// reach is how a command gets at the daemon.
type reach struct {
	listSetup
	socket string
}

func (r *reach) flags(cmd *cobra.Command) {
	r.listSetup.flags(cmd)
	cmd.Flags().StringVar(&r.socket, "control", "", "`SOCKET` of the daemon (default "+control.DefaultSocket+"; none: work on the files)")
}

// address is the socket where the daemon should be.
func (r *reach) address(origin string, rules *scoring.Rules) (string, error) {
	if r.socket != "" {
		return r.socket, nil
	}
	var config control.Config
	if err := settings.Section(origin, "control", rules, &config); err != nil {
		return "", err
	}
	if config.Socket == "" {
		return control.DefaultSocket, nil
	}
	return config.Socket, nil
}

// errElsewhere says that the daemon that runs is not the one of the files that the
// command was told to work on.
var errElsewhere = errors.New("the daemon there works on another blocklist")

// client is the daemon that works on the files of these rules. The error is a
// control.ErrAbsent or errElsewhere when there is none.
func (r *reach) client(ctx context.Context, origin string, rules *scoring.Rules) (*control.Client, control.Status, error) {
	socket, err := r.address(origin, rules)
	if err != nil {
		return nil, control.Status{}, err
	}
	if socket == control.None {
		return nil, control.Status{}, control.ErrAbsent
	}
	client := control.NewClient(socket, os.Getenv("SUDO_USER"))
	status, err := client.Status(ctx)
	if err == nil && r.socket == "" {
		if file, absErr := filepath.Abs(r.file(rules)); absErr == nil && file != status.Blocklist {
			err = fmt.Errorf("%s: %w, %s", socket, errElsewhere, status.Blocklist)
		}
	}
	if err != nil {
		client.Close()
		return nil, status, err
	}
	return client, status, nil
}

// absent tells whether there is no daemon to be asked, so that a command works on
// the files.
func absent(err error) bool { return errors.Is(err, control.ErrAbsent) || errors.Is(err, errElsewhere) }
