package control

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// stage is a Service whose world stands still.
type stage struct{}

var evening = time.Date(2026, 4, 15, 19, 15, 2, 0, time.UTC)

func (stage) Status(context.Context) (Status, error) {
	return Status{Version: "1.0", Since: evening.Truncate(24 * time.Hour).Add(6 * time.Hour), Now: evening, Host: "mail.example.es", Mode: "enforce",
		Rules: "/etc/sendwarden/rules.yaml", Blocklist: "/etc/sendwarden/lists/blocklist", PostfixReads: "lmdb:/etc/sendwarden/lists/blocklist",
		Lines: 4711, Submissions: 12, Blocked: 1, Queue: Queue{Reached: true}, State: State{Bytes: 32768}}, nil
}

var info = Account{User: "info@example.es", Blocked: true, Score: 142, Hold: 50, Block: 100}

func (stage) Accounts(context.Context) (Accounts, error) {
	return Accounts{Listed: []Account{info}, Held: []Account{}, Close: []Account{}, Submissions: 12, Holds: true}, nil
}

func (stage) Account(_ context.Context, user string) (Account, error) {
	if user != info.User {
		return Account{}, NotFound("%s is not known here", user)
	}
	return info, nil
}

func (stage) Crowd(context.Context) (Crowd, error) {
	return Crowd{Countries: []Habit{{What: "ES", Days: 812.5}}, Networks: []Habit{{"AS3352", "TELEFONICA", 700}}, MoreNetworks: 12, Days: 815}, nil
}

func (stage) Trusts(context.Context) ([]Trust, error) {
	return []Trust{{User: "ana@example.es", Country: "FR", Until: time.Date(2026, 5, 1, 22, 0, 0, 0, time.UTC)}}, nil
}

func (stage) History(_ context.Context, span Span) ([]Record, error) {
	return []Record{{Time: evening, Who: ByItself, Act: Block, User: span.User, Why: fmt.Sprintf("since %s, most %d", span.Since.Format(time.RFC3339), span.Most)}}, nil
}

func (stage) Rules(context.Context) ([]Rule, error) {
	return []Rule{{Name: "third country", Points: 60, Fired: 3, Last: evening}}, nil
}

func (stage) ReviewLink(context.Context) (string, error) {
	return "http://127.0.0.1:8025/enter?token=ONCE", nil
}

func (stage) Watch(_ context.Context, each func(Judged) error) error {
	return each(Judged{Time: evening, User: info.User, Action: "block", Score: 142, QueueID: "4F1A2B3C4D", Place: Place{IP: "95.24.0.1", Country: "RU"}})
}

func (stage) Do(_ context.Context, who Who, act Act) (Done, error) {
	if strings.HasPrefix(act.User, "nobody") {
		return Done{}, NotFound("%s is not on the blocklist", act.User)
	}
	text := fmt.Sprintf("%s %s by %s", act.Kind, act.User, who.For)
	if act.Trust != nil {
		text += ", " + act.Trust.Place()
	}
	if act.Why != "" {
		text += ": " + act.Why
	}
	return Done{Notes: []string{text}}, nil
}

// open serves a stage at a socket until the test ends.
func open(t *testing.T) (socket string) {
	t.Helper()
	socket = filepath.Join(t.TempDir(), "control")
	l, err := Listen(Config{Socket: socket})
	require.NoError(t, err)
	serve(t, l, stage{})
	return socket
}

func serve(t *testing.T, l *Listener, s Service) {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- Serve(ctx, l, s, slog.New(slog.DiscardHandler)) }()
	t.Cleanup(func() {
		stop()
		require.NoError(t, <-ended)
	})
}

// plain is a client that can send anything.
func plain(socket string) *http.Client {
	return &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", socket)
	}}}
}

// Each ">" of a dialogue is a request, and "<" what the answer has to be.
func TestDialogues(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	client := plain(open(t))
	for _, name := range files {
		text, err := os.ReadFile(name)
		require.NoError(t, err)
		got := ""
		for line := range strings.Lines(string(text)) {
			mark, rest, _ := strings.Cut(line, " ")
			switch mark {
			case ">":
				got = talk(t, client, strings.TrimSuffix(rest, "\n"))
			case "<":
				want := strings.TrimSuffix(rest, "\n")
				if os.Getuid() != 0 { // only root's client may say for whom it works
					want = strings.ReplaceAll(want, " by tester", " by ")
				}
				require.Equal(t, want, got, name)
			}
		}
	}
}

func talk(t *testing.T, client *http.Client, request string) string {
	t.Helper()
	method, rest, _ := strings.Cut(request, " ")
	path, body, _ := strings.Cut(rest, " ")
	r, err := http.NewRequest(method, "http://sendwarden"+path, strings.NewReader(body))
	require.NoError(t, err)
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set(forHeader, "tester")
	answer, err := client.Do(r)
	require.NoError(t, err)
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	return fmt.Sprintf("%d %s", answer.StatusCode, strings.TrimSpace(string(text)))
}
