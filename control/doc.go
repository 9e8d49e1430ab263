// Package control is how people talk to the running daemon: they look at what it
// knows and does, and act on who may send.
//
// All of it goes one way, the [Service]. The commands reach it over a unix socket,
// by HTTP/1.1 with JSON in it; a page in the daemon itself calls it directly. So
// whoever blocks, releases or trusts somebody, and by whatever means, it is done
// alike and stands in the ledger alike.
//
// What goes over the socket can be had with curl:
//
//	curl --unix-socket /run/sendwarden/control http://sendwarden/v1/status
//	curl --unix-socket /run/sendwarden/control http://sendwarden/v1/acts \
//	  -H 'Content-Type: application/json' -d '{"act":"release","user":"info@example.es"}'
//
// Views are GET: /v1/status, /v1/accounts, /v1/account?user=, /v1/trusts,
// /v1/history, /v1/rules, and /v1/watch, which goes on until one of the two hangs
// up. Acts are POST /v1/acts, an [Act]; POST /v1/review-link gives a link to the
// review page. An error is a status from 400 on with
// {"error":"…"}. Fields are added to what is answered, none is changed.
//
// # Who may
//
// Who can talk to the socket can silence any user of the server, and let a thief
// go on. The socket is open for root, for the daemon's own user and for one group,
// by its mode; and the kernel says who is at the other end of a connection (unix(7),
// SO_PEERCRED), which is looked at again and written into the ledger. A client of
// root's may say for whom it works, such as the user who called sudo; from anybody
// else that is not listened to.
package control
