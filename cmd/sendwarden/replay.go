package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"sendwarden/maillog"
	"sendwarden/past"
	"sendwarden/scoring"

	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"
	"golang.org/x/term"
)

type replayCommand struct {
	setup
	json  bool
	until string

	against, sweep, knownThefts string

	html     string
	reader   string // the zone in which its times are shown
	eachRule bool
}

func newReplay() *cobra.Command {
	var c replayCommand
	cmd := &cobra.Command{
		Use:   "replay FILE…",
		Short: "Show whom the rules would have held and blocked in old logs",
		Long: `Replay reads old logs, oldest first, and tells who would have been held and
blocked, when and why. It changes nothing: no blocklist is written and no mail
is touched.

FILE may be plain or compressed (gzip, zstd, xz, bzip2); - is standard input.

To try rules before they are trusted, --against compares them with others on the
same log, and --sweep shows what one value does when it is another: that of
threshold.block, threshold.hold, half_life or rules.NAME.points, as
KEY=FIRST..LAST or KEY=FIRST..LAST..STEP. With --known-thefts, blocks are hits or
false alarms.`,
		Example: `  sendwarden replay /var/log/mail.log*
  journalctl -u 'postfix*' -o json | sendwarden replay -
  sendwarden replay --rules new.yaml --against /etc/sendwarden/rules.yaml mail.log
  sendwarden replay --sweep threshold.block=60..200 --known-thefts thefts mail.log`,
		Args: atLeast(1, "log files (- for standard input)"),
		RunE: func(cmd *cobra.Command, args []string) error { return c.run(cmd, args) },
	}
	c.flags(cmd)
	c.timezoneFlag(cmd)
	cmd.Flags().BoolVar(&c.json, "json", false, "print one JSON object a line instead of a table")
	cmd.Flags().StringVar(&c.until, "until", "", "stop at `TIME`, such as '2026-04-15 21:15' or 2026-04-15; without a zone it is as the log's own times")
	c.backtestFlags(cmd)
	c.reportFlags(cmd)
	return cmd
}

func (c *replayCommand) run(cmd *cobra.Command, files []string) error {
	defer stopIdle(cmd)()
	zone, err := c.zone()
	if err != nil {
		return err
	}
	until, err := c.untilTime(zone)
	if err != nil {
		return err
	}
	if err := c.checkReport(); err != nil {
		return err
	}
	known, err := c.known(zone)
	if err != nil {
		return err
	}
	rules, places, logs, err := c.openLogs(files)
	if err != nil {
		return err
	}
	defer logs.Close()
	if c.against != "" || c.sweep != "" {
		return c.backtest(cmd, &backtesting{rules: rules, places: places, logs: logs, known: known, until: until, files: files})
	}

	out := bufio.NewWriter(cmd.OutOrStdout())
	diary := newDiary()
	if c.json {
		diary.each = func(e entry) { writeJSON(out, e) }
	}
	l, album := newLane("", rules, places, known), newAlbum(places)
	l.path.Judged = func(ev *maillog.Event, v scoring.Verdict) {
		diary.judged(ev, v)
		l.judged(ev, v)
		if c.html != "" {
			album.judged(ev, v)
		}
	}
	l.path.Released = func(r scoring.Release) {
		diary.released(r)
		l.record.Released(r)
		album.released(r)
	}
	l.path.Doubtful = diary.doubtful
	lanes := append([]*lane{l}, c.variants(rules, places, l)...)
	diary.cut = readUntil(cmd, logs, until, func(ev *maillog.Event) {
		diary.read(ev.Time)
		for _, l := range lanes {
			l.follow(ev)
		}
	})
	for _, l := range lanes {
		if !diary.cut.IsZero() {
			l.path.LetGo(diary.cut)
		}
	}
	if !errors.Is(logs.Err, past.ErrStopped) {
		c.end(out, diary, logs, l)
		if c.html != "" {
			r := &reporting{files: files, rules: rules, places: places, logs: logs, diary: diary, lane: l, variants: lanes[1:], album: album}
			err = c.writeReport(out, r, time.Now())
		}
	}
	return errors.Join(err, out.Flush(), logs.Err)
}

// end tells what a replay has come to.
func (c *replayCommand) end(out io.Writer, d *diary, logs *past.Logs, l *lane) {
	if !c.json {
		d.table(&narrow{to: out}, logs)
	}
	if c.knownThefts == "" || d.submissions == 0 {
		return
	}
	score := l.record.Score(d.from, d.to)
	if c.json {
		writeJSON(out, newScoreOut(score))
		return
	}
	writeScore(out, score)
}

// readUntil hands on the events of logs, with a progress bar, up to an end. It
// answers the end where that came before the logs'.
func readUntil(cmd *cobra.Command, logs *past.Logs, until end, each func(*maillog.Event)) (cut time.Time) {
	defer showProgress(cmd.ErrOrStderr(), logs)()
	for _, ev := range logs.All(cmd.Context()) {
		if until.before(ev.Time) {
			return until.in(ev.Time.Location())
		}
		each(ev)
	}
	return time.Time{}
}

// showProgress draws a bar while the logs are read, if a person is watching.
func showProgress(stderr io.Writer, logs *past.Logs) (finish func()) {
	f, isFile := stderr.(*os.File)
	if !isFile || !term.IsTerminal(int(f.Fd())) {
		return func() {}
	}
	size := logs.Size()
	if size == 0 {
		size = -1 // a spinner
	}
	bar := progressbar.NewOptions64(size, progressbar.OptionSetWriter(f), progressbar.OptionShowBytes(true),
		progressbar.OptionSetDescription("reading"), progressbar.OptionThrottle(100*time.Millisecond),
		progressbar.OptionClearOnFinish(), progressbar.OptionSetWidth(30))
	logs.Bar = func(n int64) { _ = bar.Add64(n) } // a bar that cannot be drawn is no reason to stop
	return func() { _ = bar.Finish() }
}

// entry is one line of `replay --json`, a format that others build on.
type entry struct {
	Type    string      `json:"type"`
	Time    time.Time   `json:"time"`
	User    string      `json:"user"`
	QueueID string      `json:"queue_id,omitempty"`
	Score   *float64    `json:"score,omitempty"`
	Reasons []reasonOut `json:"reasons,omitempty"`
	Text    string      `json:"text,omitempty"`
}

type reasonOut struct {
	Time    time.Time `json:"time"`
	Rule    string    `json:"rule"`
	Points  float64   `json:"points"`
	IP      string    `json:"ip"`
	Country string    `json:"country,omitempty"`
	ASN     uint32    `json:"asn,omitempty"`
	QueueID string    `json:"queue_id,omitempty"`
}

func writeJSON(w io.Writer, v any) {
	line := json.NewEncoder(w)
	line.SetEscapeHTML(false) // <ana@example.es> is to be read by people, too
	if err := line.Encode(v); err != nil {
		fmt.Fprintf(w, `{"type":"error","text":%q}`+"\n", err) // a failed write shows when the buffer is flushed
	}
}

// diary keeps what a replay has seen, for the table at its end.
type diary struct {
	each func(entry)

	submissions, held, letGo int
	others                   int // messages of senders who are no users
	alarms                   []scoring.Verdict
	from, to                 time.Time
	cut                      time.Time // where --until ended the reading; zero if nowhere
	users                    map[string]*fate
	blocked                  []*fate // in order of their blocks
	odd                      map[string]int
	braked                   map[string]bool // not blocked because too many were
}

// fate is what became of one user.
type fate struct {
	verdict scoring.Verdict
	held    int
	refused int         // after the block
	since   []time.Time // when a message got through while points were on the account
}

func newDiary() *diary {
	return &diary{each: func(entry) {}, users: make(map[string]*fate), odd: make(map[string]int), braked: make(map[string]bool)}
}

func (d *diary) read(t time.Time) {
	if d.from.IsZero() {
		d.from = t
	}
	d.to = t
}

func (d *diary) doubtful(ev *maillog.Event) {
	d.submissions++
	d.odd[ev.User]++
}

func (d *diary) judged(ev *maillog.Event, v scoring.Verdict) {
	if scoring.KindOf(v.User) == scoring.Users {
		d.submissions++
	} else {
		d.others++
	}
	score := float64(int64(v.Score*10+0.5)) / 10
	switch v.Action {
	case scoring.Hold:
		d.held++
		d.fate(v.User).held++
		d.each(entry{Type: "hold", Time: v.Time, User: v.User, QueueID: ev.QueueID, Score: &score})
	case scoring.Block:
		f := d.fate(v.User)
		f.verdict = v
		d.blocked = append(d.blocked, f)
		d.each(entry{Type: "block", Time: v.Time, User: v.User, QueueID: ev.QueueID, Score: &score, Reasons: reasonsOut(v)})
	case scoring.Alarm:
		d.alarms = append(d.alarms, v)
		d.each(entry{Type: "alarm", Time: v.Time, User: v.User, QueueID: ev.QueueID, Score: &score, Reasons: reasonsOut(v)})
	case scoring.Refuse:
		d.fate(v.User).refused++
	case scoring.Allow:
		if scoring.KindOf(v.User) == scoring.Users {
			d.allowed(v)
		}
	}
	if v.Braked {
		d.braked[v.User] = true
		d.each(entry{Type: "alert", Time: v.Time, User: v.User, QueueID: ev.QueueID, Score: &score, Text: "not blocked: more users in one hour than thefts account for"})
	}
}

// allowed counts what got through while points were on the account.
func (d *diary) allowed(v scoring.Verdict) {
	if v.Fired > 0 {
		f := d.fate(v.User)
		f.since = append(f.since, v.Time)
	} else if f := d.users[v.User]; f != nil && f.verdict.User == "" {
		f.since = append(f.since, v.Time)
	}
}

func (d *diary) released(r scoring.Release) {
	d.letGo++
	f := d.fate(r.User)
	f.held--
	f.since = append(f.since, r.Time)
	d.each(entry{Type: "release", Time: r.Time, User: r.User, QueueID: r.Message.ID})
}

func (d *diary) fate(user string) *fate {
	f := d.users[user]
	if f == nil {
		f = &fate{}
		d.users[user] = f
	}
	return f
}

func reasonsOut(v scoring.Verdict) []reasonOut {
	out := make([]reasonOut, len(v.Reasons))
	for i, r := range v.Reasons {
		out[i] = reasonOut{r.Time, r.Rule, r.Points, r.Place.Addr.String(), r.Place.Country, r.Place.ASN, r.Message.ID}
	}
	return out
}
