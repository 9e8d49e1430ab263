package state

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	bolt "go.etcd.io/bbolt"
)

var monday = time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)

func open(t *testing.T, path string) *Store {
	s, err := Open(path, monday)
	require.NoError(t, err)
	return s
}

func put(records ...string) *Batch {
	b := new(Batch)
	for i := 0; i < len(records); i += 2 {
		b.Put(records[i], []byte(records[i+1]))
	}
	return b
}

func all(t *testing.T, s *Store, prefix string) (list []string) {
	require.NoError(t, s.Each(prefix, func(key string, record []byte) error {
		list = append(list, key+"="+string(record))
		return nil
	}))
	return list
}

func load(t *testing.T, s *Store, key string) string {
	record, err := s.Load(key)
	require.NoError(t, err)
	return string(record)
}

// What was committed is there after the next start, what was removed is not.
func TestCommit(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.db")
	s := open(t, path)
	require.Empty(t, s.Damaged)
	require.NoError(t, s.Commit(put("user/ana", "1", "user/bob", "1", "position/mail.log", "7")))
	b := put("user/ana", "2")
	b.Put("user/bob", nil)
	require.NoError(t, s.Commit(b))
	require.NoError(t, s.Close())

	s = open(t, path)
	require.Equal(t, []string{"user/ana=2"}, all(t, s, "user/"))
	require.Equal(t, []string{"position/mail.log=7", "user/ana=2"}, all(t, s, ""))
	require.Equal(t, "2", load(t, s, "user/ana"))
	record, err := s.Load("user/bob")
	require.NoError(t, err)
	require.Nil(t, record)
	stop := errors.New("enough")
	require.Equal(t, stop, s.Each("", func(string, []byte) error { return stop }))
	require.NoError(t, s.Close())
}

// A Commit that fails leaves the file as it was, what it was to write can be
// read, and the next one writes it.
func TestFailedCommitLosesNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.db")
	s := open(t, path)
	require.NoError(t, s.Commit(put("a", "1", "b", "1")))
	good := s.db
	broken, err := bolt.Open(filepath.Join(t.TempDir(), "other.db"), 0o600, nil)
	require.NoError(t, err)
	require.NoError(t, broken.Close())

	s.db = broken
	b := put("a", "2", "c", "2")
	b.Put("b", nil)
	require.Error(t, s.Commit(b))
	require.Equal(t, "2", load(t, s, "a"))
	require.Empty(t, load(t, s, "b"))
	require.Error(t, s.Commit(put("a", "3")))

	s.db = good
	require.Equal(t, []string{"a=1", "b=1"}, all(t, s, ""))
	require.NoError(t, s.Commit(new(Batch)))
	require.Equal(t, []string{"a=3", "c=2"}, all(t, s, ""))
	require.NoError(t, s.Close())
}

// A file that bbolt has lost hold of is opened anew: to be read at once, to be written
// with the next Commit, unless somebody looks through it.
func TestRevive(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.db")
	s := open(t, path)
	require.NoError(t, s.Commit(put("a", "1")))
	require.NoError(t, s.revive())
	require.False(t, s.toRead, "nothing was wrong")

	require.NoError(t, s.db.Close()) // as good as one without a map
	require.NoError(t, s.revive())
	require.True(t, s.toRead)
	require.Equal(t, "1", load(t, s, "a"))
	require.NoError(t, s.Each("", func(string, []byte) error {
		require.ErrorContains(t, s.Commit(put("a", "2")), "as soon as nobody looks through it")
		return nil
	}))
	require.Equal(t, "2", load(t, s, "a"), "it is pending")
	require.NoError(t, s.Commit(put("b", "1")))
	require.Equal(t, []string{"a=2", "b=1"}, all(t, s, ""))
	require.NoError(t, s.Close())
}

// Who looks through a file may load other records and take time, even while a
// Commit makes the file grow: none waits for another.
func TestWalkCommitLoad(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "state.db"))
	var some Batch
	for i := range 3 * walkAtOnce {
		some.Put(fmt.Sprintf("user/%05d", i), []byte("1"))
	}
	require.NoError(t, s.Commit(&some))
	n := 0
	require.NoError(t, s.Each("user/", func(key string, record []byte) error {
		require.Equal(t, fmt.Sprintf("user/%05d", n), key)
		if n++; n != walkAtOnce/2 {
			return nil
		}
		grown := make(chan error)
		go func() {
			var many Batch
			for i := range 64 {
				many.Put(fmt.Sprintf("other/%d", i), make([]byte, 1<<20))
			}
			grown <- s.Commit(&many)
		}()
		for {
			select {
			case err := <-grown:
				return err
			case <-time.After(time.Millisecond):
				require.Equal(t, "1", load(t, s, key))
			}
		}
	}))
	require.Equal(t, 3*walkAtOnce, n)
	require.NoError(t, s.Close())
}

// A disk that has failed once is not believed: the next Commit rewrites the file.
func TestFailedSync(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.db")
	s := open(t, path)
	require.NoError(t, s.Commit(put("a", "1")))
	before, err := os.Stat(path)
	require.NoError(t, err)
	s.doubtful = true
	require.NoError(t, s.Commit(put("a", "2")))
	after, err := os.Stat(path)
	require.NoError(t, err)
	require.False(t, os.SameFile(before, after))
	require.Equal(t, []string{"a=2"}, all(t, s, ""))
	require.False(t, s.doubtful)
	require.NoError(t, s.Close())
}

// A key that the file cannot hold is refused and stands in nobody's way.
func TestImpossibleKeys(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "state.db"))
	require.ErrorContains(t, s.Commit(put("", "1")), "no record may be called")
	require.ErrorContains(t, s.Commit(put(strings.Repeat("x", bolt.MaxKeySize+1), "1")), "no record may be called")
	require.NoError(t, s.Commit(put("a", "1")))
	require.NoError(t, s.Close())
}

// Only one process can have the file, and the error says which one has it.
func TestTheFileIsInUse(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.db")
	s := open(t, path)
	_, err := Open(path, monday)
	require.ErrorContains(t, err, fmt.Sprintf("%s: in use by process %d (state.test)", path, os.Getpid()))
	require.NoError(t, s.Close())
	require.NoError(t, open(t, path).Close())
}

func TestNoDirectory(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "nowhere")
	_, err := Open(filepath.Join(dir, "state.db"), monday)
	require.EqualError(t, err, dir+": no such directory (mkdir -p "+dir+")")
}

func TestNewerSchema(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.db")
	s := open(t, path)
	require.NoError(t, s.db.Update(func(tx *bolt.Tx) error { return tx.Bucket(about).Put(schemaName, []byte("7")) }))
	require.NoError(t, s.Close())
	_, err := Open(path, monday)
	require.ErrorContains(t, err, "of version 7, by a newer Sendwarden; this one reads up to 1")
	require.FileExists(t, path)
}

// file is a state with some users in it.
func file(t *testing.T) []byte {
	path := filepath.Join(t.TempDir(), "state.db")
	s := open(t, path)
	b := new(Batch)
	for i := range 2000 {
		b.Put(fmt.Sprintf("user/%d", i), make([]byte, 100))
	}
	require.NoError(t, s.Commit(b))
	require.NoError(t, s.Close())
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	return data
}

// A damaged file is kept under another name, and said.
func TestDamagedFiles(t *testing.T) {
	whole := file(t)
	for name, data := range map[string][]byte{
		"some text":        []byte("no state at all\n"),
		"long text":        []byte(strings.Repeat("no state at all\n", 10_000)),
		"cut short":        whole[:len(whole)/2],
		"cut to two pages": whole[:2*os.Getpagesize()],
		"begins with NULs": append(make([]byte, 2*os.Getpagesize()), whole[2*os.Getpagesize():]...),
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "state.db")
			require.NoError(t, os.WriteFile(path, data, 0o600))
			s := open(t, path)
			require.Contains(t, s.Damaged, path+": the file is damaged (")
			require.Contains(t, s.Damaged, "; it is kept as "+path+".corrupt-20260302T080000, and a new state begins")
			kept, err := os.ReadFile(path + ".corrupt-20260302T080000")
			require.NoError(t, err)
			require.Equal(t, data, kept)
			require.NoError(t, s.Commit(put("a", "1")))
			require.NoError(t, s.Close())
		})
	}
}

// A page that is damaged later, or in a place that Open does not look at, is an
// error and no crash.
func TestDamagedPages(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	whole := file(t)
	for range 40 {
		path := filepath.Join(t.TempDir(), "state.db")
		data := slices.Clone(whole)
		for range 200 {
			data[r.IntN(len(data))] = byte(r.IntN(256))
		}
		require.NoError(t, os.WriteFile(path, data, 0o600))
		s, err := Open(path, monday)
		if err != nil {
			continue
		}
		_ = s.Each("", func(string, []byte) error { return nil })
		_, _ = s.Load("user/77")
		_ = s.Commit(put("user/77", "1"))
		_ = s.Close()
	}
}

// Compacting gives free pages back to the disk, keeps every record, and the lock.
func TestCompact(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.db")
	s := open(t, path)
	b := new(Batch)
	for i := range 5000 {
		b.Put(fmt.Sprintf("user/%d", i), []byte(strings.Repeat("secret", 50)))
	}
	require.NoError(t, s.Commit(b))
	b = put("left", "over")
	for i := range 5000 {
		b.Put(fmt.Sprintf("user/%d", i), nil)
	}
	require.NoError(t, s.Commit(b))
	before, free, err := s.Size()
	require.NoError(t, err)
	require.Greater(t, free, before/2)

	require.NoError(t, s.Compact())
	after, _, err := s.Size()
	require.NoError(t, err)
	require.Less(t, after, before/10)
	require.Equal(t, []string{"left=over"}, all(t, s, ""))
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	require.NotContains(t, string(data), "secret")
	_, err = Open(path, monday)
	require.ErrorContains(t, err, "in use by process")
	require.NoError(t, s.Commit(put("a", "1")))
	require.NoError(t, s.Close())
	require.Equal(t, []string{"a=1", "left=over"}, all(t, open(t, path), ""))
	require.NoFileExists(t, path+".compact")
}

// Examine finds what Open would, and leaves a damaged file where it is.
func TestExamine(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.db")
	require.Error(t, Examine(path))
	s, err := Open(path, time.Now())
	require.NoError(t, err)
	require.NoError(t, s.Close())
	require.NoError(t, Examine(path))
	require.NoError(t, os.WriteFile(path, bytes.Repeat([]byte("no state "), 2000), 0o600))
	require.ErrorIs(t, Examine(path), errDamaged)
	entries, err := os.ReadDir(filepath.Dir(path))
	require.NoError(t, err)
	require.Len(t, entries, 1)
}
