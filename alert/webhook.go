package alert

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

const (
	// maxAnswer bounds what is read of a webhook's answer.
	maxAnswer = 4 << 10
	// maxChat bounds the text of a chat message; Mattermost takes 16,383
	// characters, Slack cuts at 40,000.
	maxChat = 12_000
)

// webhook posts digests to a URL.
type webhook struct {
	url     string
	headers map[string]string
	client  *http.Client
}

// post is what a webhook gets. Slack and Mattermost show its text and pass over
// the rest.
type post struct {
	Text    string    `json:"text"`
	Time    time.Time `json:"time"`
	Host    string    `json:"host,omitempty"`
	Notices []Notice  `json:"notices"`
	Dropped int       `json:"dropped,omitempty"`
}

// newWebhook makes the client, too: one that follows no redirect, as the next
// place would be told who is blocked, and keeps no connection.
func newWebhook(c Webhook) *webhook {
	return &webhook{c.URL, c.Headers, &http.Client{
		Timeout:       c.timeout(),
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport:     &http.Transport{Proxy: http.ProxyFromEnvironment, DisableKeepAlives: true},
	}}
}

// name is the webhook without its path: that of a chat's is a secret.
func (w *webhook) name() string {
	u, err := url.Parse(w.url)
	if err != nil {
		return "webhook"
	}
	return "webhook " + u.Scheme + "://" + u.Host
}

func (w *webhook) send(ctx context.Context, d *digest) error {
	body, err := json.Marshal(post{chat(d), d.time, d.host, d.notices, d.dropped})
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, w.url, bytes.NewReader(body))
	if err != nil {
		return errors.New("the URL cannot be used")
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("User-Agent", "sendwarden")
	for name, value := range w.headers {
		request.Header.Set(name, value)
	}
	answer, err := w.client.Do(request)
	if err != nil {
		var spoken *url.Error // it has the URL in it
		if errors.As(err, &spoken) {
			err = spoken.Err
		}
		return err
	}
	defer answer.Body.Close()
	said, _ := io.ReadAll(io.LimitReader(answer.Body, maxAnswer)) // the status is what counts
	if answer.StatusCode/100 != 2 {
		return errors.New(strings.TrimSpace(fmt.Sprintf("HTTP status %d %s", answer.StatusCode, Clean(string(said), maxShort))))
	}
	return nil
}

// unchatty are the characters that mean something to a chat even in a block of
// code: the brackets of Slack's "<!channel>", which calls everybody, and the
// backtick, which ends the block, so that Mattermost's "@all" calls everybody.
const unchatty = "<>`"

// chat is the digest's text as a chat shows it without acting on it. What stands
// for a backtick is no quote to a shell: the text has a command in it.
func chat(d *digest) string {
	text := strings.NewReplacer("<", "‹", ">", "›", "`", "ˋ").Replace(d.text())
	if len(text) > maxChat {
		text = strings.ToValidUTF8(text[:maxChat], "") + "…\n"
	}
	return "```\n" + text + "```"
}
