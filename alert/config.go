package alert

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/mail"
	"net/url"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Config is the section alerts of the rules. Its zero value tells nobody.
type Config struct {
	Interval time.Duration `yaml:"interval"` // after a message, what comes is gathered so long; 10m
	PerHour  int           `yaml:"per_hour"` // most messages an hour for each way; 6
	Journal  bool          `yaml:"journal"`  // also write a line of the log for each notice

	From     string `yaml:"from"`     // of mails; sendwarden@ and this host's name
	Sendmail string `yaml:"sendmail"` // the program that mails are handed to; /usr/sbin/sendmail
	SMTP     string `yaml:"smtp"`     // a server, host:port, instead of the program
	TLS      string `yaml:"tls"`      // for it: may, or verify

	Mail    []Mail    `yaml:"mail"`
	Webhook []Webhook `yaml:"webhook"`

	NotifyUser bool     `yaml:"notify_user"` // tell a blocked user, too
	UserMail   UserMail `yaml:"user_mail"`
}

// Mail is one group of people who are told by mail.
type Mail struct {
	To   []string `yaml:"to"`
	On   []Kind   `yaml:"on"`   // block, queue, brake, fault
	SMTP string   `yaml:"smtp"` // another server than the one above
}

// Webhook is a URL that digests are posted to.
type Webhook struct {
	URL     string            `yaml:"url"`
	On      []Kind            `yaml:"on"`
	Headers map[string]string `yaml:"headers"` // such as Authorization
	Timeout time.Duration     `yaml:"timeout"` // 10s
}

// UserMail is the mail to a blocked user.
type UserMail struct {
	Domains []string `yaml:"domains"` // only log-in names that are addresses of these are written to
	Subject string   `yaml:"subject"`
	Text    string   `yaml:"text"` // {user}, {time} and {host} stand for theirs
}

const (
	interval    = 10 * time.Minute
	perHour     = 6
	webhookTime = 10 * time.Second
	sendmailAt  = "/usr/sbin/sendmail"

	maxWays = 16
	maxTo   = 50
	maxText = 8000
)

// usualKinds are told unless "on" says otherwise. Holds are not among them:
// travellers make them daily.
func usualKinds() []Kind { return []Kind{Brake, Fault, Block, Alarm, Queue} }

func (w *Webhook) timeout() time.Duration {
	if w.Timeout == 0 {
		return webhookTime
	}
	return w.Timeout
}

// Recipients are the addresses that are told. Whoever watches should not be
// silenced by what is watched: give them never_block.
func (c *Config) Recipients() []string {
	var to []string
	for _, m := range c.Mail {
		to = append(to, m.To...)
	}
	slices.Sort(to)
	return slices.Compact(to)
}

// Check says everything that is wrong with the section.
func (c *Config) Check() error {
	var faults []error
	fault := func(format string, a ...any) { faults = append(faults, fmt.Errorf("alerts: "+format, a...)) }
	if c.Interval != 0 && (c.Interval < time.Minute || c.Interval > 24*time.Hour) {
		fault("interval: %v (1m to 24h)", c.Interval)
	}
	if c.PerHour < 0 || c.PerHour > 1000 {
		fault("per_hour: %d (1 to 1000)", c.PerHour)
	}
	if c.Sendmail != "" && c.SMTP != "" {
		fault("sendmail and smtp: mail goes by one of them (take the other away)")
	}
	if c.Sendmail != "" && !filepath.IsAbs(c.Sendmail) {
		fault("sendmail: %q (write the whole path, such as %s)", c.Sendmail, sendmailAt)
	}
	if c.TLS != "" && c.TLS != "may" && c.TLS != "verify" {
		fault("tls: %q (may or verify)", c.TLS)
	}
	if c.From != "" {
		faults = append(faults, prefixed("alerts: from: ", checkAddress(c.From)))
	}
	faults = append(faults, prefixed("alerts: smtp: ", checkServer(c.SMTP)))
	if len(c.Mail) > maxWays || len(c.Webhook) > maxWays {
		fault("more than %d of mail or webhook (put recipients together)", maxWays)
	}
	for i := range c.Mail {
		faults = append(faults, prefixed(fmt.Sprintf("alerts: mail %d: ", i+1), c.Mail[i].check()))
	}
	for i := range c.Webhook {
		faults = append(faults, prefixed(fmt.Sprintf("alerts: webhook %d: ", i+1), c.Webhook[i].check()))
	}
	if c.NotifyUser {
		faults = append(faults, prefixed("alerts: user_mail: ", c.UserMail.check()))
	}
	return errors.Join(faults...)
}

// prefixed puts the place before a fact; nil stays nil.
func prefixed(place string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s%w", place, err)
}

func (m *Mail) check() error {
	if len(m.To) == 0 || len(m.To) > maxTo {
		return fmt.Errorf("to: %d addresses (1 to %d)", len(m.To), maxTo)
	}
	for _, address := range m.To {
		if err := checkAddress(address); err != nil {
			return fmt.Errorf("to: %w", err)
		}
	}
	if err := checkServer(m.SMTP); err != nil {
		return fmt.Errorf("smtp: %w", err)
	}
	return CheckKinds(m.On)
}

func (w *Webhook) check() error {
	u, err := url.Parse(w.URL)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
		return errors.New("url: not the URL of a webhook (write https://…)") // not shown: it may be a secret
	case w.Timeout != 0 && (w.Timeout < time.Second || w.Timeout > 5*time.Minute):
		return fmt.Errorf("timeout: %v (1s to 5m)", w.Timeout)
	}
	for name, value := range w.Headers {
		if !isToken(name) || strings.ContainsFunc(value, hides) {
			return fmt.Errorf("headers: %q cannot be sent (letters and hyphens in the name, no line break in the value)", name)
		}
	}
	return CheckKinds(w.On)
}

func (u *UserMail) check() error {
	if len(u.Domains) == 0 {
		return errors.New("domains: none, so that nobody is written to (write your mail domains)")
	}
	for _, d := range u.Domains {
		if err := checkAddress("x@" + d); err != nil {
			return fmt.Errorf("domains: %q is no domain (write example.com)", d)
		}
	}
	if len(u.Text) > maxText {
		return fmt.Errorf("text: %d bytes (at most %d)", len(u.Text), maxText)
	}
	rest := strings.NewReplacer("{user}", "", "{time}", "", "{host}", "").Replace(u.Subject + u.Text)
	if i := strings.IndexAny(rest, "{}"); i >= 0 {
		return fmt.Errorf("text: %q (the words in braces are {user}, {time} and {host})", Clean(rest[i:], 20))
	}
	return nil
}

// CheckKinds says which of the kinds there is none of.
func CheckKinds(kinds []Kind) error {
	for _, k := range kinds {
		if !slices.Contains(Kinds(), k) {
			return fmt.Errorf("on: %q (one of %s)", k, strings.Trim(fmt.Sprint(Kinds()), "[]"))
		}
	}
	return nil
}

// checkAddress admits a bare address in ASCII, such as every server takes.
func checkAddress(address string) error {
	a, err := mail.ParseAddress(address)
	if err != nil || a.Name != "" || a.Address != address || len(address) > maxName ||
		strings.ContainsFunc(address, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return fmt.Errorf("%q is no plain address (write name@example.com)", Clean(address, maxShort))
	}
	return nil
}

func checkServer(server string) error {
	if server == "" {
		return nil
	}
	host, port, err := net.SplitHostPort(server)
	if n, portErr := strconv.ParseUint(port, 10, 16); err != nil || portErr != nil || n == 0 || host == "" {
		return fmt.Errorf("%q (write host:port, such as localhost:25)", Clean(server, maxShort))
	}
	return nil
}

// isToken reports a name that HTTP takes for a header (RFC 9110, section 5.6.2),
// of the usual characters.
func isToken(name string) bool {
	return name != "" && len(name) <= maxShort && strings.Trim(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") == "" &&
		!strings.EqualFold(name, "Host") && http.CanonicalHeaderKey(name) != "Content-Length"
}
