package metrics

import (
	"encoding/json"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

// series are the names of all that is shown, with what a histogram makes of its own.
func series(t *testing.T) map[string]bool {
	t.Helper()
	names := make(map[string]bool)
	for line := range strings.Lines(ours(t, busy())) {
		if !strings.HasPrefix(line, "#") {
			name, _, _ := strings.Cut(line, " ")
			name, _, _ = strings.Cut(name, "{")
			names[name] = true
		}
	}
	return names
}

var metricName = regexp.MustCompile(`sendwarden_\w+`)

// asked are the metrics that an expression asks for.
func asked(expr string) []string { return metricName.FindAllString(expr, -1) }

// expressions collects the values of all keys "expr" and "query" of a document.
func expressions(node any) (found []string) {
	switch node := node.(type) {
	case map[string]any:
		for key, value := range node {
			if text, is := value.(string); is && (key == "expr" || key == "query") {
				found = append(found, text)
			}
			found = append(found, expressions(value)...)
		}
	case []any:
		for _, value := range node {
			found = append(found, expressions(value)...)
		}
	}
	return found
}

// A dashboard that asks for what there is not shows nothing, for ever.
func TestDashboardAndAlertsAskForWhatThereIs(t *testing.T) {
	for file, read := range map[string]func([]byte, any) error{
		"../examples/grafana/sendwarden.json":         json.Unmarshal,
		"../examples/prometheus/sendwarden.rules.yml": yaml.Unmarshal,
	} {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		var document any
		require.NoError(t, read(text, &document), file)
		found := expressions(document)
		require.Greater(t, len(found), 8, file)
		shown := series(t)
		for _, expr := range found {
			for _, name := range asked(expr) {
				require.Truef(t, shown[name], "%s: %s: there is no %s", file, expr, name)
			}
		}
	}
	require.Equal(t, []string{"sendwarden_a", "sendwarden_b"}, asked("sendwarden_a / on() sendwarden_b{x=\"y\"}"))
}

// Each of ours stands in the dashboard, so that none is measured for nobody.
func TestDashboardShowsWhatThereIs(t *testing.T) {
	text, err := os.ReadFile("../examples/grafana/sendwarden.json")
	require.NoError(t, err)
	for name := range series(t) {
		if strings.HasSuffix(name, "_sum") || strings.HasSuffix(name, "_count") || name == "sendwarden_loop_timestamp_seconds" || name == "sendwarden_queue_reachable" {
			continue // the alerts ask for the last two
		}
		require.Contains(t, string(text), name)
	}
}
