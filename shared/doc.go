// Package shared is the memory that several hosts have together, in Redis or
// Valkey: what each of them learns of a user, and who may not send.
//
// An engine holds it (https://redis.io, https://valkey.io): one server, one that
// Sentinel replaces when it fails, or a Cluster. All that is asked of it is to keep
// some keys and to run three small scripts; there is no protocol of ours.
//
//	sendwarden:user:ana@example.es     a record; the first 8 bytes are its version
//	sendwarden:{all}:list              a hash: what was decided last about each user
//	sendwarden:{all}:wire              a stream: the same, as it is decided
//	sendwarden:{all}:news              a stream: what hosts learn of all users together
//	sendwarden:{all}:crowd             what a host knew of all users at some of them, for one that joins
//	sendwarden:{all}:hosts             a hash: who shares, and until when their news are known
//	sendwarden:{all}:epoch             which memory this is: another one after a loss
//
// A user's key is in a slot of its own, so that a Cluster spreads users evenly; what
// belongs to all has one slot, for scripts that change two keys at once (the braces,
// https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/#hash-tags).
//
// A record is replaced if it is still the one that the new one was made of (Swap).
// The path waits for that, and mail waits for the path: so nobody waits longer than
// Config.Wait for an engine, and when it did not answer in time, not at all until it
// has answered again (tend). What is to happen meanwhile is the caller's business.
package shared
