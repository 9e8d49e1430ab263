package doctor

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// authority signs certificates for these tests.
type authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

func newAuthority(t *testing.T, name string) authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	form := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotBefore: noon.AddDate(-1, 0, 0), NotAfter: noon.AddDate(9, 0, 0),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, form, form, &key.PublicKey, key)
	require.NoError(t, err)
	certificate, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	return authority{certificate, key}
}

// certify makes a certificate for 127.0.0.1, or for a name.
func (a authority) certify(t *testing.T, name string, from, to time.Time) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	form := &x509.Certificate{SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "chat"}, NotBefore: from, NotAfter: to}
	if form.DNSNames = []string{name}; name == "" {
		form.DNSNames, form.IPAddresses = nil, []net.IP{net.IPv4(127, 0, 0, 1)}
	}
	der, err := x509.CreateCertificate(rand.Reader, form, a.certificate, &key.PublicKey, a.key)
	require.NoError(t, err)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// Each way in which a webhook's certificate can be wrong is told, and no request is
// ever made: that would be a message.
func TestWebhook(t *testing.T) {
	known, stranger := newAuthority(t, "Known"), newAuthority(t, "Stranger")
	roots := x509.NewCertPool()
	roots.AddCert(known.certificate)
	year := noon.AddDate(1, 0, 0)
	for _, c := range []struct {
		what        string
		certificate tls.Certificate
		want        string
	}{
		{"good", known.certify(t, "", noon.AddDate(0, -1, 0), year), "ok: webhook at HOST: the certificate is good until 2027-04-15 (nothing was posted) ()"},
		{"soon", known.certify(t, "", noon.AddDate(0, -1, 0), noon.AddDate(0, 0, 6)),
			"warning: webhook at HOST: the certificate ends on 2026-04-21, in 6 days (renew it: then each alert to it would fail)"},
		{"ended", known.certify(t, "", noon.AddDate(0, -3, 0), noon.AddDate(0, 0, -1)),
			"fault: webhook at HOST: the certificate ended on 2026-04-14 (renew it, or see this host's clock)"},
		{"to come", known.certify(t, "", noon.AddDate(0, 0, 1), year),
			"fault: webhook at HOST: the certificate is good only from 2026-04-16 on (see this host's clock)"},
		{"unknown authority", stranger.certify(t, "", noon.AddDate(0, -1, 0), year),
			`fault: webhook at HOST: the certificate, by "CN=Stranger", is of an authority that this host does not know (let the server send its chain whole, or put its authority into /usr/local/share/ca-certificates and run update-ca-certificates)`},
		{"another name", known.certify(t, "chat.example.es", noon.AddDate(0, -1, 0), year),
			"fault: webhook at HOST: the certificate is for another name: x509: cannot validate certificate for 127.0.0.1 because it doesn't contain any IP SANs (name it in the URL as the certificate does)"},
	} {
		t.Run(c.what, func(t *testing.T) {
			asked := false
			server := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked = true }))
			server.Config.ErrorLog = quietly()
			server.TLS = &tls.Config{Certificates: []tls.Certificate{c.certificate}}
			server.StartTLS()
			in := &Installation{Now: noon, roots: roots}
			f := in.webhook(t.Context(), server.URL+"/hooks/SECRET")
			server.Close() // which waits for what it has begun
			require.Equal(t, strings.ReplaceAll(c.want, "HOST", strings.TrimPrefix(server.URL, "https://")), line(f))
			require.False(t, asked)
		})
	}
}

// A webhook that is not there, is no TLS, or says nothing at all.
func TestWebhookElsewhere(t *testing.T) {
	in := &Installation{Now: noon}
	plain := httptest.NewServer(http.NotFoundHandler())
	defer plain.Close()
	f := in.webhook(t.Context(), plain.URL+"/SECRET")
	require.Equal(t, Warning, f.State)
	require.Contains(t, f.Fact, "goes there in clear")
	f = in.webhook(t.Context(), strings.Replace(plain.URL, "http:", "https:", 1))
	require.Equal(t, Fault, f.State)
	require.Contains(t, f.Fact, "TLS: ")

	silent, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	f = in.webhook(briefly(t), "https://"+silent.Addr().String()+"/SECRET")
	require.Equal(t, Fault, f.State)
	require.Contains(t, f.Fact, "TLS: no answer within")
	require.NoError(t, silent.Close())
	f = in.webhook(t.Context(), "https://"+silent.Addr().String()+"/SECRET")
	require.Contains(t, f.Fact, "connection refused")

	f = in.webhook(t.Context(), "https://chat.doctor.invalid/SECRET")
	require.Equal(t, Fault, f.State)
	require.NotContains(t, line(f), "SECRET")
	require.Equal(t, Fault, in.webhook(t.Context(), "https:///SECRET").State)
}
