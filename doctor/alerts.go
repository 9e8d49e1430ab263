package doctor

import (
	"context"
	"crypto/tls"
	"maps"
	"net"
	"net/smtp"
	"slices"
	"time"

	"sendwarden/alert"
)

// checkAlerts tries the ways to people, as far as that tells nobody anything: a
// program is there, a server greets, a webhook's has a certificate that is good.
func checkAlerts(ctx context.Context, in *Installation) []Finding {
	config := &in.With.Alerts
	if len(config.Mail)+len(config.Webhook) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	var found []Finding
	program, servers := ways(config)
	if program != "" {
		found = append(found, in.programOf("sendmail", program))
	}
	for _, server := range servers {
		found = append(found, in.greets(ctx, server, config.TLS == "verify"))
	}
	for _, w := range config.Webhook {
		found = append(found, in.webhook(ctx, w.URL))
	}
	return found
}

// ways are what mails are handed to.
func ways(config *alert.Config) (program string, servers []string) {
	set := make(map[string]bool)
	usual := config.NotifyUser
	for _, m := range config.Mail {
		if m.SMTP == "" {
			usual = true
			continue
		}
		set[m.SMTP] = true
	}
	switch {
	case usual && config.SMTP != "":
		set[config.SMTP] = true
	case usual && config.Sendmail != "":
		program = config.Sendmail
	case usual:
		program = "/usr/sbin/sendmail"
	}
	return program, slices.Sorted(maps.Keys(set))
}

// greets speaks with an SMTP server up to EHLO, and where alerts go by TLS alone, up
// to that.
func (in *Installation) greets(ctx context.Context, server string, verify bool) Finding {
	chain, err := in.hello(ctx, server, verify)
	switch {
	case late(err):
		return wrong("see that it runs, and takes mail from here", "smtp %s: no answer within %v", server, askTime)
	case err != nil && verify && isCertificate(err):
		f := in.misjudged(err)
		f.Fact = "smtp " + server + ": " + f.Fact
		return f
	case err != nil:
		return wrong("see that it runs, and takes mail from here", "smtp %s: %v", server, err)
	case verify:
		return in.lasts("smtp "+server+" greets", chain)
	}
	return fine("smtp %s greets", server)
}

func (in *Installation) hello(ctx context.Context, server string, verify bool) (chain *tls.ConnectionState, err error) {
	host, _, err := net.SplitHostPort(server)
	if err != nil {
		return nil, err
	}
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", server)
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) }) // nothing waits longer
	defer stop()
	c, err := smtp.NewClient(conn, host)
	if err != nil {
		_ = conn.Close()
		return nil, err
	}
	defer c.Close() // after Quit it is closed already
	if err := c.Hello(in.Host); err != nil {
		return nil, err
	}
	if verify {
		if err := c.StartTLS(in.tls(host)); err != nil {
			return nil, err
		}
		state, _ := c.TLSConnectionState()
		chain = &state
	}
	return chain, c.Quit()
}
