package doctor

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"

	"sendwarden/control"
)

// stuck is what to do about a daemon that is there and does not answer.
const stuck = "it hangs: look at its log and at the disk, then systemctl restart sendwarden; mail flows and the blocked stay blocked meanwhile"

// checkControl asks the daemon how it is, as the commands do.
func checkControl(ctx context.Context, in *Installation) []Finding {
	if len(in.Daemons) == 0 {
		return nil
	}
	socket := in.With.Control.Socket
	switch socket {
	case control.None:
		return nil
	case "":
		socket = control.DefaultSocket
	}
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	client := control.NewClient(socket, "")
	defer client.Close()
	status, err := client.Status(ctx)
	switch {
	case late(err):
		return []Finding{wrong(stuck, "%s: the daemon does not answer within %v", socket, askTime)}
	case err != nil:
		return []Finding{doubt("see control: in the rules; without it, `release` and others work on the files", "%s: %v", socket, err)}
	}
	found := []Finding{fine("%s: version %s, mode %s", socket, status.Version, status.Mode)}
	for _, fault := range status.Faults {
		found = append(found, wrong("the daemon's log has more, and goes on when it is repaired", "the daemon says: %s", fault))
	}
	return found
}

// late tells whether an error is that nothing came in time.
func late(err error) bool {
	return errors.Is(err, context.DeadlineExceeded) || errors.Is(err, os.ErrDeadlineExceeded)
}

// maxHealth bounds what is read of an answer.
const maxHealth = 8 << 10

// checkHealth asks as a monitoring system does.
func checkHealth(ctx context.Context, in *Installation) []Finding {
	address := in.With.Metrics.Listen
	if address == "" || len(in.Daemons) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	url := "http://" + address + "/healthz"
	problems, err := health(ctx, url)
	switch {
	case late(err):
		return []Finding{wrong(stuck, "%s: no answer within %v", url, askTime)}
	case err != nil:
		return []Finding{wrong("see metrics: in the rules, and restart the daemon: it is out of the monitoring system's sight", "%v", err)}
	case len(problems) == 0:
		return []Finding{fine("%s: ok", url)}
	}
	var found []Finding
	for _, p := range problems {
		found = append(found, wrong("", "%s: %s", url, p))
	}
	return found
}

// health is what /healthz complains of.
func health(ctx context.Context, url string) (problems []string, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: new(net.Dialer).DialContext}}
	answer, err := client.Do(request)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	lines := bufio.NewScanner(io.LimitReader(answer.Body, maxHealth))
	for lines.Scan() {
		if text := strings.TrimSpace(lines.Text()); text != "" && text != "ok" {
			problems = append(problems, text)
		}
	}
	if answer.StatusCode != http.StatusOK && len(problems) == 0 {
		return nil, fmt.Errorf("%s: HTTP status %d", url, answer.StatusCode)
	}
	return problems, lines.Err()
}
