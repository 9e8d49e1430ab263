package follow

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var seed = flag.Uint64("seed", 1, "where the random texts begin")

// checkBlocks reads a text and checks all that Blocks promises of it.
func checkBlocks(t *testing.T, c compression, text string) {
	t.Helper()
	o, err := Open(write(t, "mail.log", c.pack(t, []byte(text))))
	require.NoError(t, err)
	defer o.Close()
	var all bytes.Buffer
	cut := true // the block before ended at a line's end, or in a giant
	err = Blocks(o, func(b *Block[int]) { b.Found = bytes.Count(b.Data, []byte{'\n'}) }, func(b *Block[int]) error {
		require.NotEmpty(t, b.Data)
		require.EqualValues(t, all.Len(), b.Offset)
		require.True(t, cut, "block at %d begins within a line", b.Offset)
		require.Equal(t, bytes.Count(b.Data, []byte{'\n'}), b.Found, "what prepare found is that block's")
		all.Write(b.Data)
		last := b.Data[bytes.LastIndexByte(b.Data, '\n')+1:]
		cut = len(last) == 0 || len(last) >= MaxLine
		return nil
	})
	require.NoError(t, err)
	if all.String() != text { // require.Equal would print megabytes
		t.Fatalf("%d bytes read of %d, alike up to %d", all.Len(), len(text), alike(all.String(), text))
	}
}

func alike(a, b string) int {
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return i
		}
	}
	return min(len(a), len(b))
}

// The blocks of a log, one after the other, are the log; each begins where a
// line begins.
func TestBlocks(t *testing.T) {
	x := func(n int) string { return strings.Repeat("x", n) }
	for name, text := range map[string]string{
		"nothing":                  "",
		"one byte":                 "x",
		"one newline":              "\n",
		"no newline":               "line",
		"newlines only":            strings.Repeat("\n", 3*blockSize),
		"CRLF":                     strings.Repeat("line\r\n", 100_000),
		"a block":                  x(blockSize-1) + "\n",
		"a block and a byte":       x(blockSize-1) + "\ny",
		"a line that ends a block": x(100) + "\n" + x(blockSize-102) + "\n" + "line\n",
		"a line that begins one":   x(blockSize-2) + "\n\n" + "line\n",
		"longest line over an end": x(blockSize-10) + "\n" + x(MaxLine-1) + "\nline\n",
		"a longer one":             x(blockSize-10) + "\n" + x(MaxLine+1) + "\nline\n",
		"lines of a block":         strings.Repeat(x(blockSize-1)+"\n", 5),
		"lines above MaxLine":      strings.Repeat(x(MaxLine+7)+"\n", 50),
		"endless":                  x(3 << 20),
		"endless, then lines":      x(3<<20) + "\n" + strings.Repeat("line\n", 100_000),
		"lines, then endless":      strings.Repeat("line\n", 100_000) + x(3<<20),
	} {
		for _, c := range compressions()[:2] {
			t.Run(name+" "+c.name, func(t *testing.T) { checkBlocks(t, c, text) })
		}
	}
}

// The same for giants whose end lies at each place near where a block's search
// for it gives up.
func TestBlocksCutGiants(t *testing.T) {
	plain := compressions()[0]
	for d := -3; d <= 3; d++ {
		for _, long := range []int{MaxLine, blockSize, blockSize + MaxLine, 2*blockSize + MaxLine} {
			giant := strings.Repeat("x", long+d) + "\nline\n"
			checkBlocks(t, plain, giant)
			checkBlocks(t, plain, strings.Repeat("y", blockSize-1)+"\n"+giant)
		}
	}
}

func TestBlocksOfRandomTexts(t *testing.T) {
	for i := range uint64(60) {
		r := rand.New(rand.NewPCG(*seed, i))
		var text strings.Builder
		most := []int{2, 200, 3000, MaxLine, 2 * blockSize}[r.IntN(5)]
		for text.Len() < r.IntN(4*blockSize) {
			text.WriteString(strings.Repeat(string(rune('a'+r.IntN(26))), r.IntN(most)))
			text.WriteString([]string{"\n", "\r\n", "\n\n"}[r.IntN(3)])
		}
		whole := text.String()
		whole = whole[:len(whole)-min(len(whole), r.IntN(3))] // sometimes without the last newline
		t.Run(fmt.Sprintf("seed %d text %d", *seed, i), func(t *testing.T) {
			checkBlocks(t, compressions()[i%2], whole)
		})
	}
}

// What use answers ends the reading, and nothing goes on behind the caller's
// back.
func TestBlocksEndWithUse(t *testing.T) {
	enough := errors.New("enough")
	text := noise(300_000)
	for _, c := range compressions()[:3] {
		t.Run(c.name, func(t *testing.T) {
			name := write(t, "mail.log", c.pack(t, text))
			before := runtime.NumGoroutine()
			for range 5 {
				o, err := Open(name)
				require.NoError(t, err)
				uses := 0
				err = Blocks(o, func(*Block[int]) {}, func(*Block[int]) error {
					uses++
					if uses == 3 {
						return enough
					}
					return nil
				})
				require.Equal(t, enough, err)
				require.Equal(t, 3, uses)
				require.NoError(t, o.Close())
				requireGoroutines(t, before)
			}
		})
	}
}

// requireGoroutines waits for goroutines that have done their work and are yet
// to leave.
func requireGoroutines(t *testing.T, most int) {
	deadline := time.Now().Add(10 * time.Second)
	for runtime.NumGoroutine() > most && time.Now().Before(deadline) {
		runtime.Gosched()
	}
	require.LessOrEqual(t, runtime.NumGoroutine(), most)
}

// What cannot be read is told after all that could be.
func TestBlocksEndWithReadError(t *testing.T) {
	o, err := Open(write(t, "mail.log", bytes.Repeat([]byte("line\n"), 200_000)))
	require.NoError(t, err)
	require.NoError(t, o.Close())
	text, err := read(o)
	require.Empty(t, text)
	require.ErrorContains(t, err, o.Name+": reading at byte 0: ")
}

// A log that shrinks while it is read is read as far as it goes.
func TestBlocksOfAShrunkLog(t *testing.T) {
	o, err := Open(write(t, "mail.log", bytes.Repeat([]byte("line\n"), 200_000)))
	require.NoError(t, err)
	defer o.Close()
	o.Size *= 3
	text, err := read(o)
	require.NoError(t, err)
	require.Equal(t, 1_000_000, len(text))
}

// A log that grows while it is read is read as far as it went.
func TestBlocksOfAGrownLog(t *testing.T) {
	o, err := Open(write(t, "mail.log", []byte("one\ntwo\n")))
	require.NoError(t, err)
	defer o.Close()
	o.Size = 4
	text, err := read(o)
	require.NoError(t, err)
	require.Equal(t, "one\n", text)
}
