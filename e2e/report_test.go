//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
)

// TestReportInABrowser opens the pages that commands make of the README's week in
// Chromium, as large as a phone and as a desktop, light and dark. To look at them
// oneself:
//
//	SCREENSHOTS=/tmp go test -tags e2e -run TestReportInABrowser ./e2e
func TestReportInABrowser(t *testing.T) {
	week, err := filepath.Abs("../testdata/week/mail.log")
	require.NoError(t, err)
	for name, page := range map[string]struct{ command, texts, drawings []string }{
		"report": {[]string{"replay"}, []string{"info@example.es", "Blocked 2026-03-28 03:14:54 +0100", "Russia"},
			[]string{"#where svg .arc", "#where svg .home", "#blocked svg .score", "#rules table"}},
		"sweep": {[]string{"replay", "--sweep", "threshold.block=60..200"}, []string{"100, as now"}, []string{"#curves svg rect.allowed"}},
		"stats": {[]string{"stats"}, []string{"By hour", "Spain"}, []string{"#hours svg rect.allowed"}},
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), name+".html")
			out, err := exec.Command(program, append(page.command, "--html", file, week)...).CombinedOutput()
			require.NoError(t, err, "%s", out)
			showsWell(t, "file://"+file, name, page.texts, page.drawings...)
		})
	}
}

// showsWell opens a page in Chromium, as large as a phone and as a desktop, light and
// dark, and makes sure that it has these texts and drawings, can be read, and asks for
// nothing.
func showsWell(t *testing.T, page, name string, texts []string, drawings ...string) {
	t.Helper()
	browser, heard := newBrowser(t)
	backgrounds := make(map[string]bool)
	for _, look := range looks {
		look.on(t, browser)
		require.NoError(t, chromedp.Do(browser, chromedp.Navigate(page), chromedp.WaitVisible("section h2")), look.name)
		shown := evaluate[string](t, browser, `document.body.innerText`)
		for _, text := range texts {
			require.Contains(t, shown, text, look.name)
		}
		backgrounds[evaluate[string](t, browser, `getComputedStyle(document.body).backgroundColor`)] = true
		visible(t, browser, drawings...)
		look.legible(t, browser, name)
	}
	require.Len(t, backgrounds, 2, "light and dark look the same")
	heard.nothingBut(t, page)
}

// visible makes sure that drawings are there and have a size.
func visible(t *testing.T, browser context.Context, selectors ...string) {
	t.Helper()
	for _, s := range selectors {
		size := evaluate[float64](t, browser, fmt.Sprintf( // a score that rises within a second is a line upwards
			`Math.max(...[...document.querySelectorAll(%q)].map(e => { const r = e.getBoundingClientRect(); return Math.hypot(r.width, r.height) }))`, s))
		require.Greater(t, size, 3.0, s)
	}
}

func evaluate[T any](t *testing.T, browser context.Context, script string) T {
	t.Helper()
	value, err := chromedp.Run(browser, chromedp.Evaluate[T](script))
	require.NoError(t, err, script)
	return value
}

// hearing keeps what a browser asked for and complained of.
type hearing struct {
	sync.Mutex
	requests, complaints []string
}

// nothingBut makes sure that nothing else was asked for, and nothing complained of.
func (h *hearing) nothingBut(t *testing.T, page string) {
	t.Helper()
	h.Lock()
	defer h.Unlock()
	require.NotEmpty(t, h.requests)
	for _, r := range h.requests {
		require.Equal(t, page, strings.TrimSuffix(r, "#"))
	}
	require.Empty(t, h.complaints)
}

// newBrowser starts Chromium.
func newBrowser(t *testing.T) (context.Context, *hearing) {
	t.Helper()
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.NoSandbox, chromedp.UserDataDir(t.TempDir()),
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true))
	allocated, cancel := chromedp.NewExecAllocator(t.Context(), options...)
	t.Cleanup(cancel)
	browser, cancel := chromedp.NewContext(allocated)
	t.Cleanup(cancel)
	browser, cancel = context.WithTimeout(browser, 2*time.Minute)
	t.Cleanup(cancel)
	h := &hearing{}
	require.NoError(t, chromedp.Listen(browser, func(event any) {
		h.Lock()
		defer h.Unlock()
		switch e := event.(type) {
		case *network.EventRequestWillBeSent:
			h.requests = append(h.requests, e.Request.URL)
		case *runtime.EventExceptionThrown:
			h.complaints = append(h.complaints, e.ExceptionDetails.Text)
		case *runtime.EventConsoleAPICalled:
			h.complaints = append(h.complaints, fmt.Sprint(e.Args))
		case *log.EventEntryAdded:
			h.complaints = append(h.complaints, e.Entry.Text)
		}
	}), "is the package chromium installed?")
	_, err := chromedp.Call(browser, log.Enable, cdp.Empty{})
	require.NoError(t, err)
	return browser, h
}
