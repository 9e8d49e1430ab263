package main

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/stretchr/testify/require"
)

// load is how hosts are asked: on so many connections to each door, one question
// after the other, with a pace or without a pause. What becomes of a message Postfix
// writes into the log, here right after the answer.
type load struct {
	connections int           // of each host
	every       time.Duration // between two questions on one; 0: at once
	length      time.Duration
	users       int // of the crowd, who send at all
}

// outcome is what came of it.
type outcome struct {
	took    []time.Duration // for each answer
	elapsed time.Duration
	sent    map[string]int // messages by user
	lost    int            // questions without an answer
	refused int
}

func (o *outcome) perSecond() float64 { return float64(len(o.took)) / o.elapsed.Seconds() }

// at is what a part of the answers took at most.
func (o *outcome) at(part float64) time.Duration {
	if len(o.took) == 0 {
		return 0
	}
	return o.took[int(part*float64(len(o.took)-1))]
}

// run asks the hosts until the time is over, or stop is closed.
func (l load) run(s *site, hosts []*host, stop <-chan struct{}) *outcome {
	all := &outcome{sent: make(map[string]int)}
	var mu sync.Mutex
	var wait sync.WaitGroup
	began := time.Now()
	for _, h := range hosts {
		for c := range l.connections {
			wait.Go(func() {
				one := l.one(s, h, rand.New(rand.NewPCG(uint64(h.number), uint64(c))), stop)
				mu.Lock()
				defer mu.Unlock()
				all.took = append(all.took, one.took...)
				all.lost += one.lost
				all.refused += one.refused
				for user, n := range one.sent {
					all.sent[user] += n
				}
			})
		}
	}
	wait.Wait()
	all.elapsed = time.Since(began)
	slices.Sort(all.took)
	return all
}

// one asks on one connection.
func (l load) one(s *site, h *host, r *rand.Rand, stop <-chan struct{}) *outcome {
	o := &outcome{sent: make(map[string]int)}
	v, err := h.reach()
	if err != nil {
		o.lost++
		return o
	}
	defer func() { v.close() }()
	next := time.Now().Add(time.Duration(r.Int64N(int64(max(l.every, 1)))))
	for begin := time.Now(); time.Since(begin) < l.length; {
		select {
		case <-stop:
			return o
		default:
		}
		if l.every > 0 {
			time.Sleep(time.Until(next))
			next = next.Add(l.every)
		}
		m := s.crowd.next(r, l.users)
		sent := time.Now()
		action, err := v.sends(m)
		if err != nil {
			o.lost++
			v.close()
			if v, err = h.reach(); err != nil {
				return o
			}
			continue
		}
		o.took = append(o.took, time.Since(sent))
		o.sent[m.user]++
		if refuses(action) {
			o.refused++
		}
	}
	return o
}

// visit is a connection of Postfix's to the door.
type visit struct {
	*host
	conn   net.Conn
	answer []byte
}

func (h *host) reach() (*visit, error) {
	conn, err := net.Dial("tcp", h.door)
	return &visit{h, conn, make([]byte, 4096)}, err
}

func (h *host) visit() *visit {
	v, err := h.reach()
	require.NoError(h.t, err)
	h.t.Cleanup(v.close)
	return v
}

func (v *visit) close() {
	if v.conn != nil {
		v.conn.Close()
	}
}

// patience is when an answer counts as none: Postfix waits for 100 s, and docs/install.md tells it 5.
const patience = 5 * time.Second

// sends asks about a message at DATA, and writes what Postfix does.
func (v *visit) sends(m message) (action string, err error) {
	v.mu.Lock()
	v.messages++
	id := fmt.Sprintf("%X%09X", v.number+10, v.messages)
	v.mu.Unlock()
	if action, err = v.ask("DATA", m, id); err == nil && !refuses(action) {
		err = v.write(m, id)
	}
	return action, err
}

func refuses(action string) bool {
	return strings.HasPrefix(action, "REJECT") || strings.HasPrefix(action, "5")
}

// ask asks about a message as Postfix does in a state of the session.
func (v *visit) ask(state string, m message, id string) (action string, err error) {
	text := strings.NewReplacer("STATE", state, "USER", m.user, "ADDRESS", m.addr.String(), "QUEUEID", id).Replace(question)
	if err := v.conn.SetDeadline(time.Now().Add(patience)); err != nil {
		return "", err
	}
	if _, err := v.conn.Write([]byte(text)); err != nil {
		return "", err
	}
	end := 0
	for !bytes.HasSuffix(v.answer[:end], []byte("\n\n")) {
		n, err := v.conn.Read(v.answer[end:])
		if err != nil {
			return "", err
		}
		end += n
	}
	action, found := strings.CutPrefix(strings.TrimSpace(string(v.answer[:end])), "action=")
	if !found {
		return "", errors.New("not an answer")
	}
	return action, nil
}

// write writes the five lines that Postfix has about a message.
func (v *visit) write(m message, id string) error {
	head := time.Now().Format("2006-01-02T15:04:05.000000-07:00") + " " + v.name + " postfix/"
	text := strings.NewReplacer("HEAD", head, "USER", m.user, "ADDRESS", m.addr.String(), "QUEUEID", id).Replace(logged)
	v.mu.Lock()
	defer v.mu.Unlock()
	v.lines += strings.Count(text, "\n")
	_, err := v.log.WriteString(text)
	return err
}

// written is how many lines the host's log has.
func (h *host) written() float64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	return float64(h.lines)
}

const logged = `HEADsubmission/smtpd[701]: QUEUEID: client=dsl40.isp.example[ADDRESS], sasl_method=PLAIN, sasl_username=USER
HEADcleanup[702]: QUEUEID: message-id=<QUEUEID@laptop.example>
HEADqmgr[703]: QUEUEID: from=<USER>, size=2417, nrcpt=1 (queue active)
HEADsmtp[704]: QUEUEID: to=<customer@example.com>, relay=mx.example.com[192.0.2.25]:25, delay=0.4, delays=0.1/0/0.2/0.1, dsn=2.0.0, status=sent (250 2.0.0 Ok)
HEADqmgr[703]: QUEUEID: removed
`

// question is what Postfix 3.7 sends.
const question = `request=smtpd_access_policy
protocol_state=STATE
protocol_name=ESMTP
client_address=ADDRESS
client_name=dsl40.isp.example
client_port=57684
reverse_client_name=dsl40.isp.example
server_address=192.0.2.10
server_port=587
helo_name=laptop.example
sender=USER
recipient=customer@example.com
recipient_count=1
queue_id=QUEUEID
instance=1f2e.64a1b2c3.d4e5f.0
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
