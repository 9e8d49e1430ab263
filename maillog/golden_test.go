package maillog

import (
	"bytes"
	"encoding/json"
	"flag"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write the golden files anew")

// madrid is the zone of the golden logs, and when they were last written.
func madrid(t testing.TB) Options {
	zone, err := time.LoadLocation("Europe/Madrid")
	require.NoError(t, err)
	return Options{Location: zone, Reference: time.Date(2026, 11, 20, 22, 0, 0, 0, zone)}
}

// golden is an event as the golden files show it: what is not set is left out.
type golden struct {
	Line       int        `json:"line"`
	Type       Type       `json:"type"`
	Source     Source     `json:"source"`
	Time       string     `json:"time"`
	Host       string     `json:"host,omitzero"`
	Instance   string     `json:"instance,omitzero"`
	Service    string     `json:"service,omitzero"`
	QueueID    string     `json:"queue_id,omitzero"`
	User       string     `json:"user,omitzero"`
	Addr       netip.Addr `json:"ip,omitzero"`
	Port       uint16     `json:"port,omitzero"`
	ClientName string     `json:"client_name,omitzero"`
	Method     string     `json:"method,omitzero"`
	SASLSender string     `json:"sasl_sender,omitzero"`
	OrigID     string     `json:"orig_id,omitzero"`
	OrigClient string     `json:"orig_client,omitzero"`
	From       string     `json:"from,omitzero"`
	Size       int64      `json:"size,omitzero"`
	Recipients int        `json:"recipients,omitzero"`
	MessageID  string     `json:"message_id,omitzero"`
	To         string     `json:"to,omitzero"`
	OrigTo     string     `json:"orig_to,omitzero"`
	Relay      string     `json:"relay,omitzero"`
	DSN        string     `json:"dsn,omitzero"`
	Status     string     `json:"status,omitzero"`
	UID        int        `json:"uid,omitzero"`
	Script     string     `json:"script,omitzero"`
	ScriptLine int        `json:"script_line,omitzero"`
	URL        string     `json:"url,omitzero"`
	Action     string     `json:"action,omitzero"`
	Stage      string     `json:"stage,omitzero"`
	Reason     string     `json:"reason,omitzero"`
	Repeat     int        `json:"repeat"`
}

func goldenOf(line int, ev Event) golden {
	return golden{
		line, ev.Type, ev.Source, ev.Time.Format(time.RFC3339Nano), ev.Host, ev.Instance, ev.Service, ev.QueueID,
		ev.User, ev.Addr, ev.Port, ev.ClientName, ev.Method, ev.SASLSender, ev.OrigID, ev.OrigClient,
		ev.From, ev.Size, ev.Recipients, ev.MessageID, ev.To, ev.OrigTo, ev.Relay, ev.DSN, ev.Status, ev.UID, ev.Script, ev.Line, ev.URL,
		ev.Action, ev.Stage, ev.Reason, ev.Repeat,
	}
}

// TestGolden reads each testdata/*.log into the events of its *.golden.
func TestGolden(t *testing.T) {
	logs, err := filepath.Glob("testdata/*.log")
	require.NoError(t, err)
	require.NotEmpty(t, logs)
	for _, log := range logs {
		t.Run(filepath.Base(log), func(t *testing.T) {
			data, err := os.ReadFile(log)
			require.NoError(t, err)
			got := parseAll(t, data)
			path := strings.TrimSuffix(log, ".log") + ".golden"
			if *update {
				require.NoError(t, os.WriteFile(path, []byte(got), 0o644))
			}
			want, err := os.ReadFile(path)
			require.NoError(t, err)
			require.Equal(t, string(want), got)
		})
	}
}

func parseAll(t *testing.T, data []byte) string {
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	p := NewParser(madrid(t))
	for i, line := range bytes.Split(bytes.TrimSuffix(data, []byte("\n")), []byte("\n")) {
		var ev Event
		ok := p.Parse(line, &ev)
		seen, id := Glance(line)
		if seen == Nothing {
			require.False(t, ok, "Glance passes over an event: %s", line)
		}
		if ok {
			require.NoError(t, enc.Encode(goldenOf(i+1, ev)))
			if seen == OfMessage {
				require.Equal(t, ev.QueueID, string(id))
			}
		}
	}
	return out.String()
}
