//go:build e2e

package shared

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sendwarden/shared/redistest"

	"github.com/stretchr/testify/require"
)

// authority signs certificates for 127.0.0.1.
type authority struct {
	t    *testing.T
	dir  string
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t *testing.T) *authority {
	a := &authority{t: t, dir: t.TempDir()}
	a.cert, a.key = a.sign("ca", &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "ca"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	})
	return a
}

func (a *authority) file(name string) string { return filepath.Join(a.dir, name) }

// issue writes NAME.pem and NAME.key.
func (a *authority) issue(name string) {
	a.sign(name, &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-time.Hour),
		NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	})
}

func (a *authority) sign(name string, template *x509.Certificate) (*x509.Certificate, *ecdsa.PrivateKey) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(a.t, err)
	parent, signer := a.cert, a.key
	if parent == nil {
		parent, signer = template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), signer)
	require.NoError(a.t, err)
	cert, err := x509.ParseCertificate(der)
	require.NoError(a.t, err)
	private, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(a.t, err)
	a.write(name+".pem", "CERTIFICATE", der)
	a.write(name+".key", "PRIVATE KEY", private)
	return cert, key
}

func (a *authority) write(name, kind string, der []byte) {
	require.NoError(a.t, os.WriteFile(a.file(name), pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600))
}

// Over TLS, as an ACL user, with the certificate that the engine asks for and not
// without; an engine with somebody else's certificate is not spoken to.
func TestTLS(t *testing.T) {
	a, stranger := newAuthority(t), newAuthority(t)
	a.issue("server")
	a.issue("client")
	secure := redistest.FreeAddr(t)
	_, port, _ := net.SplitHostPort(secure)
	redistest.Start(t, append(strings.Fields("--user warden on >verysecret ~mail:* resetchannels -@all "+needed),
		"--tls-port", port, "--tls-cert-file", a.file("server.pem"), "--tls-key-file", a.file("server.key"), "--tls-ca-cert-file", a.file("ca.pem"))...)
	password := a.file("password")
	require.NoError(t, os.WriteFile(password, []byte("verysecret\n"), 0o600))
	url := "rediss://warden@" + secure + "?prefix=mail&password_file=" + password
	ours := "&cert=" + a.file("client.pem") + "&key=" + a.file("client.key")

	e, found := connect(t, url+"&ca="+a.file("ca.pem")+ours)
	await(t, found)
	newer, err := put(e, "ana", "", "v1", "one")
	require.NoError(t, err)
	require.Empty(t, newer)

	for name, c := range map[string]struct{ url, says string }{
		"no certificate of ours": {url + "&ca=" + a.file("ca.pem"), "certificate"},
		"another authority":      {url + "&ca=" + stranger.file("ca.pem") + ours, "certificate"},
		"no TLS":                 {strings.Replace(url, "rediss", "redis", 1), ""},
	} {
		t.Run(name, func(t *testing.T) {
			e, _ := connect(t, c.url)
			require.Eventually(t, func() bool {
				lost := e.Status().Lost
				return lost != nil && lost != errNotYet && strings.Contains(lost.Error(), c.says)
			}, 10*time.Second, 10*time.Millisecond, "%v", e.Status().Lost)
			_, err := put(e, "ana", "", "v2", "two")
			require.ErrorIs(t, err, ErrLost)
		})
	}
}
