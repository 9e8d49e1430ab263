package policy

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"
)

// seeds adds what the clients of the dialogues send.
func seeds(f *testing.F, pattern string, add func([]byte)) {
	files, err := filepath.Glob(pattern)
	require.NoError(f, err)
	require.NotEmpty(f, files)
	for _, file := range files {
		script, err := os.ReadFile(file)
		require.NoError(f, err)
		var sent []byte
		for line := range strings.Lines(string(script)) {
			mark, text, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
			plain, err := strconv.Unquote(`"` + strings.ReplaceAll(text, `"`, `\"`) + `"`)
			if mark == ">" {
				plain += "\n"
			}
			if mark == ">" || mark == ">|" {
				require.NoError(f, err)
				sent = append(sent, plain...)
			}
		}
		add(sent)
	}
}

// FuzzParse reads a request as a slower reader does, which is written after
// the description and knows nothing of the request before.
func FuzzParse(f *testing.F) {
	seeds(f, "testdata/policy/*.txt", func(b []byte) { f.Add(b, []byte(question)) })
	f.Fuzz(func(t *testing.T, first, second []byte) {
		p := &parser{}
		for _, body := range [][]byte{first, second} {
			want, ok := slowly(string(body))
			err := p.parse(body)
			require.Equal(t, ok, err == nil, "%q", body)
			if !ok {
				continue
			}
			got := map[string]string{}
			for n, name := range names {
				if value := *p.fields()[n]; value != "" {
					got[name] = value
				}
			}
			require.Equal(t, want, got)
			require.Equal(t, want["sasl_username"], p.request.User)
			require.GreaterOrEqual(t, p.request.Size, int64(0))
		}
	})
}

var names = strings.Fields(`request protocol_state protocol_name client_address client_name helo_name sender recipient recipient_count
	queue_id instance size sasl_method sasl_username sasl_sender policy_context`)

// slowly reads a request into a map of what isn't empty.
func slowly(body string) (map[string]string, bool) {
	found, seen := map[string]string{}, map[string]bool{}
	for n, line := range strings.Split(body, "\n") {
		if line == "" {
			break
		}
		name, value, ok := strings.Cut(line, "=")
		if !ok || n >= maxLines {
			return nil, false
		}
		if strings.Contains(" "+strings.Join(names, " ")+" ", " "+name+" ") && !seen[name] && name != "" {
			if seen[name] = true; value != "" {
				found[name] = value
			}
		}
	}
	return found, found["request"] == "smtpd_access_policy"
}

// FuzzNetstring takes what it accepts apart and puts it together again.
func FuzzNetstring(f *testing.F) {
	seeds(f, "testdata/socketmap/*.txt", func(b []byte) { f.Add(b) })
	f.Fuzz(func(t *testing.T, in []byte) {
		s := &sockmap{lookup: tables, fault: func(any) {}}
		n, err := s.cut(in, 0)
		if err != nil || n == 0 {
			require.Zero(t, n)
			return
		}
		size, text, ok := bytes.Cut(in[:n], []byte(":"))
		require.True(t, ok)
		require.Equal(t, string(size), strconv.Itoa(len(text)-1))
		require.LessOrEqual(t, n, maxRequest)
		out, err := s.reply(in[:n], nil)
		if !bytes.Contains(text, []byte(" ")) {
			require.ErrorIs(t, err, errNoKey)
			return
		}
		require.NoError(t, err)
		again, err := s.cut(out, 0)
		require.NoError(t, err)
		require.Len(t, out, again, "the reply is one netstring")
	})
}

// FuzzServer sends bytes in pieces. In whatever pieces they come, the answers
// are the same as to all at once, and well formed.
func FuzzServer(f *testing.F) {
	add := func(isMap bool) func([]byte) {
		return func(b []byte) {
			f.Add(b, []byte{1, 3, 255}, isMap)
			f.Add(append(b, b...), []byte{100}, isMap)
		}
	}
	seeds(f, "testdata/policy/*.txt", add(false))
	seeds(f, "testdata/socketmap/*.txt", add(true))
	f.Fuzz(func(t *testing.T, in, pieces []byte, isMap bool) {
		if len(pieces) == 0 || len(in) > 3*maxRequest {
			return
		}
		var cut [][]byte
		for rest, i := in, 0; len(rest) > 0; i++ {
			n := min(1+int(pieces[i%len(pieces)]), len(rest))
			cut, rest = append(cut, rest[:n]), rest[n:]
		}
		inPieces := converse(t, cut, isMap)
		require.Equal(t, converse(t, [][]byte{in}, isMap), inPieces)
		if !isMap {
			for answer := range strings.SplitAfterSeq(inPieces, "\n\n") {
				require.Regexp(t, `^(action=(DUNNO|HOLD|REJECT)[^\n]*\n\n)?$`, answer)
			}
		}
	})
}

// converse sends pieces to a server, and returns what it answered to them.
func converse(t *testing.T, pieces [][]byte, isMap bool) (answers string) {
	synctest.Test(t, func(t *testing.T) { answers = conversation(t, pieces, isMap) }) // nobody waits for the last call
	return answers
}

func conversation(t *testing.T, pieces [][]byte, isMap bool) string {
	ctx, stop := context.WithCancel(t.Context())
	p, s, ended := newPipes(), &Server{}, make(chan error, 1)
	go func() {
		if isMap {
			ended <- s.ServeMap(ctx, p, tables)
		} else {
			ended <- s.Serve(ctx, p, understood)
		}
	}()
	conn := p.dial(t)
	heard := make(chan string, 1)
	go func() {
		answers, _ := io.ReadAll(conn) // our own close ends it
		heard <- string(answers)
	}()
	for _, piece := range pieces {
		if _, err := conn.Write(piece); err != nil {
			require.ErrorIs(t, err, io.ErrClosedPipe)
			break // it was cut off
		}
	}
	stop()
	require.NoError(t, <-ended)
	require.NoError(t, conn.Close())
	return <-heard
}
