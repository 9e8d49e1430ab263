package doctor

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// noon is when the doctor of these tests comes.
var noon = time.Date(2026, time.April, 15, 12, 0, 0, 0, time.FixedZone("CEST", 2*60*60))

const (
	aSubmission = "%s mail postfix/submission/smtpd[18397]: A672A9BAA49: client=unknown[80.58.61.250], sasl_method=PLAIN, sasl_username=%s\n"
	aRemoval    = "%s mail postfix/qmgr[18152]: A672A9BAA49: removed\n"
)

// What the end of a log tells.
func TestJudgeLog(t *testing.T) {
	ana := func(stamp string) string { return fmt.Sprintf(aSubmission, stamp, "ana@example.es") }
	for _, c := range []struct {
		name, log string
		written   time.Time
		want      []string // beginnings
	}{
		{"all well", ana("Apr 15 11:58:00"), noon, []string{
			"ok mail.log: the last event is of 2026-04-15 11:58:00 +0200",
			"ok last submission by a user who logged in: 2026-04-15 11:58:00 +0200",
		}},
		{"nothing of a mail server", "Apr 15 11:58:00 mail sshd[1]: hello\n", noon, []string{
			"fault mail.log: nothing of a mail server's in its last 1 line",
		}},
		{"empty", "", noon, []string{"fault mail.log: nothing of a mail server's in its last 0 lines"}},
		{"nobody logs in", fmt.Sprintf(aRemoval, "Apr 15 11:58:00"), noon, []string{
			"ok mail.log: the last event",
			"warning no submission by a user who logged in among the last 1 line",
		}},
		{"from the future", ana("2026-04-15T12:30:00+02:00"), noon, []string{
			"fault mail.log: the last event is of 2026-04-15 12:30:00 +0200, which is yet to come",
			"ok last submission",
		}},
		{"of another zone", ana("Apr 15 09:59:40"), noon, []string{
			"warning mail.log: the last event is of 2026-04-15 09:59:40 +0200, and the file was written 2h0m0s later to the minute",
			"ok last submission",
		}},
		{"a quiet morning", ana("Apr 15 10:12:00"), noon, []string{"ok mail.log: the last event", "ok last submission"}},
		{"long ago", ana("Apr 10 11:58:00"), noon.AddDate(0, 0, -5), []string{
			"warning mail.log: the last event is of 2026-04-10 11:58:00 +0200, 5 days ago",
			"ok last submission",
		}},
		{"a name of each kind", ana("Apr 15 11:57:00") + fmt.Sprintf(aSubmission, "Apr 15 11:58:00", "bea"), noon, []string{
			"ok mail.log: the last event", "ok last submission",
			"warning user names come with a domain (ana@example.es) and without (bea)",
		}},
		{"Exim", "2026-04-15 11:58:00 +0200 1vMBxd-000abc-XY <= ana@example.es H=(pc) [80.58.61.250] P=esmtpsa A=plain_server:ana@example.es S=500\n", noon, []string{
			"ok mail.log: the last event is of 2026-04-15 11:58:00 +0200", "ok last submission by a user who logged in: 2026-04-15 11:58:00 +0200",
		}},
		{"not understood", ana("Apr 15 11:57:00") + strings.Replace(ana("Apr 15 11:58:00"), "[80.58.61.250]", "[80.58.61.2500]", 1), noon, []string{
			"ok mail.log: the last event", "ok last submission",
			"warning 1 line of the mail server's not understood, such as: ",
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			in := &Installation{Now: noon}
			found := in.judgeLog("mail.log", readLog([]byte(c.log), noon), c.written)
			require.Len(t, found, len(c.want))
			for i, f := range found {
				said := string(f.State) + " " + f.Fact
				require.Truef(t, strings.HasPrefix(said, c.want[i]), "%q instead of %q", said, c.want[i])
			}
		})
	}
}

// Of a long log only the end is read, from the beginning of a line on.
func TestLastPart(t *testing.T) {
	name := filepath.Join(t.TempDir(), "mail.log")
	long := strings.Repeat("a line that is of no interest\n", lastOfLog/20) + "the last\n"
	require.NoError(t, os.WriteFile(name, []byte(long), 0o600))
	text, _, err := lastPart(name)
	require.NoError(t, err)
	require.Less(t, len(text), lastOfLog)
	require.True(t, strings.HasPrefix(string(text), "a line"))
	require.True(t, strings.HasSuffix(string(text), "\nthe last\n"))
}
