package doctor

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"
)

// checkAuthPolicy asks as Dovecot does, about nobody.
func checkAuthPolicy(ctx context.Context, in *Installation) []Finding {
	address := in.With.AuthPolicy.Listen
	if address == "" {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	began := time.Now()
	answer, err := allows(ctx, address, in.With.AuthPolicy.Key)
	switch {
	case late(err) && len(in.Daemons) > 0:
		return []Finding{wrong(stuck, "%s: no answer within %v; Dovecot waits two seconds for each log-in and lets it pass", address, askTime)}
	case err != nil:
		return []Finding{wrong("start the daemon; until then Dovecot lets who is blocked log in", "%s: %v", address, err)}
	case !strings.Contains(answer, `"status":0`):
		return []Finding{wrong("find out who listens there", "%s answers %q about nobody", address, shorten(answer, 80))}
	}
	return []Finding{fine("%s answers, in %d ms", address, time.Since(began).Milliseconds())}
}

// allows asks whether nobody may log in.
func allows(ctx context.Context, address, key string) (string, error) {
	const nobody = `{"login":"nobody@doctor.invalid","protocol":"smtp","remote":"127.0.0.1"}`
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+address+"/?command=allow", strings.NewReader(nobody))
	if err != nil {
		return "", err
	}
	if key != "" {
		request.Header.Set("X-API-Key", key)
	}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: new(net.Dialer).DialContext}}
	answer, err := client.Do(request)
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(io.LimitReader(answer.Body, maxHealth))
	if err == nil && answer.StatusCode != http.StatusOK {
		err = fmt.Errorf("HTTP status %d: %s", answer.StatusCode, shorten(strings.TrimSpace(string(body)), 80))
	}
	return string(body), err
}
