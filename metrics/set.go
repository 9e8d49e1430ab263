package metrics

import (
	"strings"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
)

// maxRules bounds the rules that are counted by name, over all reloads.
const maxRules = 1000

// Set is all that is measured. Its methods may be called by several goroutines.
type Set struct {
	registry  *prometheus.Registry
	countries [26 * 26]atomic.Pointer[prometheus.Counter] // made when they are first seen
	byCountry *prometheus.CounterVec
	nowhere   prometheus.Counter
	verdicts  map[string]prometheus.Counter
	rules     *prometheus.CounterVec
	named     atomic.Int32 // rules
	byRule    rules
	delay     prometheus.Histogram
	asked     prometheus.Histogram
	saves     prometheus.Histogram
	unsaved   prometheus.Counter
	exchanges prometheus.Histogram
	sample    atomic.Pointer[Sample]
}

// New makes a set that has counted nothing. Actions are the verdicts there are.
func New(version string, actions ...string) *Set {
	s := &Set{
		registry:  prometheus.NewRegistry(),
		byCountry: vec("submissions_total", "Messages that users who logged in began to hand in, by the country of their address; ZZ is unknown.", "country"),
		rules:     vec("rule_firings_total", "Times that a rule has added its points.", "rule"),
		verdicts:  make(map[string]prometheus.Counter),
		delay: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "sendwarden_verdict_delay_seconds",
			Help:    "From the stamp of a line to the verdict on it. Stamps without fractions are up to a second old at once.",
			Buckets: []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 300},
		}),
		asked: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "sendwarden_door_answer_seconds",
			Help:    "What it took to answer Postfix.",
			Buckets: []float64{.00005, .0001, .00025, .0005, .001, .0025, .005, .01, .05, .1, .5, 1, 5},
		}),
		saves: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "sendwarden_state_save_seconds",
			Help:    "What it took to write down what had changed.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 5, 30},
		}),
		exchanges: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "sendwarden_shared_exchange_seconds",
			Help:    "What a round trip to the engine of the shared state took, of one record or of several.",
			Buckets: []float64{.0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .2, .5, 1, 2},
		}),
		unsaved: prometheus.NewCounter(prometheus.CounterOpts{Name: "sendwarden_state_save_failures_total", Help: "Saves that failed and were tried again."}),
	}
	verdicts := vec("verdicts_total", "Verdicts on submissions.", "action")
	for _, action := range actions {
		s.verdicts[action] = verdicts.WithLabelValues(action)
	}
	s.nowhere = s.byCountry.WithLabelValues("ZZ")
	build := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "sendwarden_build_info", Help: "1, with the version as label."}, []string{"version"})
	build.WithLabelValues(version).Set(1)
	s.registry.MustRegister(s.byCountry, s.rules, verdicts, s.delay, s.asked, s.saves, s.unsaved, s.exchanges, build, sampled{s},
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return s
}

func vec(name, help, label string) *prometheus.CounterVec {
	return prometheus.NewCounterVec(prometheus.CounterOpts{Name: "sendwarden_" + name, Help: help}, []string{label})
}

// Submission counts a message by its client's country, two letters. Whatever else
// a database says is ZZ, so that none makes metrics without end.
func (s *Set) Submission(country string) {
	if len(country) != 2 || country[0] < 'A' || country[0] > 'Z' || country[1] < 'A' || country[1] > 'Z' {
		s.nowhere.Inc()
		return
	}
	at := &s.countries[int(country[0]-'A')*26+int(country[1]-'A')]
	counter := at.Load()
	if counter == nil {
		made := s.byCountry.WithLabelValues(country)
		counter = &made
		at.Store(counter) // another may have: it is the same counter
	}
	(*counter).Inc()
}

// Verdict counts a verdict.
func (s *Set) Verdict(action string) {
	if counter, known := s.verdicts[action]; known {
		counter.Inc()
	}
}

// Delay counts how long after its line's stamp a submission was judged.
func (s *Set) Delay(d time.Duration) {
	s.delay.Observe(max(0, d.Seconds())) // clocks of two hosts may differ
}

// Fired counts a rule that added its points.
func (s *Set) Fired(rule string) {
	s.byRule.counter(rule, func(name string) prometheus.Counter {
		if s.named.Add(1) > maxRules {
			name = "others"
		}
		return s.rules.WithLabelValues(strings.ToValidUTF8(name, "?"))
	}).Inc()
}

// Asked counts a question at the door.
func (s *Set) Asked(took time.Duration) { s.asked.Observe(took.Seconds()) }

// Saved counts a save of the state.
func (s *Set) Saved(took time.Duration, err error) {
	if err != nil {
		s.unsaved.Inc()
	}
	s.saves.Observe(took.Seconds())
}

// Exchanged counts a round trip to the engine of the shared state, also one that failed.
func (s *Set) Exchanged(took time.Duration) { s.exchanges.Observe(took.Seconds()) }
