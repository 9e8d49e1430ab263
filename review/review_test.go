package review

import (
	"bufio"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"sendwarden/control"

	"github.com/stretchr/testify/require"
)

var noon = time.Date(2026, 3, 28, 12, 0, 0, 0, time.UTC)

// desk is a daemon that remembers what it was asked to do.
type desk struct {
	control.Service
	mu   sync.Mutex
	acts []control.Act
	who  []control.Who
	fail error
	user control.Account

	judged chan control.Judged
}

func (d *desk) Watch(ctx context.Context, each func(control.Judged) error) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case j, open := <-d.judged:
			if !open {
				return errors.New("the daemon stops")
			}
			if err := each(j); err != nil {
				return err
			}
		}
	}
}

func (d *desk) Status(context.Context) (control.Status, error) {
	return control.Status{Version: "1.0", Host: "mail.example.es", Mode: "enforce", Since: noon.Add(-time.Hour), Rules: "the shipped rules",
		Submissions: 1204, Last: noon.Add(-3 * time.Second)}, nil
}

func (d *desk) Accounts(context.Context) (control.Accounts, error) {
	return control.Accounts{Listed: []control.Account{d.user}, Last: noon.Add(-3 * time.Second)}, nil
}

func (d *desk) Account(_ context.Context, name string) (control.Account, error) {
	if name != d.user.User {
		return control.Account{}, control.NotFound("%s is not known here", name)
	}
	return d.user, nil
}

func (d *desk) History(context.Context, control.Span) ([]control.Record, error) {
	return []control.Record{{Time: noon, Who: "sendwarden", Act: control.Block, User: d.user.User, Why: "third new country"}}, nil
}

func (d *desk) Rules(context.Context) ([]control.Rule, error) {
	return []control.Rule{{Name: "third new country", Points: 60, When: "new_country", Fired: 2, Last: noon}}, nil
}

func (d *desk) Do(_ context.Context, who control.Who, act control.Act) (control.Done, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.fail != nil {
		return control.Done{}, d.fail
	}
	d.acts, d.who = append(d.acts, act), append(d.who, who)
	return control.Done{Messages: 2}, nil
}

func theft(user string) control.Account {
	return control.Account{
		User: user, Blocked: true, Score: 162.5, Hold: 50, Block: 100, Since: noon, At: 162.5, Usual: "ES, AS3352 Telefonica",
		Reasons: []control.Reason{
			{Time: noon.Add(-2 * time.Minute), Rule: "new country", Points: 72, Place: control.Place{IP: "192.0.2.7", Country: "BR", ASN: 64500, Org: "Example"}, QueueID: "4F1A2B3C4D"},
			{Time: noon, Rule: "third new country", Points: 60, Place: control.Place{IP: "198.51.100.9", Country: "VN"}},
		},
		Held: []control.Message{{QueueID: "4F1A2B3C4D", Since: noon}},
	}
}

// open makes a page over a desk, and a browser's way to it.
func open(t *testing.T, c Config, d *desk) (*Page, http.Handler) {
	t.Helper()
	pages, err := parse()
	require.NoError(t, err)
	p := &Page{gate: newGate(c, func() time.Time { return noon }), log: slog.New(slog.DiscardHandler), now: func() time.Time { return noon },
		pages: pages, streams: make(chan struct{}, maxStreams)}
	return p, p.gate.guard(p.routes(d))
}

// ask sends a request as a browser does that has a session, unless change says
// otherwise.
func ask(h http.Handler, method, target string, form url.Values, change ...func(*http.Request)) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, "http://127.0.0.1:8025"+target, strings.NewReader(form.Encode()))
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Sec-Fetch-Site", "same-origin")
	}
	for _, c := range change {
		c(r)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// enter follows a link; the answer is what carries the session.
func enter(t *testing.T, p *Page, h http.Handler) func(*http.Request) {
	t.Helper()
	w := ask(h, "GET", p.gate.link(), nil)
	require.Equal(t, http.StatusOK, w.Code)
	cookies := w.Result().Cookies()
	require.Len(t, cookies, 1)
	require.True(t, cookies[0].HttpOnly)
	require.Equal(t, http.SameSiteStrictMode, cookies[0].SameSite)
	return func(r *http.Request) { r.AddCookie(cookies[0]) }
}

func TestALinkLetsOneBrowserInOnce(t *testing.T) {
	p, h := open(t, Config{}, &desk{user: theft("info@example.es")})
	require.Equal(t, http.StatusUnauthorized, ask(h, "GET", "/", nil).Code)
	link := p.gate.link()
	require.Equal(t, http.StatusUnauthorized, ask(h, "HEAD", link, nil).Code, "a look ahead does not use it up")
	first := ask(h, "GET", link, nil)
	require.Equal(t, http.StatusOK, first.Code)
	require.Equal(t, http.StatusUnauthorized, ask(h, "GET", link, nil).Code, "used already")
	require.Equal(t, http.StatusUnauthorized, ask(h, "GET", "/enter?token=AAAAAAAAAAAAAAAAAAAAAAAAAA", nil).Code)
	w := ask(h, "GET", "/", nil, func(r *http.Request) { r.AddCookie(first.Result().Cookies()[0]) })
	require.Equal(t, http.StatusOK, w.Code)
	require.Contains(t, w.Body.String(), "info@example.es")
	require.Equal(t, http.StatusUnauthorized, ask(h, "GET", "/", nil, func(r *http.Request) { r.AddCookie(&http.Cookie{Name: cookie, Value: "guess"}) }).Code)
}

func TestLinksAndSessionsEnd(t *testing.T) {
	now := noon
	g := newGate(Config{}, func() time.Time { return now })
	token := strings.TrimPrefix(g.link(), "/enter?token=")
	now = now.Add(linkLife + time.Second)
	_, ok := g.redeem(token)
	require.False(t, ok, "too old a link")
	value, ok := g.redeem(strings.TrimPrefix(g.link(), "/enter?token="))
	require.True(t, ok)
	r := httptest.NewRequest("GET", "/", nil)
	r.AddCookie(&http.Cookie{Name: cookie, Value: value})
	now = now.Add(sessionLife - time.Second)
	require.NotNil(t, g.who(r), "who does something stays")
	now = now.Add(sessionLife - time.Second)
	require.NotNil(t, g.who(r))
	now = now.Add(sessionLife + time.Second)
	require.Nil(t, g.who(r))
	for range 1000 {
		g.link()
	}
	require.LessOrEqual(t, len(g.links), maxLinks)
}

func TestOtherSitesCanDoNothing(t *testing.T) {
	d := &desk{user: theft("info@example.es")}
	p, h := open(t, Config{}, d)
	in := enter(t, p, h)
	release := url.Values{"act": {"release"}, "user": {"info@example.es"}}
	for name, change := range map[string]func(*http.Request){
		"another site's form":   func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") },
		"another port of ours":  func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "same-site") },
		"an old browser's form": func(r *http.Request) { r.Header.Del("Sec-Fetch-Site"); r.Header.Set("Origin", "https://evil.example") },
	} {
		require.Equal(t, http.StatusForbidden, ask(h, "POST", "/act", release, in, change).Code, name)
	}
	w := ask(h, "GET", "/", nil, in, func(r *http.Request) { r.Host = "evil.example:8025" })
	require.Equal(t, http.StatusMisdirectedRequest, w.Code, "a name that somebody pointed at us")
	require.NotContains(t, w.Body.String(), "info@example.es")
	require.Equal(t, http.StatusNotFound, ask(h, "GET", "/act?act=release&user=info@example.es", nil, in).Code, "acts are no links")
	require.Equal(t, http.StatusUnauthorized, ask(h, "POST", "/act", release).Code)
	require.Empty(t, d.acts)
	for _, target := range []string{"/", "/nowhere", "/static/style.css"} {
		head := ask(h, "GET", target, nil, in).Header()
		require.Contains(t, head.Get("Content-Security-Policy"), "default-src 'none'", target)
		require.Contains(t, head.Get("Content-Security-Policy"), "frame-ancestors 'none'", target)
	}
}

func TestActsGoThroughTheDaemon(t *testing.T) {
	d := &desk{user: theft("info@example.es")}
	p, h := open(t, Config{}, d)
	in := enter(t, p, h)
	for _, form := range []url.Values{
		{"act": {"release"}, "user": {"info@example.es"}, "learn": {"on"}, "why": {"a trip"}},
		{"act": {"release"}, "user": {"info@example.es"}},
		{"act": {"block"}, "user": {" info@example.es "}, "why": {"phished"}},
		{"act": {"send"}, "user": {"info@example.es"}, "queue_id": {"4F1A2B3C4D"}},
		{"act": {"trust"}, "user": {"info@example.es"}, "place": {"FR"}, "until": {"2026-05-01"}},
		{"act": {"trust"}, "user": {"info@example.es"}, "place": {"192.0.2.0/24"}},
		{"act": {"untrust"}, "user": {"info@example.es"}, "place": {"AS3215"}},
	} {
		w := ask(h, "POST", "/act", form, in)
		require.Equal(t, http.StatusSeeOther, w.Code)
		require.Equal(t, "/user?name=info%40example.es", w.Header().Get("Location"))
	}
	require.Equal(t, []control.Act{
		{Kind: control.Release, User: "info@example.es", Why: "a trip"},
		{Kind: control.Release, User: "info@example.es", NoLearn: true},
		{Kind: control.Block, User: "info@example.es", Why: "phished"},
		{Kind: control.Send, User: "info@example.es", QueueID: "4F1A2B3C4D"},
		{Kind: control.TrustPlace, User: "info@example.es", Trust: &control.Trust{User: "info@example.es", Country: "FR", Until: time.Date(2026, 5, 2, 0, 0, 0, 0, time.UTC)}},
		{Kind: control.TrustPlace, User: "info@example.es", Trust: &control.Trust{User: "info@example.es", Network: "192.0.2.0/24"}},
		{Kind: control.Untrust, User: "info@example.es", Trust: &control.Trust{User: "info@example.es", ASN: 3215}},
	}, d.acts)
	require.Equal(t, "review page", d.who[0].Name)
	require.Contains(t, ask(h, "GET", "/user?name=info@example.es", nil, in).Body.String(), "AS3215 is no longer trusted")
	require.NotContains(t, ask(h, "GET", "/user?name=info@example.es", nil, in).Body.String(), "no longer trusted", "said once")
}

func TestWhatCannotBeDoneIsSaid(t *testing.T) {
	d := &desk{user: theft("info@example.es")}
	p, h := open(t, Config{}, d)
	in := enter(t, p, h)
	for _, form := range []url.Values{
		{"act": {"explode"}, "user": {"info@example.es"}},
		{"act": {"release"}, "user": {"info@example.es\nx"}},
		{"act": {"trust"}, "user": {"info@example.es"}, "place": {"Atlantis"}},
		{"act": {"trust"}, "user": {"info@example.es"}, "place": {"FR"}, "until": {"soon"}},
		{"act": {"send"}, "user": {"info@example.es"}, "queue_id": {"../../etc"}},
	} {
		ask(h, "POST", "/act", form, in)
		require.Contains(t, ask(h, "GET", "/", nil, in).Body.String(), "Not done: ", "%v", form)
	}
	require.Empty(t, d.acts)
	d.fail = control.Conflict("info@example.es is not blocked")
	ask(h, "POST", "/act", url.Values{"act": {"release"}, "user": {"info@example.es"}}, in)
	require.Contains(t, ask(h, "GET", "/", nil, in).Body.String(), "Not done: info@example.es is not blocked.")
	require.Equal(t, http.StatusBadRequest, ask(h, "POST", "/act", url.Values{"act": {strings.Repeat("x", maxForm)}}, in).Code)
	require.Equal(t, http.StatusNotFound, ask(h, "GET", "/user?name=nobody", nil, in).Code)
}

func TestNobodysWordsBecomeMarkup(t *testing.T) {
	name := `<script>alert(1)</script>"onload=x@example.es`
	account := theft(name)
	account.Usual, account.Notes = name, []string{name}
	account.Reasons[0].Org, account.Reasons[0].Rule = name, name
	d := &desk{user: account}
	p, h := open(t, Config{}, d)
	in := enter(t, p, h)
	for _, target := range []string{"/", "/user?name=" + url.QueryEscape(name), "/history?user=" + url.QueryEscape(name), "/rules"} {
		w := ask(h, "GET", target, nil, in)
		require.Equal(t, http.StatusOK, w.Code, w.Body.String())
		require.NotContains(t, w.Body.String(), "<script>alert", target)
		require.NotContains(t, w.Body.String(), `"onload`, target)
	}
}

func TestAWebServerSaysWhoSomebodyIs(t *testing.T) {
	d := &desk{user: theft("info@example.es")}
	_, h := open(t, Config{Listen: "unix:/run/sendwarden/review", UserHeader: "X-Remote-User", Names: []string{"mail.example.es"}}, d)
	named := func(r *http.Request) { r.Host = "mail.example.es" }
	ana := func(r *http.Request) { r.Header.Set("X-Remote-User", "ana") }
	require.Equal(t, http.StatusUnauthorized, ask(h, "GET", "/", nil, named).Code)
	require.Equal(t, http.StatusUnauthorized, ask(h, "GET", "/enter?token=x", nil, named).Code, "there are no links")
	require.Equal(t, http.StatusOK, ask(h, "GET", "/", nil, named, ana).Code)
	ask(h, "POST", "/act", url.Values{"act": {"release"}, "user": {"info@example.es"}}, named, ana)
	require.Equal(t, "ana", d.who[0].Name)
}

func TestTheftOnTheMap(t *testing.T) {
	account := theft("info@example.es")
	account.Memory = []byte(`{"user":"info@example.es","countries":[{"what":"ES","days":40},{"what":"PT","days":1}]}`)
	drawing := string(drawMap(account))
	require.Contains(t, drawing, `class="map"`)
	require.Equal(t, 2, strings.Count(drawing, `class="arc"`), "from Spain to Brazil and to Vietnam")
	require.Equal(t, 1, strings.Count(drawing, `class="home"`))
	account.Reasons = nil
	require.Empty(t, drawMap(account))
	account = theft("info@example.es")
	require.NotContains(t, string(drawMap(account)), `class="arc"`, "nobody knows where the user is at home")
}

func TestNewsReachesTheBrowser(t *testing.T) {
	d := &desk{user: theft("info@example.es"), judged: make(chan control.Judged)}
	p, h := open(t, Config{}, d)
	server := httptest.NewServer(h)
	defer server.Close()
	r, err := http.NewRequestWithContext(t.Context(), "GET", server.URL+"/events", nil)
	require.NoError(t, err)
	enter(t, p, h)(r)
	answer, err := server.Client().Do(r)
	require.NoError(t, err)
	lines := bufio.NewScanner(answer.Body)
	next := func() string {
		for lines.Scan() {
			if name, ok := strings.CutPrefix(lines.Text(), "event: "); ok {
				return name
			}
		}
		return "the end"
	}
	require.Equal(t, "hello", next())
	d.judged <- control.Judged{Action: "allow"} // nothing to see
	d.judged <- control.Judged{Action: "block"}
	require.Equal(t, "news", next())
	close(d.judged)
	require.Equal(t, "the end", next(), "the daemon stops")
	require.NoError(t, answer.Body.Close())
}

func TestConfig(t *testing.T) {
	for listen, fault := range map[string]string{
		"127.0.0.1:8025": "", "inet:[::1]:8025": "", "localhost:8025": "", "": "",
		"0.0.0.0:8025": "other hosts could reach it", "8025": "no address and port", "unix:review": "the path is not whole",
		"unix:/run/sendwarden/review": "a web server has to say who",
	} {
		err := Config{Listen: listen}.Check()
		if fault == "" {
			require.NoError(t, err, listen)
		} else {
			require.ErrorContains(t, err, fault, listen)
		}
	}
	require.ErrorContains(t, Config{Listen: "127.0.0.1:8025", UserHeader: "X-Remote-User"}.Check(), "whoever can connect")
	require.ErrorContains(t, Config{Listen: "127.0.0.1:8025", Names: []string{"https://mail.example.es"}}.Check(), "no host name")
}
