package shared

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Config says where the engine is.
type Config struct {
	// URL is what it was read from; there is no secret in it.
	URL string

	addresses []string // HOST:PORT
	socket    string   // the path of a unix socket, instead
	master    string   // what Sentinel calls the server; "": there is no Sentinel
	user      string
	db        int
	secure    bool // TLS
	files     map[string]string

	Prefix string        // of all keys
	Wait   time.Duration // nobody waits longer for the engine
}

const (
	defaultPrefix = "sendwarden"
	defaultWait   = 200 * time.Millisecond
	// longestWait is less than Postfix waits for its policy service.
	longestWait = 2 * time.Second
	defaultPort = "6379"
	// sentinelPort is that of redis-sentinel(1).
	sentinelPort = "26379"
	maxAddresses = 100

	// PasswordVariable is the environment's way to tell the password.
	PasswordVariable = "SENDWARDEN_STATE_PASSWORD"
)

var schemes = []string{"redis", "rediss", "redis+sentinel", "rediss+sentinel", "redis+unix"}

// fileOptions are the options that name a file.
var fileOptions = []string{"password_file", "ca", "cert", "key", "local"}

// IsURL tells whether a state is shared: it is named by a URL, and no file.
func IsURL(state string) bool {
	scheme, _, found := strings.Cut(state, "://")
	return found && (slices.Contains(schemes, scheme) || strings.HasPrefix(scheme, "redis") || strings.HasPrefix(scheme, "valkey"))
}

// Parse reads where the engine is:
//
//	redis://HOST:PORT                         one server, or a node of a Cluster
//	redis://A:7000,B:7000,C:7000              nodes of a Cluster
//	rediss://USER@HOST:PORT/DB                over TLS, as an ACL user
//	redis+sentinel://A,B,C/MASTER             the server that Sentinel names
//	redis+unix:///run/redis/redis.sock        a socket
//
// with the options ?prefix=sendwarden&wait=200ms&password_file=PATH&local=PATH (see
// Local), and for TLS ca=, cert= and key=. A password has no place in it: the rules file is for all to
// read, and so is a command line.
func Parse(text string) (Config, error) {
	one, hosts := cutHosts(text)
	u, err := url.Parse(one)
	if err != nil {
		return Config{}, errors.New("it is no URL (write redis://HOST:6379)") // the error has the text, and perhaps a password
	}
	if _, has := u.User.Password(); has {
		return Config{}, fmt.Errorf("a password stands in the URL, where others see it (write it into a file and password_file=PATH behind ?, or into the environment as %s)", PasswordVariable)
	}
	c := Config{URL: text, user: u.User.Username(), Prefix: defaultPrefix, Wait: defaultWait, files: make(map[string]string)}
	switch {
	case !slices.Contains(schemes, u.Scheme):
		return c, fmt.Errorf("%s:// is not known (one of %s)", u.Scheme, strings.Join(schemes, ", "))
	case u.Fragment != "":
		return c, errors.New("there is a # in it, which means nothing here")
	}
	c.secure = strings.HasPrefix(u.Scheme, "rediss")
	if err := c.where(u, hosts); err != nil {
		return c, err
	}
	return c, c.options(u.Query())
}

// cutHosts takes the addresses out of a URL: package url knows of one only. In
// their place it leaves a name.
func cutHosts(text string) (one, hosts string) {
	scheme, rest, found := strings.Cut(text, "://")
	if !found {
		return text, ""
	}
	end := strings.IndexAny(rest, "/?#")
	if end < 0 {
		end = len(rest)
	}
	begin := strings.LastIndexByte(rest[:end], '@') + 1
	if hosts = rest[begin:end]; hosts == "" {
		return text, ""
	}
	return scheme + "://" + rest[:begin] + "hosts" + rest[end:], hosts
}

// where reads the addresses, and what is behind them.
func (c *Config) where(u *url.URL, hosts string) error {
	path := strings.TrimPrefix(u.Path, "/")
	port := defaultPort
	switch {
	case u.Scheme == "redis+unix":
		if c.socket = u.Path; hosts != "" || !filepath.IsAbs(u.Path) {
			return errors.New("the socket's path is not whole (write redis+unix:///run/redis/redis.sock)")
		}
		return nil
	case strings.HasSuffix(u.Scheme, "+sentinel"):
		if c.master, port = path, sentinelPort; path == "" || strings.Contains(path, "/") {
			return errors.New("what Sentinel calls the server is missing (write redis+sentinel://A,B,C/mymaster)")
		}
	case path != "":
		db, err := strconv.Atoi(path)
		if err != nil || db < 0 || db > 1<<16 {
			return fmt.Errorf("%q is no number of a database (write redis://HOST:6379/0)", path)
		}
		c.db = db
	}
	for _, a := range strings.Split(hosts, ",") {
		host, p, err := net.SplitHostPort(a)
		if err != nil {
			host, p = strings.Trim(a, "[]"), port
		}
		if n, err := strconv.ParseUint(p, 10, 16); host == "" || err != nil || n == 0 || strings.ContainsFunc(host, func(r rune) bool { return r <= ' ' || r > '~' }) {
			return fmt.Errorf("%.100q is no HOST:PORT (write redis://10.0.0.5:6379)", a)
		}
		c.addresses = append(c.addresses, net.JoinHostPort(host, p))
	}
	if len(c.addresses) > maxAddresses {
		return fmt.Errorf("%d addresses are more than enough (name up to %d; the engine knows the others)", len(c.addresses), maxAddresses)
	}
	if c.db != 0 && len(c.addresses) > 1 {
		return errors.New("a Cluster has no numbered databases (leave out what stands behind the /)")
	}
	return nil
}

func (c *Config) options(all url.Values) (err error) {
	for name, values := range all {
		value := values[len(values)-1]
		switch {
		case len(values) > 1:
			err = fmt.Errorf("%s is there twice", name)
		case name == "prefix":
			if c.Prefix = value; value == "" || len(value) > 64 || strings.ContainsFunc(value, func(r rune) bool { return r <= ' ' || r > '~' || r == '{' || r == '}' }) {
				err = fmt.Errorf("prefix %q: up to 64 letters, digits and the like, without braces", value)
			}
		case name == "wait":
			if c.Wait, err = time.ParseDuration(value); err != nil || c.Wait < time.Millisecond || c.Wait > longestWait {
				err = fmt.Errorf("wait %q: 1ms to %v (such as 200ms)", value, longestWait)
			}
		case slices.Contains(fileOptions, name):
			if c.files[name] = value; !filepath.IsAbs(value) {
				err = fmt.Errorf("%s: %q is no whole path", name, value)
			}
		default:
			err = fmt.Errorf("%s means nothing here (prefix, wait, %s)", name, strings.Join(fileOptions, ", "))
		}
		if err != nil {
			return err
		}
	}
	switch {
	case !c.secure && c.files["ca"]+c.files["cert"]+c.files["key"] != "":
		return errors.New("ca, cert and key are for TLS (write rediss://)")
	case (c.files["cert"] == "") != (c.files["key"] == ""):
		return errors.New("cert and key go together")
	}
	return nil
}

// Local is the file in which a host keeps what is its own, and what it knows while
// the engine is out of reach; "" where the URL does not say.
func (c *Config) Local() string { return c.files["local"] }

// password is read when a connection is made, so that a new one counts at once.
func (c *Config) password() (string, error) {
	name := c.files["password_file"]
	if name == "" {
		return os.Getenv(PasswordVariable), nil
	}
	text, err := os.ReadFile(name)
	if err != nil {
		return "", fmt.Errorf("password_file: %w", err)
	}
	return strings.TrimRight(string(text), "\r\n"), nil
}

// Check says which of the files that the URL names cannot be used. One that only
// somebody else may read is no fault.
func (c *Config) Check() error {
	_, err := c.tls()
	_, noPassword := c.password()
	for _, e := range []error{err, noPassword} {
		if e != nil && !errors.Is(e, os.ErrPermission) {
			return e
		}
	}
	return nil
}

// tls is how connections are kept to themselves; nil: they are not.
func (c *Config) tls() (*tls.Config, error) {
	if !c.secure {
		return nil, nil
	}
	t := &tls.Config{MinVersion: tls.VersionTLS12}
	if name := c.files["ca"]; name != "" {
		text, err := os.ReadFile(name)
		if err != nil {
			return nil, fmt.Errorf("ca: %w", err)
		}
		t.RootCAs = x509.NewCertPool()
		if !t.RootCAs.AppendCertsFromPEM(text) {
			return nil, fmt.Errorf("ca: %s has no certificate in it (PEM)", name)
		}
	}
	if name := c.files["cert"]; name != "" {
		pair, err := tls.LoadX509KeyPair(name, c.files["key"])
		if err != nil {
			return nil, fmt.Errorf("cert: %w", err)
		}
		t.Certificates = []tls.Certificate{pair}
	}
	return t, nil
}
