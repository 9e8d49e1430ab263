package main

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"sendwarden/geo"
)

// world is where people are: addresses that the embedded data places at home, in
// Spain, and elsewhere.
type world struct {
	places       *geo.DB
	home, abroad []netip.Addr
}

const pool = 20_000

func newWorld() *world {
	places, err := geo.Open()
	if err != nil {
		panic(err) // the embedded data is tested
	}
	w := &world{places: places}
	r := rand.New(rand.NewPCG(1, 2))
	for len(w.home) < pool {
		addr := netip.AddrFrom4([4]byte{byte(r.IntN(223) + 1), byte(r.IntN(256)), byte(r.IntN(256)), byte(r.IntN(254) + 1)})
		switch p := places.Place(addr); {
		case p.Country == "ES":
			w.home = append(w.home, addr)
		case p.Kind == geo.Placed && len(w.abroad) < pool:
			w.abroad = append(w.abroad, addr)
		}
	}
	return w
}

func userName(n int) string { return fmt.Sprintf("user%d@example.es", n) }

// address is where a user sends from: nearly always from one of the two lines
// that are the user's own.
func (w *world) address(r *rand.Rand, user int) netip.Addr {
	switch dice := r.IntN(1000); {
	case dice < 2:
		return w.abroad[r.IntN(pool)]
	case dice < 20:
		return w.home[r.IntN(pool)]
	default:
		return w.home[(user*7919+dice%2)%pool]
	}
}

// question is a request as Postfix sends it.
type question struct {
	text    []byte
	queueID int // where in the text it is
}

// The queue id in a question is a number in hexadecimal digits, so that each
// message has its own.
const queueIDDigits = 11

// many is how many questions there are before they begin again.
const many = 200_000

// each is how many messages a user sends while active.
const each = 10

// questions come from one user after the other, so many of whom are active at a
// time: people come, send some messages, and go.
func (w *world) questions(users, active int) []question {
	r := rand.New(rand.NewPCG(3, 4))
	all := make([]question, many)
	for i := range all {
		user := (i/each + r.IntN(active)) % users
		text := strings.NewReplacer("USER", userName(user), "ADDRESS", w.address(r, user).String(),
			"INSTANCE", fmt.Sprintf("%x.%08x.%05x.0", r.IntN(30_000), r.Uint32(), r.IntN(1e6))).Replace(atData)
		all[i] = question{[]byte(text), strings.Index(text, "queue_id=") + len("queue_id=")}
	}
	return all
}

// load asks on n connections for a time, after a quarter of it to warm up.
func (s *server) load(all []question, n int, length time.Duration) (result, error) {
	if _, err := s.ask(all, n, length/4); err != nil {
		return result{}, err
	}
	began, cpu := time.Now(), s.cpu()
	took, err := s.ask(all, n, length)
	if err != nil || len(took) == 0 {
		return result{}, errors.Join(err, errors.New("no answers"))
	}
	elapsed := time.Since(began)
	cpu = s.cpu() - cpu
	slices.Sort(took)
	at := func(part float64) time.Duration { return took[int(part*float64(len(took)-1))] }
	return result{
		perSecond: float64(len(took)) / elapsed.Seconds(),
		p50:       at(0.5), p99: at(0.99), max: at(1),
		cpu: cpu / time.Duration(len(took)),
	}, nil
}

// ask returns how long each answer took.
func (s *server) ask(all []question, n int, length time.Duration) ([]time.Duration, error) {
	var wait sync.WaitGroup
	took, errs := make([][]time.Duration, n), make([]error, n)
	for c := range n {
		conn, err := net.Dial("tcp", s.addr)
		if err != nil {
			return nil, err
		}
		defer conn.Close()
		wait.Go(func() { took[c], errs[c] = one(conn, all, s.asked+c, n, s.state, length) })
	}
	wait.Wait()
	together := slices.Concat(took...)
	s.asked += len(together) + n
	return together, errors.Join(errs...)
}

// one asks on one of n connections, each of which takes every nth question.
func one(conn net.Conn, all []question, next, n int, state string, length time.Duration) ([]time.Duration, error) {
	took := make([]time.Duration, 0, 1<<17)
	buf, answer := make([]byte, 0, 4096), make([]byte, 4096)
	for begin := time.Now(); time.Since(begin) < length; {
		q := all[next%len(all)]
		next += n
		buf = append(buf[:0], q.text...)
		for d := range queueIDDigits {
			buf[q.queueID+d] = "0123456789ABCDEF"[next>>(4*(queueIDDigits-1-d))&15]
		}
		if state != "" {
			buf = bytes.Replace(buf, []byte("protocol_state=DATA"), []byte("protocol_state="+state), 1)
		}
		sent := time.Now()
		if _, err := conn.Write(buf); err != nil {
			return took, err
		}
		end := 0
		for !bytes.HasSuffix(answer[:end], []byte("\n\n")) {
			m, err := conn.Read(answer[end:])
			if err != nil {
				return took, err
			}
			end += m
		}
		took = append(took, time.Since(sent))
		if !bytes.HasPrefix(answer[:end], []byte("action=")) {
			return took, fmt.Errorf("not an answer: %q", answer[:end])
		}
	}
	return took, nil
}

// atData is what Postfix 3.7.11 sends at DATA.
const atData = `request=smtpd_access_policy
protocol_state=DATA
protocol_name=ESMTP
client_address=ADDRESS
client_name=dsl40.isp.example
client_port=57684
reverse_client_name=dsl40.isp.example
server_address=127.0.0.1
server_port=10650
helo_name=laptop.home
sender=USER
recipient=customer@example.com
recipient_count=1
queue_id=00000000000
instance=INSTANCE
size=0
etrn_domain=
stress=
sasl_method=PLAIN
sasl_username=USER
sasl_sender=
ccert_subject=
ccert_issuer=
ccert_fingerprint=
ccert_pubkey_fingerprint=
encryption_protocol=TLSv1.3
encryption_cipher=TLS_AES_256_GCM_SHA384
encryption_keysize=256
policy_context=

`
