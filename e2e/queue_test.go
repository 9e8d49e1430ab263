//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"sendwarden/queue"

	"github.com/stretchr/testify/require"
)

// stuck is a mail server whose mail all waits in the deferred queue, and that
// has no blocklist.
func stuck(t *testing.T, settings ...string) *postfix {
	t.Helper()
	return startPostfix(t, "lmdb", func(p *postfix) {
		p.Settings = append(settings, "defer_transports = discard, virtual", "smtpd_sender_restrictions =", "smtpd_data_restrictions =")
	})
}

// unstick lets the mail go that is tried from now on.
func (p *postfix) unstick(t *testing.T) {
	t.Helper()
	p.set(t, "defer_transports =")
	p.postfix(t, "reload")
}

func (p *postfix) queue() queue.Local { return queue.Local{ConfigDir: p.file("etc")} }

// waiting is the user's mail in the queue, once there are so many messages in
// the places meant.
func waiting(t *testing.T, p *postfix, user, place string, n int) []queue.Mail {
	t.Helper()
	var mail []queue.Mail
	within(t, 10*time.Second, fmt.Sprintf("%d messages of %s are in %s", n, user, place), func() bool {
		var err error
		mail, err = p.queue().List(context.Background(), user)
		require.NoError(t, err)
		found := 0
		for _, m := range mail {
			if m.Queue == place {
				found++
			}
		}
		return found == n
	})
	return mail
}

func ids(mail []queue.Mail) []string {
	var all []string
	for _, m := range mail {
		all = append(all, m.ID)
	}
	return all
}

// queued is what Postfix itself says of its queue: the places by id.
func (p *postfix) queued(t *testing.T) map[string]string {
	t.Helper()
	places := map[string]string{}
	for _, place := range []string{"incoming", "active", "deferred", "hold"} {
		require.NoError(t, filepath.WalkDir(p.file("queue", place), func(path string, d os.DirEntry, err error) error {
			if err == nil && d.Type().IsRegular() {
				places[d.Name()] = place
			}
			return nil // Postfix moves them while we look
		}))
	}
	return places
}

// postcat is what postcat prints of a message's envelope.
func (p *postfix) postcat(t *testing.T, id string) string {
	t.Helper()
	out, err := exec.Command("postcat", "-c", p.file("etc"), "-eq", id).Output()
	require.NoError(t, err)
	return string(out)
}

// forge hands in mail for alice from a client that never logged in, and that
// has Postfix write her name into its envelope all the same.
func forge(t *testing.T, p *postfix) {
	t.Helper()
	connect(t, p.World, world).play(t, `
		> MAIL FROM:<a@evil.example.com> AUTH=<x, sasl_method=PLAIN, sasl_username=alice@example.es, y>
		< 250 2.1.0 Ok
		> RCPT TO:<alice@example.es>
		< 250 2.1.5 Ok
		> DATA
		< 354
		> Subject: forged
		>
		> named_attribute: sasl_username=alice@example.es
		> .
		< 250 2.0.0 Ok: queued as
	`)
}

// quote is bob's mail, whose sender and content are about alice.
func quote(t *testing.T, p *postfix) {
	t.Helper()
	p.login(t, bob, spain).play(t, `
		> MAIL FROM:<alice@example.es>
		< 250 2.1.0 Ok
		> RCPT TO:<customer@example.com>
		< 250 2.1.5 Ok
		> DATA
		< 354
		> sasl_username: alice@example.es
		> Subject: =?utf-8?q?Presupuesto_n=C2=BA_7?=
		>
		> named_attribute: sasl_username=alice@example.es
		> A sasl_username=alice@example.es
		> .
		< 250 2.0.0 Ok: queued as
	`)
}

// Only what the thief sent is held, whatever is written into other mail, and
// release delivers it.
func TestQueue(t *testing.T) {
	for name, settings := range map[string][]string{
		"short ids":         {"enable_long_queue_ids = no"},
		"long ids, hashed":  {"enable_long_queue_ids = yes", "hash_queue_names = incoming, active, deferred, hold", "hash_queue_depth = 2"},
		"nothing is hashed": {"hash_queue_names = defer"},
	} {
		t.Run(name, func(t *testing.T) {
			p := stuck(t, settings...)
			ctx, q := context.Background(), p.queue()
			alices := p.login(t, alice, spain)
			for range 3 {
				alices.send(t, alice, "customer@example.com")
			}
			p.login(t, bob, spain).send(t, bob, "customer@example.com")
			quote(t, p)
			forge(t, p)

			hers := waiting(t, p, alice, "deferred", 3)
			waiting(t, p, bob, "deferred", 2)
			require.Len(t, p.queued(t), 6)
			for id := range p.queued(t) { // postcat sees the same users
				envelope := p.postcat(t, id)
				require.Equal(t, strings.Contains(envelope, "\nnamed_attribute: sasl_username="+alice+"\n"), contains(ids(hers), id), envelope)
			}
			require.Equal(t, []string{"customer@example.com"}, hers[0].To)
			require.Equal(t, "an offer", hers[0].Subject)
			require.Equal(t, alice, hers[0].Sender)
			require.WithinDuration(t, time.Now(), hers[0].Arrived, 20*time.Second)

			result, err := q.Hold(ctx, alice, nil)
			require.NoError(t, err)
			require.ElementsMatch(t, ids(hers), result.IDs(queue.Held))
			require.Len(t, result, 3)
			for id, place := range p.queued(t) {
				require.Equal(t, contains(ids(hers), id), place == "hold", id)
			}

			p.unstick(t)
			result, err = q.Release(ctx, alice, ids(hers))
			require.NoError(t, err)
			require.ElementsMatch(t, ids(hers), result.IDs(queue.Released))
			for _, id := range ids(hers) {
				within(t, 10*time.Second, id+" is delivered", func() bool { return p.logged(t, id+": removed") == 1 })
			}
		})
	}
}

func contains(list []string, s string) bool {
	for _, l := range list {
		if l == s {
			return true
		}
	}
	return false
}

// Messages are named: each gets its answer, and only hers are touched.
func TestQueueByID(t *testing.T) {
	p := stuck(t)
	ctx, q := context.Background(), p.queue()
	for range 2 {
		p.login(t, alice, spain).send(t, alice, "customer@example.com")
	}
	p.login(t, bob, spain).send(t, bob, "customer@example.com")
	hers, his := waiting(t, p, alice, "deferred", 2), waiting(t, p, bob, "deferred", 1)
	first, second, foreign := hers[0].ID, hers[1].ID, his[0].ID

	p.command(t, "postsuper", "-c", p.file("etc"), "-h", second) // the administrator holds one
	for _, step := range []struct {
		do   func(context.Context, string, []string) (queue.Result, error)
		ids  []string
		want queue.Result
	}{
		{q.Hold, []string{first, second, foreign, "ABCDEF0123"}, queue.Result{
			{ID: first, Outcome: queue.Held}, {ID: second, Outcome: queue.AlreadyHeld},
			{ID: foreign, Outcome: queue.Foreign}, {ID: "ABCDEF0123", Outcome: queue.Gone},
		}},
		{q.Hold, []string{}, nil},
		{q.Release, []string{first, foreign}, queue.Result{{ID: first, Outcome: queue.Released}, {ID: foreign, Outcome: queue.Foreign}}},
		{q.Release, []string{first}, queue.Result{{ID: first, Outcome: queue.NotHeld}}},
	} {
		got, err := step.do(ctx, alice, step.ids)
		require.NoError(t, err)
		require.ElementsMatch(t, step.want, got)
	}
	require.Equal(t, "hold", p.queued(t)[second], "what the administrator holds stays")
}

// Mail that has waited most of its life gets a new one, and is still hers.
func TestQueueReleaseOld(t *testing.T) {
	p := stuck(t)
	ctx := context.Background()
	p.login(t, alice, spain).send(t, alice, "customer@example.com")
	id := waiting(t, p, alice, "deferred", 1)[0].ID
	_, err := p.queue().Hold(ctx, alice, nil)
	require.NoError(t, err)

	later := p.queue()
	later.Now = func() time.Time { return time.Now().Add(3 * 24 * time.Hour) } // of five days
	result, err := later.Release(ctx, alice, []string{id})
	require.NoError(t, err)
	require.Equal(t, queue.Result{{ID: id, Outcome: queue.Requeued}}, result)
	again := waiting(t, p, alice, "deferred", 1)[0]
	require.NotEqual(t, id, again.ID)
	require.Contains(t, p.postcat(t, again.ID), "create_time: ")

	// The new file's age counts, not the message's.
	_, err = later.Hold(ctx, alice, nil)
	require.NoError(t, err)
	result, err = p.queue().Release(ctx, alice, nil)
	require.NoError(t, err)
	require.Equal(t, queue.Result{{ID: again.ID, Outcome: queue.Released}}, result)
}

// startHelper starts queue-helper, which nobody may ask. It has no more of
// root's rights than its help names for a systemd unit.
func startHelper(t *testing.T, p *postfix) string {
	t.Helper()
	socket := p.file("queue.sock")
	helper := exec.Command("setpriv", "--no-new-privs", "--bounding-set=-all,+dac_read_search,+fowner,+setuid,+setgid",
		program, "queue-helper", "--socket", socket, "--user", "nobody", "--postfix-config", p.file("etc"))
	said := p.collect(t, helper)
	require.NoError(t, helper.Start())
	t.Cleanup(func() {
		showOnFailure(t, said)
		require.NoError(t, helper.Process.Signal(syscall.SIGTERM))
		require.NoError(t, helper.Wait())
		require.NoFileExists(t, socket)
	})
	within(t, 10*time.Second, "the helper listens", func() bool { return strings.Contains(read(t, said), "msg=running") })
	return socket
}

// as runs `sendwarden queue` as a user id, and returns what it prints.
func as(uid uint32, args ...string) (string, error) {
	cmd := exec.Command(program, append([]string{"queue"}, args...)...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: nobody}}
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	return out.String(), err
}

// A daemon that isn't root holds and releases through the helper, and can do
// no more than that.
func TestQueueHelper(t *testing.T) {
	p := stuck(t)
	socket := startHelper(t, p)
	p.login(t, alice, spain).send(t, alice, "customer@example.com")
	quote(t, p)
	hers, his := waiting(t, p, alice, "deferred", 1), waiting(t, p, bob, "deferred", 1)

	out, err := as(nobody, alice, "--socket", socket)
	require.NoError(t, err, out)
	require.Contains(t, out, "1 message of alice@example.es in the queue, 0 on hold;\n1 recipient, ")
	require.Contains(t, out, hers[0].ID+"  deferred  ")
	require.Contains(t, out, "\n    an offer\n")

	out, err = as(nobody, alice, hers[0].ID, his[0].ID, "--hold", "--socket", socket)
	require.NoError(t, err, out)
	require.Equal(t, "1 message of alice@example.es on hold now. `sendwarden queue alice@example.es --release --whoever` lets it go.\n"+
		"1 message: not this user's, and left alone.\n", out)
	require.Equal(t, map[string]string{hers[0].ID: "hold", his[0].ID: "deferred"}, p.queued(t))

	for _, id := range []string{"ALL", "../../etc/passwd", "A672A9BAA49\nALL", "a672a9baa49"} {
		out, err = as(nobody, alice, "--hold", "--socket", socket, "--", id)
		require.Error(t, err)
		require.Contains(t, out, "is no queue id")
	}

	// A foreign user can't get at the socket, and is refused where he can.
	_, err = as(nobody+1, alice, "--release", "--whoever", "--socket", socket) // of nobody's group
	require.Error(t, err)
	require.NoError(t, os.Chmod(socket, 0o666))
	out, err = as(1234, alice, "--release", "--whoever", "--socket", socket)
	require.Error(t, err)
	require.Contains(t, out, "user id 1234 may not ask here")
	require.Equal(t, "hold", p.queued(t)[hers[0].ID])

	p.unstick(t)
	out, err = as(nobody, alice, "--release", "--whoever", "--socket", socket)
	require.NoError(t, err, out)
	require.Equal(t, "1 message of alice@example.es released. `sendwarden queue alice@example.es --hold` holds again what has not gone yet.\n", out)
	within(t, 10*time.Second, "it is delivered", func() bool { return p.logged(t, hers[0].ID+": removed") == 1 })
	out, err = as(nobody, alice, "--socket", socket)
	require.NoError(t, err, out)
	require.Equal(t, "No mail of alice@example.es is in the queue.\nThe name has to be the one that Postfix logs as sasl_username, or Exim behind A=.\n", out)
}
