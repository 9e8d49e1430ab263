// Package report draws what people look at: the HTML report of a replay, and the
// parts that a page of the daemon can use as well.
//
// A report is one file that is opened years later on another machine, and mailed
// to somebody who reads it on a phone. So it holds all that it needs, style and
// map included, has no script, and forbids itself every request by its content
// security policy. It is light or dark as its reader's system is, and prints.
//
// What it tells comes from strangers: a user name or a network's organisation may
// be <script>. Everything goes through html/template, and names through
// maillog.Mask before, so that no control character or direction mark lies about
// what is written.
//
// In all drawings grey is what is usual, and the one colour is what is not: a dot
// is filled where a message was refused, and a ring where it was held, so that
// nothing is told by colour alone.
//
// Write makes the whole report. Page is its frame; Map, Timeline and Volume draw
// one part each.
package report
