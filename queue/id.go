package queue

import "strings"

// maxID bounds a queue id in bytes. The longest that Postfix makes have 6
// digits of seconds, 4 of microseconds, "z" and an inode number of up to 12.
const maxID = 32

// IsID tells whether Postfix or Exim makes such queue ids.
func IsID(id string) bool { return isPostfixID(id) || isEximID(id) }

// isEximID knows "1xXEkk-0005mc-34", and since 4.97 "1vMBxd-00000000Abc-0XyZ"
// (local_scan.h: MESSAGE_ID_LENGTH), all of base 62.
func isEximID(id string) bool {
	parts := strings.Split(id[:min(len(id), maxID)], "-")
	if len(id) > maxID || len(parts) != 3 || len(parts[0]) != 6 {
		return false
	}
	switch [2]int{len(parts[1]), len(parts[2])} {
	case [2]int{6, 2}, [2]int{11, 4}:
	default:
		return false
	}
	return strings.Trim(id, "-0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz") == ""
}

// isPostfixID tells whether Postfix makes such queue ids (mail_queue.h): short ones
// of upper-case hexadecimal digits, "A672A9BAA49", and with
// enable_long_queue_ids ones of base 52, "4fXq3z1Qm6zJ8d". The command line
// knows two more words, "ALL" and "-", which are neither.
func isPostfixID(id string) bool {
	switch {
	case len(id) > maxID:
		return false
	case len(id) >= 6 && strings.Trim(id, "0123456789ABCDEF") == "":
		return true
	}
	return len(id) >= 11 && strings.Trim(id, "0123456789BCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz") == "" && strings.Contains(id[10:], "z")
}
