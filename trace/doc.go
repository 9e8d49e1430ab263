// Package trace follows messages through mail logs: who handed a message in, from
// where, to whom it went and what became of it.
//
// A mail server says it in many lines by several programs, which have the
// message's id in the queue in common:
//
//	postfix/smtpd[181]: 4F1C2A3B4D: client=host77.example.net[203.0.113.77], sasl_method=PLAIN, sasl_username=ana@example.es
//	postfix/cleanup[183]: 4F1C2A3B4D: message-id=<x@pc.example.es>
//	postfix/qmgr[90]: 4F1C2A3B4D: from=<ana@example.es>, size=417, nrcpt=1 (queue active)
//	postfix/smtp[402]: 4F1C2A3B4D: to=<leo@example.com>, relay=mx.example.com[192.0.2.25]:25, …, status=bounced (…)
//	postfix/bounce[184]: 4F1C2A3B4D: sender non-delivery notification: 5D2E3F4A5B
//	postfix/qmgr[90]: 4F1C2A3B4D: removed
//
// That is a Story. A message that a content filter hands back, a bounce and what a
// .forward made of it have other ids and are stories of their own; the lines that
// name both ids, and the message-id, link them. Ids are used again once a message
// is gone, so that one id may have several stories.
//
// What is looked for is often told late (the message-id after the client), and
// links lead back as well as forth. So the logs are read several times, each time
// for the ids that the last one found, until there are no new ones: memory holds
// what is wanted, whatever the logs' size.
package trace
