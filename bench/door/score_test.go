package main

import (
	"bytes"
	"net/netip"
	"strconv"
	"syscall"
	"testing"
	"time"

	"sendwarden/policy"
)

// BenchmarkAnswer is what one question costs beside the network, with 100,000
// users that are known.
func BenchmarkAnswer(b *testing.B) {
	for _, active := range []int{5000, 100_000} {
		b.Run(strconv.Itoa(active), func(b *testing.B) { benchmarkAnswer(b, active) })
	}
}

func benchmarkAnswer(b *testing.B, active int) {
	const users = 100_000
	s, all := newScorer(users), newWorld().questions(users, active)
	requests := make([]policy.Request, len(all))
	for i, q := range all {
		requests[i] = policy.Request{User: value(q.text, "sasl_username"), Addr: netip.MustParseAddr(value(q.text, "client_address")), Method: "PLAIN"}
	}
	b.ReportAllocs()
	begun := processorTime(b)
	for i := 0; b.Loop(); i++ {
		r := requests[i%len(requests)]
		r.QueueID = strconv.FormatInt(int64(i), 16)
		s.answer(&r)
	}
	b.ReportMetric(float64(processorTime(b)-begun)/float64(b.N), "cpu-ns/op")
}

// processorTime is what this process has used, which other processes on the machine
// lengthen less than they do the time that goes by.
func processorTime(b *testing.B) time.Duration {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		b.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

func value(text []byte, name string) string {
	_, rest, _ := bytes.Cut(text, []byte("\n"+name+"="))
	v, _, _ := bytes.Cut(rest, []byte("\n"))
	return string(v)
}
