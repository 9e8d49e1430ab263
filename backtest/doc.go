// Package backtest compares what several sets of rules make of the same log.
//
// Rules are tried before they are trusted. One log is read once and played to
// several scorers side by side; each writes a Record of whom it blocked and what
// it held. Two records have a Difference: who is blocked newly, no longer,
// earlier or later. Many records, of rules that differ in one value, make a
// curve (see ParseSweep):
//
//	threshold.block=60..200
//
// Where it is known who was robbed (see ParseKnown), blocks are hits or false
// alarms, and who was not blocked is missed.
package backtest
