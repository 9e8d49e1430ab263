// Package metrics tells a monitoring system how the daemon is: numbers for
// Prometheus at /metrics, and at /healthz whether somebody has to come.
//
//	$ curl -s http://127.0.0.1:9797/metrics | grep verdicts
//	sendwarden_verdicts_total{action="allow"} 18211
//	sendwarden_verdicts_total{action="block"} 2
//	$ curl -s http://127.0.0.1:9797/healthz
//	the state has not been saved for 4m10s: /var/lib/sendwarden/state.db: no space left on device
//
// Numbers come in two ways. What happens once a message is counted when it
// happens ([Set.Submission], [Set.Verdict], [Set.Asked] …), without an
// allocation. All else, the lines of the log among it, is counted where it is
// read anyway, and handed over once a second as a [Sample]; so a line costs
// nothing here.
//
// No name or address of a person is in any of it, and every label has a closed
// set of values: countries, the rules of the rules file, what the daemon was told
// to follow. Still it is for this host alone, as who can read it sees whether
// thieves are noticed.
package metrics
