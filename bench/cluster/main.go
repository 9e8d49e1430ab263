// Command cluster measures what it costs that several hosts remember together, in
// the redis-server of Debian on this machine:
//
//	go run ./bench/cluster                        all of it, some ten minutes
//	go run ./bench/cluster -quick                 less than one
//	go run ./bench/cluster -parts cost,blocks     only these
//	go run ./bench/cluster -markdown              the tables as docs/scale.md has them
//	go run ./bench/cluster -into docs/scale.md    the same, put in their places there
//
// Hosts are processes of the program itself, `sendwarden run`, with the shipped
// rules, a door, a log and a file of their own. They are asked at the door as by
// Postfix, and each message's five lines come into the log after the answer. The
// users are those of a simulated server (bench/people), so many times over; a message
// goes to any host by chance, which is the worst case: hosts that hold on to a client
// meet each other's users less often. Load, hosts and engine share the processors of
// this machine, so that more hosts do not come to more submissions than it has time
// for; what one submission costs each of them says more.
//
//	cost      submissions a second and their latency, by hosts; commands, bytes and
//	          processor time of one; the engine's own limit; memory of a user
//	blocks    how long until a block on one host is enforced on another
//	failures  a Sentinel's failover and a Cluster's lost node: what is late, lost, counted twice
//	relp      the other way: all hosts log to one, by rsyslog and RELP
//
// What follows for other numbers of users and hosts stands in the table "plan".
package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

// bench is what is measured, and how.
type bench struct {
	quick            bool
	crowd, active    int // users known, and those who send
	pace             int // submissions/s of a host where there are pauses
	warm, length     time.Duration
	commands, thefts int
	site             *site
	redis            string

	measured     []cost
	limits       []limited
	sizes, grown sizes
	users        int64   // bytes of all
	news         float64 // bytes of what a host tells once a second
	blocked      enforced
	failed       []failed
	relayed      relayed
}

func main() {
	b := &bench{pace: 200, length: 10 * time.Second, commands: 400_000, thefts: 100}
	flag.BoolVar(&b.quick, "quick", false, "less of each, in less than a minute")
	flag.IntVar(&b.crowd, "users", 300_000, "who are known")
	flag.DurationVar(&b.length, "length", b.length, "of one measurement; before it hosts warm up for nearly as long")
	flag.IntVar(&b.active, "active", 3000, "of them, who send")
	parts := flag.String("parts", "cost,blocks,failures,relp", "what is measured")
	markdown := flag.Bool("markdown", false, "print the tables of docs/scale.md")
	document := flag.String("into", "", "put them into this `FILE`")
	flag.Parse()
	b.warm = b.length * 4 / 5
	if b.quick {
		b.crowd, b.active, b.warm, b.length, b.commands, b.thefts = min(b.crowd, 5000), min(b.active, 500), time.Second, 2*time.Second, 40_000, 10
	}
	if err := b.run(strings.Split(*parts, ","), *markdown, *document); err != nil {
		fmt.Fprintln(os.Stderr, "cluster:", err)
		os.Exit(1)
	}
}

func (b *bench) run(parts []string, markdown bool, document string) error {
	all := []struct {
		name   string
		do     func(testing.TB)
		tables func() []*table
	}{
		{"cost", b.costs, b.costTables}, {"blocks", b.blocks, b.blockTables}, {"failures", b.failures, b.failureTables}, {"relp", b.relays, b.relayTables},
	}
	began, before := time.Now(), loadAverage()
	var tables []*table
	err := during(func(t testing.TB) {
		b.site = b.newSite(t)
		for _, part := range all {
			if slices.Contains(parts, part.name) {
				b.say("%s, after %v", part.name, time.Since(began).Round(time.Second))
				part.do(t)
				tables = append(tables, part.tables()...)
			}
		}
	})
	if err != nil {
		return err
	}
	if len(b.measured) > 0 {
		tables = append(tables, b.plan())
	}
	head := fmt.Sprintf("%s, %s; %s, %s, Redis %s; load before %s, after %s; %d users known, %d sending, %v each; took %v", processor(), uname(), debian(), runtime.Version(), b.redis,
		before, loadAverage(), b.crowd, b.active, b.length, time.Since(began).Round(time.Second))
	if document != "" {
		return into(document, append(tables, &table{name: "machine", remark: head + "."}))
	}
	return show(os.Stdout, head, tables, markdown)
}

func show(out io.Writer, head string, tables []*table, markdown bool) error {
	fmt.Fprintf(out, "%s\n\n", head)
	for _, t := range tables {
		fmt.Fprintf(out, "<!-- %s -->\n", t.name)
		if markdown {
			t.markdown(out)
			fmt.Fprint(out, "<!-- end -->\n\n")
			continue
		}
		if err := t.plain(out); err != nil {
			return err
		}
	}
	return nil
}

func (b *bench) newSite(t testing.TB) *site {
	s := &site{program: build(t)}
	s.crowd, s.geo = newCrowd(t, b.crowd)
	out, _ := exec.Command("redis-server", "--version").Output() // what is missing fails later
	_, b.redis, _ = strings.Cut(string(out), "v=")
	b.redis, _, _ = strings.Cut(b.redis, " ")
	return s
}

// say tells what is being done.
func (b *bench) say(format string, args ...any) { fmt.Fprintf(os.Stderr, "  "+format+"\n", args...) }

func loadAverage() string {
	text, _ := os.ReadFile("/proc/loadavg")
	one, _, _ := strings.Cut(string(text), " ")
	return one
}

func processor() string {
	text, _ := os.ReadFile("/proc/cpuinfo")
	_, model, _ := strings.Cut(string(text), "model name\t: ")
	model, _, _ = strings.Cut(model, "\n")
	return fmt.Sprintf("%d × %s", runtime.NumCPU(), model)
}

func debian() string {
	text, _ := os.ReadFile("/etc/debian_version")
	return "Debian " + strings.TrimSpace(string(text))
}

func uname() string {
	out, _ := exec.Command("uname", "-sr").Output()
	return strings.TrimSpace(string(out))
}
