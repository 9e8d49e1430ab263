package doctor

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"time"
)

// soon is how long a certificate may yet last without a word. Let's Encrypt's are
// renewed 30 days before their end, so one that is nearer to it was not.
const soon = 14 * 24 * time.Hour

// webhook greets a webhook's server, as far as TLS goes: no request is made, as many
// take any for a message. The URL itself may be a secret and is not shown.
func (in *Installation) webhook(ctx context.Context, address string) Finding {
	u, err := url.Parse(address)
	if err != nil || u.Hostname() == "" {
		return wrong("", "a webhook that is no URL") // Check has said so
	}
	port := cmp.Or(u.Port(), map[string]string{"http": "80"}[u.Scheme], "443")
	what := "webhook at " + net.JoinHostPort(u.Hostname(), port)
	if proxy, err := http.ProxyFromEnvironment(&http.Request{URL: u}); err != nil || proxy != nil {
		return unknown("look at it by `curl -I` from the daemon's account", "%s: it is reached by a proxy, as the environment says", what)
	}
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", net.JoinHostPort(u.Hostname(), port))
	if err != nil {
		var name *net.DNSError
		if errors.As(err, &name) {
			return wrong("see the name, and the resolver of this host", "%s: %v", what, name)
		}
		return wrong("see that it runs and that this host may go there (a firewall)", "%s: %v", what, reached(err))
	}
	defer conn.Close() // nothing is left to lose
	if u.Scheme == "http" {
		return doubt("use https if it leaves this host", "%s: what it is told goes there in clear", what)
	}
	greeting := tls.Client(conn, in.tls(u.Hostname()))
	if err := greeting.HandshakeContext(ctx); err != nil {
		f := in.misjudged(err)
		f.Fact = what + ": " + f.Fact
		return f
	}
	state := greeting.ConnectionState()
	return in.lasts(what, &state)
}

// reached says in words that nothing came in time.
func reached(err error) error {
	if late(err) {
		return fmt.Errorf("no answer within %v", askTime)
	}
	return err
}

// tls is how alerts speak with a server.
func (in *Installation) tls(host string) *tls.Config {
	return &tls.Config{ServerName: host, RootCAs: in.roots, Time: func() time.Time { return in.Now }, MinVersion: tls.VersionTLS12}
}

func isCertificate(err error) bool {
	var bad *tls.CertificateVerificationError
	return errors.As(err, &bad)
}

// misjudged says what is wrong with a certificate, or with the greeting altogether.
// While it is, each alert fails.
func (in *Installation) misjudged(err error) Finding {
	var bad *tls.CertificateVerificationError
	if !errors.As(err, &bad) || len(bad.UnverifiedCertificates) == 0 {
		return wrong("see that it speaks TLS at this port", "TLS: %v", reached(err))
	}
	shown := bad.UnverifiedCertificates[0]
	var invalid x509.CertificateInvalidError
	var unsigned x509.UnknownAuthorityError
	var other x509.HostnameError
	switch {
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		if c := cmp.Or(invalid.Cert, shown); in.Now.Before(c.NotBefore) {
			return wrong("see this host's clock", "the certificate is good only from %s on", c.NotBefore.Format(time.DateOnly))
		}
		return wrong("renew it, or see this host's clock", "the certificate ended on %s", cmp.Or(invalid.Cert, shown).NotAfter.Format(time.DateOnly))
	case errors.As(err, &other):
		return wrong("name it in the URL as the certificate does", "the certificate is for another name: %v", other)
	case errors.As(err, &unsigned):
		return wrong("let the server send its chain whole, or put its authority into /usr/local/share/ca-certificates and run update-ca-certificates",
			"the certificate, by %q, is of an authority that this host does not know", shorten(shown.Issuer.String(), 80))
	}
	return wrong("see the certificate: openssl s_client -connect", "the certificate: %v", bad.Err)
}

// lasts says how long a certificate that is good stays so: as long as the chain of
// those above it that lasts longest.
func (in *Installation) lasts(what string, state *tls.ConnectionState) Finding {
	var end time.Time
	for _, chain := range state.VerifiedChains {
		first := chain[0].NotAfter
		for _, c := range chain {
			if c.NotAfter.Before(first) {
				first = c.NotAfter
			}
		}
		if first.After(end) {
			end = first
		}
	}
	if left := end.Sub(in.Now); left < soon {
		return doubt("renew it: then each alert to it would fail", "%s: the certificate ends on %s, in %d days", what, end.Format(time.DateOnly), int(left.Hours()/24))
	}
	return fine("%s: the certificate is good until %s (nothing was posted)", what, end.Format(time.DateOnly))
}
