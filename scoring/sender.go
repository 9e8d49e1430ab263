package scoring

// maxSenders bounds how many envelope senders are remembered for one user.
const maxSenders = 12

// sender is an envelope sender that a user has given lately.
type sender struct {
	name uint32 // hash
	last int64  // Unix seconds
}

// senders are in no order.
type senders []sender

// used takes note of one message's sender; the one unused for longest makes
// room.
func (ss *senders) used(name uint32, now int64) {
	oldest := 0
	for i := range *ss {
		s := &(*ss)[i]
		if s.name == name {
			s.last = max(s.last, now)
			return
		}
		if s.last < (*ss)[oldest].last {
			oldest = i
		}
	}
	if len(*ss) < maxSenders {
		*ss = append(roomy(*ss), sender{name, now})
		return
	}
	(*ss)[oldest] = sender{name, now}
}

// since counts the different senders after a time.
func (ss senders) since(begin int64) (n int) {
	for _, s := range ss {
		if s.last >= begin {
			n++
		}
	}
	return n
}
