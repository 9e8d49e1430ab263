//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
)

// browser is a Chromium with what went wrong in it.
type browser struct {
	context.Context
	mu       sync.Mutex
	problems []string
	foreign  []string // addresses outside of the page's own that it asked for
}

// openBrowser starts Chromium, and listens to what its page complains of and asks
// for beside its own address.
func openBrowser(t *testing.T, own string) *browser {
	t.Helper()
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.NoSandbox, // the tests run as root
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true), chromedp.UserDataDir(t.TempDir()))
	allocator, free := chromedp.NewExecAllocator(t.Context(), options...)
	t.Cleanup(free)
	ctx, done := chromedp.NewContext(allocator)
	t.Cleanup(done)
	b := &browser{Context: ctx}
	require.NoError(t, chromedp.Listen(ctx, func(event any) {
		b.mu.Lock()
		defer b.mu.Unlock()
		switch e := event.(type) {
		case *runtime.EventExceptionThrown:
			b.problems = append(b.problems, e.ExceptionDetails.Text)
		case *runtime.EventConsoleAPICalled:
			if e.Type == runtime.ConsoleAPICalledTypeError {
				b.problems = append(b.problems, "an error on the console")
			}
		case *network.EventRequestWillBeSent:
			if u := e.Request.URL; !strings.HasPrefix(u, own) && !strings.HasPrefix(u, "data:") {
				b.foreign = append(b.foreign, u)
			}
		}
	}))
	_, err := chromedp.Call(ctx, network.Enable, network.EnableParams{})
	require.NoError(t, err)
	return b
}

// isClean wants no page so far to have complained or to have reached for others.
func (b *browser) isClean(t *testing.T) {
	t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	require.Empty(t, b.problems, "exceptions in the page")
	require.Empty(t, b.foreign, "requests to others")
}

// does takes steps, within a time that a slow machine needs.
func (b *browser) does(t *testing.T, steps ...chromedp.Action[chromedp.Void]) {
	t.Helper()
	ctx, cancel := context.WithTimeout(b, 30*time.Second)
	defer cancel()
	require.NoError(t, chromedp.Do(ctx, steps...))
}

// text is what a reader sees of the page.
func (b *browser) text() string {
	ctx, cancel := context.WithTimeout(b, 30*time.Second)
	defer cancel()
	text, err := chromedp.Run(ctx, chromedp.Evaluate[string](`document.body ? document.body.innerText : ""`))
	if err != nil {
		return err.Error() // a page that is just being left
	}
	return text
}

// sees waits until the page has a text.
func (b *browser) sees(t *testing.T, text string) {
	t.Helper()
	within(t, 30*time.Second, "the page says "+text, func() bool { return strings.Contains(b.text(), text) })
}

// looksWell makes sure that the page can be read on each kind of screen.
func (b *browser) looksWell(t *testing.T, name string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(b, time.Minute)
	defer cancel()
	for _, look := range looks {
		look.on(t, ctx)
		look.legible(t, ctx, name)
	}
}

// An administrator has the review page open: a theft appears by itself, with its
// reasons, and a click lets go what was held in Postfix's real queue.
func TestReviewPage(t *testing.T) {
	p := startPostfix(t, "lmdb", func(p *postfix) { p.Door = freePort(t) })
	for _, name := range []string{"hook", "sendmail"} {
		require.NoError(t, os.WriteFile(p.file(name), []byte("#!/bin/sh\ncat >/dev/null\n"), 0o755))
	}
	address := freePort(t)
	startDaemon(t, p, atTheDoor(p, "2h"), "--review", address)
	link := strings.TrimSpace(output(t, "review", "--rules", p.file("rules.yaml"), "--blocklist", p.Blocklist, "--control", p.file("control")))
	require.True(t, strings.HasPrefix(link, "http://"+address+"/enter?token="), link)

	b := openBrowser(t, "http://"+address+"/")
	b.does(t, chromedp.Navigate(link), chromedp.WaitVisible("nav"))
	b.sees(t, "Nobody is blocked.")
	b.looksWell(t, "empty")

	p.sends(t, alice, spain)
	thief := p.login(t, alice, brazil)
	thief.send(t, alice, bob)
	b.sees(t, "1 message") // it waits, and the page says so without being loaded again
	b.looksWell(t, "held")
	p.login(t, alice, russia).stopped(t, alice)
	b.sees(t, "second country")
	b.sees(t, "Release")
	b.looksWell(t, "blocked")

	p.isReported(t)

	b.does(t, chromedp.Click("article h3 a"), chromedp.WaitVisible("h1.name"))
	b.sees(t, "How the score came to be")
	b.sees(t, brazil)
	b.looksWell(t, "user")
	require.Equal(t, 1, p.inQueue(t, "hold"))
	b.does(t, chromedp.SendKeys(`form.card input[name=why]`, "on a trip"),
		chromedp.Click(`form.card button[value=release]`))
	b.sees(t, alice+" may send again.")
	within(t, 10*time.Second, "the held message arrives", func() bool { return p.inbox(t, "bob") == 1 })
	within(t, 5*time.Second, "Postfix lets the user send", func() bool { return p.answer(alice) == "" })
	b.does(t, chromedp.Navigate("http://"+address+"/rules"))
	b.sees(t, "Counted since")
	b.looksWell(t, "rules")
	b.does(t, chromedp.Navigate("http://"+address+"/history"))
	b.sees(t, "on a trip")
	b.sees(t, "review page")
	b.looksWell(t, "history")

	require.Equal(t, http.StatusUnauthorized, status(t, "http://"+address+"/"), "without a session")
	require.Equal(t, http.StatusUnauthorized, status(t, link), "a link that was used")
	b.isClean(t)
	b.refusesOthers(t, address)
	require.Empty(t, p.answer(bob), "what another site asked for is not done")
}

// isReported makes a report of how things stand, and looks at it in a browser.
func (p *postfix) isReported(t *testing.T) {
	t.Helper()
	flags := []string{"--rules", p.file("rules.yaml"), "--blocklist", p.Blocklist, "--control", p.file("control"), "--state", p.file("state.db")}
	said := output(t, append([]string{"report"}, flags...)...)
	require.Contains(t, said, "1 user blocked; 0 messages held; 0 users close to it.")
	file := p.file("standing.html")
	output(t, append([]string{"report", "--html", file}, flags...)...)
	showsWell(t, "file://"+file, "standing", []string{alice, "1 message waits until a person decides", "second country", "Russia"},
		"#where svg .arc", "#blocked svg .score", "#blocked svg rect.allowed", "#done table", "#rules table")
}

// refusesOthers has the browser, whose session is good, visit another site that
// shows ours in a frame and sends its form.
func (b *browser) refusesOthers(t *testing.T, address string) {
	t.Helper()
	site := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprintf(w, `<!doctype html><iframe src="http://%[1]s/" onload="loaded = true"></iframe>
			<form method="post" action="http://%[1]s/act"><input name="act" value="block"><input name="user" value="%[2]s"><input name="why" value="evil"><button>Win</button></form>`,
			address, bob)
	})
	evil := httptest.NewServer(site)
	defer evil.Close()
	b.does(t, chromedp.Navigate(strings.Replace(evil.URL, "127.0.0.1", "localhost", 1)), chromedp.WaitVisible("button"))
	framed, err := chromedp.Run(b, chromedp.Evaluate[bool](`(() => { try { return document.querySelector("iframe").contentDocument !== null } catch { return false } })()`))
	require.NoError(t, err)
	require.False(t, framed, "our page is not to be had in a frame")
	b.does(t, chromedp.Click("button"))
	b.sees(t, "another site's page")
}

// status asks for a page as another program would.
func status(t *testing.T, target string) int {
	t.Helper()
	answer, err := http.Get(target)
	require.NoError(t, err)
	require.NoError(t, answer.Body.Close())
	return answer.StatusCode
}
