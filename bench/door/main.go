// Command door measures how fast the policy server answers, beside a bare echo server
// and other policy servers:
//
//	go run ./bench/door [-runs 3] [-length 4s] [-connections 1,8,32]
//
// A load generator holds so many connections and asks on each, as an smtpd does,
// one question after the other: what Postfix 3.7 sends at DATA, with 28
// attributes, for users and addresses as a server has them. The servers are
// processes of their own and take turns, so that a busy moment of the machine
// falls on all of them.
//
//	echo   reads to the empty line and writes a constant: the limit on this machine
//	parse  the policy server with nobody behind it
//	score  the policy server, geolocation and the shipped rules, with 100,000 users
//	       that are known since four weeks
//
// postfwd and policyd-rate-limit are measured where they are installed (Debian:
// apt install postfwd policyd-rate-limit).
//
// -cpuprofile FILE writes a profile of the score server.
package main

import (
	"cmp"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"
)

func main() {
	var o options
	flag.IntVar(&o.runs, "runs", 3, "how often each is measured; the median counts")
	flag.DurationVar(&o.length, "length", 4*time.Second, "of one run")
	flag.IntVar(&o.users, "users", 100_000, "how many users are known to the score server")
	flag.StringVar(&o.profile, "cpuprofile", "", "`FILE` for a profile of the score server")
	flag.IntVar(&o.active, "active", 5000, "how many of them ask at a time, before others do")
	connections := flag.String("connections", "1,8,32", "how many ask at once")
	only := flag.String("only", "", "measure only these servers, such as echo,score")
	serve := flag.String("serve", "", "be this server on -listen (used by the program itself)")
	listen := flag.String("listen", "", "host:port")
	flag.Parse()

	var err error
	for _, n := range strings.Split(*connections, ",") {
		c, convErr := strconv.Atoi(n)
		err = cmp.Or(err, convErr)
		o.connections = append(o.connections, c)
	}
	switch {
	case err != nil:
	case *serve != "":
		err = be(*serve, *listen, o)
	default:
		if *only != "" {
			o.only = strings.Split(*only, ",")
		}
		err = measure(o)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "door:", err)
		os.Exit(1)
	}
}

type options struct {
	runs, users, active int
	length              time.Duration
	connections         []int
	only                []string
	profile             string
}

// result is one run.
type result struct {
	perSecond     float64
	p50, p99, max time.Duration
	cpu           time.Duration // of the server, a request
}

// measure starts all servers, lets them take turns, and prints a table.
func measure(o options) error {
	asked := newWorld().questions(o.users, o.active)
	var servers []*server
	defer func() {
		for _, s := range servers {
			s.stop()
		}
	}()
	for _, kind := range kinds {
		if len(o.only) > 0 && !slices.Contains(o.only, kind.name) {
			continue
		}
		if kind.program != "" {
			if _, err := exec.LookPath(kind.program); err != nil {
				fmt.Printf("%s is not installed\n", kind.program)
				continue
			}
		}
		s, err := start(kind, o)
		if err != nil {
			return fmt.Errorf("%s: %w", kind.name, err)
		}
		servers = append(servers, s)
	}
	results := map[string][]result{}
	for range o.runs {
		for _, n := range o.connections {
			for _, s := range servers {
				r, err := s.load(asked, n, o.length)
				if err != nil {
					return fmt.Errorf("%s: %w", s.name, err)
				}
				key := fmt.Sprint(s.name, n)
				results[key] = append(results[key], r)
			}
		}
	}
	fmt.Printf("%d processors, %s, %s; %d users, %d active at a time; %d runs of %v\n\n",
		runtime.NumCPU(), uname(), runtime.Version(), o.users, o.active, o.runs, o.length)
	fmt.Printf("%-20s %11s %22s %8s %9s %9s %9s %11s\n", "server", "connections", "requests/s (min-max)", "of echo", "p50 ms", "p99 ms", "max ms", "µs CPU/req")
	for _, s := range servers {
		for _, n := range o.connections {
			print(s.name, n, results[fmt.Sprint(s.name, n)], results[fmt.Sprint("echo", n)])
		}
	}
	return nil
}

func print(name string, connections int, runs, echo []result) {
	rate := func(r result) float64 { return r.perSecond }
	ms := func(of func(result) time.Duration) float64 {
		return median(runs, func(r result) float64 { return of(r).Seconds() * 1000 })
	}
	ofEcho := "-"
	if len(echo) > 0 {
		ofEcho = fmt.Sprintf("%.2f", median(runs, rate)/median(echo, rate))
	}
	rates := fmt.Sprintf("%.0f (%.0f-%.0f)", median(runs, rate), slices.MinFunc(runs, by(rate)).perSecond, slices.MaxFunc(runs, by(rate)).perSecond)
	fmt.Printf("%-20s %11d %22s %8s %9.3f %9.3f %9.3f %11.1f\n", name, connections, rates, ofEcho,
		ms(func(r result) time.Duration { return r.p50 }), ms(func(r result) time.Duration { return r.p99 }),
		ms(func(r result) time.Duration { return r.max }), median(runs, func(r result) float64 { return r.cpu.Seconds() * 1e6 }))
}

func by(of func(result) float64) func(a, b result) int {
	return func(a, b result) int { return cmp.Compare(of(a), of(b)) }
}

func median(runs []result, of func(result) float64) float64 {
	sorted := slices.SortedFunc(slices.Values(runs), by(of))
	return of(sorted[len(sorted)/2])
}

func uname() string {
	out, err := exec.Command("uname", "-sr").Output()
	if err != nil {
		return runtime.GOOS
	}
	return strings.TrimSpace(string(out))
}
