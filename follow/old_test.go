package follow

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/stretchr/testify/require"
	"github.com/ulikunitz/xz"
)

// write makes a file of its own folder and answers its name.
func write(t testing.TB, name string, text []byte) string {
	path := filepath.Join(t.TempDir(), name)
	require.NoError(t, os.WriteFile(path, text, 0o644))
	return path
}

// compression packs a text as logrotate's programs do.
type compression struct {
	name string
	pack func(testing.TB, []byte) []byte
}

func packer(open func(io.Writer) (io.WriteCloser, error)) func(testing.TB, []byte) []byte {
	return func(t testing.TB, text []byte) []byte {
		var packed bytes.Buffer
		w, err := open(&packed)
		require.NoError(t, err)
		_, err = w.Write(text)
		require.NoError(t, err)
		require.NoError(t, w.Close())
		return packed.Bytes()
	}
}

func compressions() []compression {
	return []compression{
		{"plain", func(_ testing.TB, text []byte) []byte { return text }},
		{"gzip", packer(func(w io.Writer) (io.WriteCloser, error) { return gzip.NewWriter(w), nil })},
		{"zstd", packer(func(w io.Writer) (io.WriteCloser, error) { return zstd.NewWriter(w) })},
		{"xz", packer(func(w io.Writer) (io.WriteCloser, error) { return xz.NewWriter(w) })},
	}
}

// read answers all of a log, and the error that its reading ended with.
func read(o *Old) (text string, err error) {
	var all strings.Builder
	err = Blocks(o, func(*Block[int]) {}, func(b *Block[int]) error {
		all.Write(b.Data)
		return nil
	})
	return all.String(), err
}

const someLog = "Apr 15 21:00:00 mx postfix/qmgr[1]: 4A1: removed\nApr 15 21:00:01 mx postfix/qmgr[1]: 4A2: removed\n"

// A log is unpacked by what its first bytes say; its name may say anything.
func TestOpenLooksAtTheFirstBytes(t *testing.T) {
	for _, c := range compressions() {
		for _, name := range []string{"mail.log", "mail.log.2.gz", "mail.log-20260415.xz"} {
			t.Run(c.name+" "+name, func(t *testing.T) {
				packed := c.pack(t, []byte(someLog))
				o, err := Open(write(t, name, packed))
				require.NoError(t, err)
				defer o.Close()
				require.EqualValues(t, len(packed), o.Size)
				require.False(t, o.Modified.IsZero())
				require.Equal(t, someLog, string(o.Head()))
				text, err := read(o)
				require.NoError(t, err)
				require.Equal(t, someLog, text, "also after its head was looked at")
				require.EqualValues(t, len(packed), o.Done(int64(len(text))))
			})
		}
	}
}

// bzip2 of "hello\n", as bzip2 1.0.8 writes it: the library only unpacks.
const helloBzip2 = "BZh91AY&SY\xc1\xc0\x80\xe2\x00\x00\x01A\x00\x00\x10\x02D\xa0\x000\xcd\x00\xc3F)\x97\x17rE8P\x90\xc1\xc0\x80\xe2"

func TestOpenBzip2(t *testing.T) {
	o, err := Open(write(t, "mail.log.bz2", []byte(helloBzip2)))
	require.NoError(t, err)
	defer o.Close()
	text, err := read(o)
	require.NoError(t, err)
	require.Equal(t, "hello\n", text)
}

// Several packed files in one, as cat makes them, are one log.
func TestOpenConcatenated(t *testing.T) {
	for _, c := range compressions() {
		t.Run(c.name, func(t *testing.T) {
			twice := append(c.pack(t, []byte("one\n")), c.pack(t, []byte("two\n"))...)
			o, err := Open(write(t, "mail.log", twice))
			require.NoError(t, err)
			defer o.Close()
			text, err := read(o)
			require.NoError(t, err)
			require.Equal(t, "one\ntwo\n", text)
		})
	}
}

func TestOpenStandardInput(t *testing.T) {
	r, w, err := os.Pipe()
	require.NoError(t, err)
	stdin := os.Stdin
	os.Stdin = r
	defer func() { os.Stdin = stdin }()
	written := make(chan error, 1)
	go func() {
		_, err := io.WriteString(w, someLog)
		written <- errors.Join(err, w.Close())
	}()
	o, err := Open("-")
	require.NoError(t, err)
	defer o.Close()
	require.Equal(t, "standard input", o.Name)
	require.Zero(t, o.Size)
	require.Equal(t, someLog, string(o.Head()))
	_, err = o.EndAtWholeLine()
	require.EqualError(t, err, "standard input: is no plain file: it cannot be followed")
	text, err := read(o)
	require.NoError(t, err)
	require.Equal(t, someLog, text)
	require.NoError(t, <-written)
}

// A named pipe is read as it comes.
func TestOpenPipe(t *testing.T) {
	name := filepath.Join(t.TempDir(), "pipe")
	require.NoError(t, syscall.Mkfifo(name, 0o600))
	written := make(chan error, 1)
	go func() { written <- os.WriteFile(name, []byte(someLog), 0o600) }()
	o, err := Open(name)
	require.NoError(t, err)
	defer o.Close()
	require.Zero(t, o.Size)
	text, err := read(o)
	require.NoError(t, err)
	require.Equal(t, someLog, text)
	require.NoError(t, <-written)
}

func TestOpenFaults(t *testing.T) {
	folder := t.TempDir()
	missing := filepath.Join(folder, "mail.log")
	_, err := Open(missing)
	require.EqualError(t, err, missing+": no such file")
	_, err = Open(folder)
	require.EqualError(t, err, folder+": is a directory (name the log files in it)")

	denied := &fs.PathError{Op: "open", Path: "mail.log", Err: syscall.EACCES}
	require.EqualError(t, openError("mail.log", denied),
		"mail.log: may not be read by this user (logs often belong to group adm, or to root alone)")
	broken := &fs.PathError{Op: "open", Path: "mail.log", Err: syscall.EIO}
	require.EqualError(t, openError("mail.log", broken), "open mail.log: input/output error")
}

func TestOpenUnreadable(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("root may read everything")
	}
	name := write(t, "mail.log", []byte(someLog))
	require.NoError(t, os.Chmod(name, 0))
	_, err := Open(name)
	require.ErrorContains(t, err, "may not be read by this user")
}

// What begins like a packed log and is none is told at once, or when the fault
// is come to.
func TestOpenOnlyLooksCompressed(t *testing.T) {
	for _, magic := range []string{"\x1f\x8b", "\x28\xb5\x2f\xfd", "\xfd7zXZ\x00", "BZh"} {
		o, err := Open(write(t, "mail.log.gz", []byte(magic+"but no more of it, this is text")))
		if err == nil {
			_, err = read(o)
			require.NoError(t, o.Close())
		}
		require.Error(t, err, "%q", magic)
		require.ErrorContains(t, err, "mail.log.gz: ")
		require.ErrorContains(t, err, "unpacked")
	}
}

// noise is lines of no pattern that would shrink to nothing.
func noise(lines int) []byte {
	var text bytes.Buffer
	for i := range lines {
		fmt.Fprintf(&text, "%x\n", uint64(i)*0x9e3779b97f4a7c15)
	}
	return text.Bytes()
}

// A packed log that is cut off gives what it has before it gives its fault.
func TestTruncated(t *testing.T) {
	text := noise(20_000)
	for _, c := range compressions()[1:] {
		packed := c.pack(t, text)
		for _, missing := range []int{1, 5, 2000} {
			t.Run(fmt.Sprintf("%s %d", c.name, missing), func(t *testing.T) {
				o, err := Open(write(t, "mail.log.1", packed[:len(packed)-missing]))
				require.NoError(t, err)
				defer o.Close()
				got, err := read(o)
				require.ErrorContains(t, err, o.Name+": cannot be unpacked any further (cut off or damaged): ")
				require.True(t, strings.HasPrefix(string(text), got))
				if missing < 10 && c.name == "gzip" {
					require.Equal(t, len(text), len(got), "only the check sum is missing")
				}
			})
		}
	}
}

func TestHead(t *testing.T) {
	long := strings.Repeat("0123456789abcde\n", 4<<10)
	for _, c := range compressions() {
		for _, text := range []string{"", "x", someLog, long} {
			o, err := Open(write(t, "mail.log", c.pack(t, []byte(text))))
			require.NoError(t, err)
			require.Equal(t, text[:min(len(text), 16<<10)], string(o.Head()), "%s, %d bytes", c.name, len(text))
			again, err := read(o)
			require.NoError(t, err)
			require.Equal(t, text, again)
			require.NoError(t, o.Close())
		}
	}
}

func TestEndAtWholeLine(t *testing.T) {
	long := strings.Repeat("x", MaxLine+100)
	for _, c := range []struct {
		name, text string
		end        int
	}{
		{"empty", "", 0},
		{"one line", "one\n", 4},
		{"two and a half", "one\ntwo\nthr", 8},
		{"half a line", "one", 0},
		{"an empty line", "one\n\n", 5},
		{"a half line of the greatest length", "one\n" + long[:MaxLine-1], 4},
	} {
		t.Run(c.name, func(t *testing.T) {
			o, err := Open(write(t, "mail.log", []byte(c.text)))
			require.NoError(t, err)
			defer o.Close()
			end, err := o.EndAtWholeLine()
			require.NoError(t, err)
			require.EqualValues(t, c.end, end)
			text, err := read(o)
			require.NoError(t, err)
			require.Equal(t, c.text[:c.end], text)
		})
	}
	t.Run("endless", func(t *testing.T) {
		o, err := Open(write(t, "mail.log", []byte("one\n"+long)))
		require.NoError(t, err)
		defer o.Close()
		end, err := o.EndAtWholeLine()
		require.NoError(t, err)
		require.EqualValues(t, 4+100, end, "an endless line is cut, so that following it stays possible")
	})
	t.Run("packed", func(t *testing.T) {
		o, err := Open(write(t, "mail.log", compressions()[1].pack(t, []byte(someLog))))
		require.NoError(t, err)
		defer o.Close()
		_, err = o.EndAtWholeLine()
		require.EqualError(t, err, o.Name+": is no plain file: it cannot be followed")
	})
}
