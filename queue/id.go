package queue

import "strings"

// maxID bounds a queue id in bytes. The longest that Postfix makes have 6
// digits of seconds, 4 of microseconds, "z" and an inode number of up to 12.
const maxID = 32

// IsID tells whether Postfix makes such queue ids (mail_queue.h): short ones
// of upper-case hexadecimal digits, "A672A9BAA49", and with
// enable_long_queue_ids ones of base 52, "4fXq3z1Qm6zJ8d". The command line
// knows two more words, "ALL" and "-", which are neither.
func IsID(id string) bool {
	switch {
	case len(id) > maxID:
		return false
	case len(id) >= 6 && strings.Trim(id, "0123456789ABCDEF") == "":
		return true
	}
	return len(id) >= 11 && strings.Trim(id, "0123456789BCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz") == "" && strings.Contains(id[10:], "z")
}
