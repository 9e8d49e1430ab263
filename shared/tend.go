package shared

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/redis/rueidis"
)

const (
	// probePause is how often the engine is asked how it does.
	probePause = time.Second
	// dialTimeout is how long a connection may take to be made.
	dialTimeout = 2 * time.Second
	// goodProbes in a row make an engine that was lost one to be waited for again.
	goodProbes = 2
)

// Tend connects to the engine and looks after it until the context ends: once a
// second it asks for something that writes, as the path does, and takes the engine
// for lost when that fails or is late. Found is called each time when the engine
// is there again, with the name of the memory that it has: another one than before
// after it was lost.
func (e *Engine) Tend(ctx context.Context, found func(epoch string)) {
	tick := time.NewTicker(probePause)
	defer tick.Stop()
	defer e.close()
	good := 0
	for {
		epoch, err := e.probe(ctx)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			good = 0
			e.lose(err, time.Now())
		default:
			if good++; e.regain(epoch, good, time.Now()) {
				found(epoch)
			}
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// probe asks for a write and for the name of the memory, which it gives one if it
// has none.
func (e *Engine) probe(ctx context.Context) (epoch string, err error) {
	client, err := e.connect()
	if err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(ctx, max(e.config.Wait, dialTimeout))
	defer cancel()
	began := time.Now()
	name := e.allKey("epoch")
	for _, r := range client.DoMulti(ctx,
		client.B().Hset().Key(e.allKey("hosts")).FieldValue().FieldValue("seen "+e.host, e.name+" "+began.UTC().Format(time.RFC3339)).Build(),
		client.B().Set().Key(name).Value(NewHost()).Nx().Build(),
		client.B().Get().Key(name).Build(),
	) {
		if err := r.Error(); err != nil && !rueidis.IsRedisNil(err) {
			return "", err
		}
		epoch, _ = r.ToString()
	}
	if took := time.Since(began); took > e.config.Wait {
		return "", slow(took)
	}
	return epoch, nil
}

// regain takes the engine for found when it has done well for long enough, or is
// asked for the first time.
func (e *Engine) regain(epoch string, good int, now time.Time) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.lost == nil && epoch == e.epoch {
		return false
	}
	if good < goodProbes && !errors.Is(e.lost, errNotYet) && e.lost != nil {
		return false
	}
	if e.lost != nil {
		e.since = now
	}
	e.lost, e.epoch = nil, epoch
	return true
}

// connect answers the client, and makes it if there is none yet.
func (e *Engine) connect() (rueidis.Client, error) {
	e.mu.Lock()
	client := e.client
	e.mu.Unlock()
	if client != nil {
		return client, nil
	}
	options, err := e.config.client()
	if err != nil {
		return nil, err
	}
	if client, err = rueidis.NewClient(options); err != nil {
		return nil, err
	}
	e.mu.Lock()
	e.client = client
	e.mu.Unlock()
	e.warn(client)
	return client, nil
}

func (c *Config) client() (rueidis.ClientOption, error) {
	secure, err := c.tls()
	if err != nil {
		return rueidis.ClientOption{}, err
	}
	password, err := c.password()
	if err != nil {
		return rueidis.ClientOption{}, err
	}
	o := rueidis.ClientOption{
		InitAddress: c.addresses, TLSConfig: secure, SelectDB: c.db, ClientName: "sendwarden",
		// A password that is changed counts for the next connection.
		AuthCredentialsFn: func(rueidis.AuthCredentialsContext) (rueidis.AuthCredentials, error) {
			password, err := c.password()
			return rueidis.AuthCredentials{Username: c.user, Password: password}, err
		},
		Dialer: net.Dialer{Timeout: dialTimeout, KeepAlive: probePause}, ConnWriteTimeout: 5 * time.Second,
		// A late answer must not cost the connection that others wait at.
		AlwaysPipelining: true, DisableRetry: true, DisableCache: true, BlockingPoolSize: 4,
		ReadBufferEachConn: 64 << 10, WriteBufferEachConn: 64 << 10, RingScaleEachConn: 8,
		ClientSetInfo: rueidis.DisableClientSetInfo,
	}
	if c.user == "" && password == "" {
		o.AuthCredentialsFn = nil
	}
	if c.socket != "" {
		o.InitAddress = []string{c.socket}
		o.ForceSingleClient = true
		o.DialCtxFn = func(ctx context.Context, path string, d *net.Dialer, _ *tls.Config) (net.Conn, error) {
			return d.DialContext(ctx, "unix", path)
		}
	}
	if c.master != "" {
		o.Sentinel = rueidis.SentinelOption{MasterSet: c.master, TLSConfig: secure, Dialer: o.Dialer, TopologyRefreshInterval: 2 * time.Second}
	}
	return o, nil
}

// warn looks for what makes an engine forget what it was told.
func (e *Engine) warn(client rueidis.Client) {
	ctx, cancel := context.WithTimeout(context.Background(), dialTimeout)
	defer cancel()
	info, err := client.Do(ctx, client.B().Info().Section("memory").Build()).ToString()
	if err != nil {
		return // an ACL may forbid it
	}
	values := make(map[string]string)
	for line := range strings.Lines(info) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		values[name] = value
	}
	policy := values["maxmemory_policy"]
	if values["maxmemory"] != "0" && policy != "" && policy != "noeviction" {
		e.mu.Lock()
		e.warns = fmt.Sprintf("the engine forgets users when its memory is full (maxmemory-policy %s; set it to noeviction)", policy)
		e.mu.Unlock()
	}
}

func (e *Engine) close() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.client != nil {
		e.client.Close()
	}
	e.client, e.lost = nil, rueidis.ErrClosing
}
