package main

import (
	"bytes"
	"encoding/base64"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/maxmind/mmdbwriter"
	"github.com/maxmind/mmdbwriter/mmdbtype"
	"github.com/rogpeppe/go-internal/testscript"
	"github.com/stretchr/testify/require"
	"github.com/ulikunitz/xz"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"sendwarden": main})
}

var update = flag.Bool("update", false, "write what the program prints into the scripts")

// The scripts in testdata/script are the specification of the program. To the
// usual commands they add
//
//	exits STATUS COMMAND…     run it and compare the exit status
//	either COMMAND…           run it, whether it exits with 0 or 3
//	pack FORMAT FILE PACKED   compress a file with gzip, zstd or xz
//	unbase64 FILE PLAIN       write bytes that a script cannot hold
//	fill FILE BYTES TEXT      write TEXT over and over, without a newline
//	cut FILE BYTES            cut a file off
//	stream FILE TIME STEP N TEXT   append N lines, STEP apart; {rfc}, {exim} and {php} are their time, {id} and
//	                          {eximid} queue ids, {n} their number
//	cities FILE NETWORK=CC,LAT,LON…  write a database of cities, as MaxMind's are
//	remember FILE             make a state in which ana@example.es went from Spain to Lyon
func TestScripts(t *testing.T) {
	week, err := filepath.Abs("../../testdata/week/mail.log")
	require.NoError(t, err)
	examples, err := filepath.Abs("../../examples/rules")
	require.NoError(t, err)
	testscript.Run(t, testscript.Params{
		Dir:           "testdata/script",
		UpdateScripts: *update,
		Setup: func(env *testscript.Env) error {
			env.Setenv("TZ", "UTC")
			env.Setenv("WEEK", week)
			env.Setenv("EXAMPLES", examples)
			env.Setenv("SUDO_USER", "ana")
			return nil
		},
		Condition: func(name string) (bool, error) {
			if name == "root" {
				return os.Getuid() == 0, nil
			}
			return false, errors.New("unknown condition " + name)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits": exits, "either": either, "pack": pack, "unbase64": unbase64, "fill": fill, "cut": cut, "stream": stream, "remember": remember, "cities": cities,
		},
	})
}

// arguments ends a script that calls a command wrongly.
func arguments(ts *testscript.TestScript, neg bool, args []string, usage string) {
	if want := len(strings.Fields(usage)) - 1; neg || len(args) != want {
		ts.Fatalf("usage: %s", usage)
	}
}

func either(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: either COMMAND…")
	}
	var exit *exec.ExitError
	if err := ts.Exec(args[0], args[1:]...); !errors.As(err, &exit) || exit.ExitCode() != exitFaults {
		ts.Check(err)
	}
}

func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits STATUS COMMAND…")
	}
	status := 0
	var exit *exec.ExitError
	if err := ts.Exec(args[1], args[2:]...); errors.As(err, &exit) {
		status = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if strconv.Itoa(status) != args[0] {
		ts.Fatalf("exit status %d, not %s", status, args[0])
	}
}

func pack(ts *testscript.TestScript, neg bool, args []string) {
	arguments(ts, neg, args, "pack FORMAT FILE PACKED")
	var packed bytes.Buffer
	var w io.WriteCloser
	var err error
	switch args[0] {
	case "gzip":
		w = gzip.NewWriter(&packed)
	case "zstd":
		w, err = zstd.NewWriter(&packed)
	case "xz":
		w, err = xz.NewWriter(&packed)
	default:
		ts.Fatalf("no format %s", args[0])
	}
	ts.Check(err)
	_, err = io.WriteString(w, ts.ReadFile(args[1]))
	ts.Check(err)
	ts.Check(w.Close())
	ts.Check(os.WriteFile(ts.MkAbs(args[2]), packed.Bytes(), 0o644))
}

func unbase64(ts *testscript.TestScript, neg bool, args []string) {
	arguments(ts, neg, args, "unbase64 FILE PLAIN")
	plain, err := base64.StdEncoding.DecodeString(strings.TrimSpace(ts.ReadFile(args[0])))
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), plain, 0o644))
}

func fill(ts *testscript.TestScript, neg bool, args []string) {
	arguments(ts, neg, args, "fill FILE BYTES TEXT")
	size, err := strconv.Atoi(args[1])
	ts.Check(err)
	text := strings.Repeat(args[2], size/len(args[2])+1)[:size]
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(text), 0o644))
}

func stream(ts *testscript.TestScript, neg bool, args []string) {
	arguments(ts, neg, args, "stream FILE TIME STEP N TEXT")
	at, err := time.Parse(time.RFC3339, args[1])
	ts.Check(err)
	step, err := time.ParseDuration(args[2])
	ts.Check(err)
	n, err := strconv.Atoi(args[3])
	ts.Check(err)
	f, err := os.OpenFile(ts.MkAbs(args[0]), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	ts.Check(err)
	defer f.Close()
	for i := range n {
		number := int(at.Unix()%100_000)*1000 + i
		_, err := f.WriteString(strings.NewReplacer(
			"{rfc}", at.Format(time.RFC3339), "{exim}", at.Format(time.DateTime), "{php}", at.Format("02-Jan-2006 15:04:05 MST"),
			"{id}", fmt.Sprintf("%010X", number), "{eximid}", fmt.Sprintf("1vMBxe-%06d-XY", number%1_000_000),
			"{n}", strconv.Itoa(i)).Replace(args[4]) + "\n")
		ts.Check(err)
		at = at.Add(step)
	}
}

func cities(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: cities FILE NETWORK=CC,LAT,LON…")
	}
	tree, err := mmdbwriter.New(mmdbwriter.Options{DatabaseType: "GeoLite2-City", RecordSize: 24, BuildEpoch: 1_776_000_000})
	ts.Check(err)
	for _, arg := range args[1:] {
		text, place, _ := strings.Cut(arg, "=")
		_, network, err := net.ParseCIDR(text)
		ts.Check(err)
		var country string
		var lat, lon float64
		_, err = fmt.Sscanf(strings.ReplaceAll(place, ",", " "), "%s %f %f", &country, &lat, &lon)
		ts.Check(err)
		ts.Check(tree.Insert(network, mmdbtype.Map{
			"country":  mmdbtype.Map{"iso_code": mmdbtype.String(country)},
			"location": mmdbtype.Map{"latitude": mmdbtype.Float64(lat), "longitude": mmdbtype.Float64(lon), "accuracy_radius": mmdbtype.Uint16(20)},
		}))
	}
	f, err := os.Create(ts.MkAbs(args[0]))
	ts.Check(err)
	defer f.Close()
	_, err = tree.WriteTo(f)
	ts.Check(err)
}

func cut(ts *testscript.TestScript, neg bool, args []string) {
	arguments(ts, neg, args, "cut FILE BYTES")
	size, err := strconv.ParseInt(args[1], 10, 64)
	ts.Check(err)
	ts.Check(os.Truncate(ts.MkAbs(args[0]), size))
}
