package maillog

import "time"

// stamp is a time as a log wrote it, before the missing year and zone are
// inferred (see clock).
type stamp struct {
	year                   int // 0: the stamp has none
	month                  time.Month
	day, hour, minute, sec int
	nsec                   int
	zoned                  bool
	offset                 int // seconds east of UTC, when zoned
}

// stampLen measures the time stamp that a line begins with, by the places of
// its punctuation alone; 0 means that there is none.
//
//	Nov  5 10:00:00   Nov 05 10:00:00   Nov 5 10:00:00   Nov  5 2026 10:00:00
//	2026-11-05T10:00:00.123456+01:00   2026-11-05 10:00:00   2026-11-05 10:00:00,123 +0100
//	@400000004c91b044077a9e94
func stampLen(b []byte) int {
	if len(b) < 14 {
		return 0
	}
	switch c := b[0]; {
	case isDigit(c):
		return isoLen(b)
	case c == '@':
		if len(b) >= 25 && allHex(b[1:25]) {
			return 25
		}
	case c >= 'A' && c <= 'S' && b[3] == ' ':
		if n := bsdClockAt(b); n > 0 {
			return fractionEnd(b, n+8)
		}
	}
	return 0
}

// bsdClockAt finds where hh:mm:ss begins in an RFC 3164 stamp; 0: nowhere.
func bsdClockAt(b []byte) int {
	for _, at := range [...]int{7, 6, 12, 11} { // "Nov  5 ", "Nov 5 ", "Nov  5 2026 ", "Nov 5 2026 "
		if len(b) >= at+8 && b[at-1] == ' ' && b[at+2] == ':' && b[at+5] == ':' && isDigit(b[at]) && isDigit(b[at-2]) {
			return at
		}
	}
	return 0
}

// isoLen measures an ISO 8601 (RFC 3339) stamp.
func isoLen(b []byte) int {
	if len(b) < 19 || b[4] != '-' || b[7] != '-' || b[13] != ':' || b[16] != ':' || b[10] != 'T' && b[10] != ' ' {
		return 0
	}
	// rsyslog's microseconds and zone come by the million.
	if len(b) > 32 && b[32] == ' ' && b[19] == '.' && b[29] == ':' && (b[26] == '+' || b[26] == '-') {
		return 32
	}
	n := fractionEnd(b, 19)
	if n >= len(b) {
		return n
	}
	switch b[n] {
	case 'Z', 'z':
		return n + 1
	case '+', '-':
		return n + zoneLen(b[n:])
	case ' ':
		if n+6 < len(b) && b[n+6] == ' ' && (b[n+1] == '+' || b[n+1] == '-') && zoneLen(b[n+1:]) == 5 {
			return n + 6
		}
	}
	return n
}

// zoneLen measures "+01:00" or "+0100".
func zoneLen(b []byte) int {
	if len(b) >= 6 && b[3] == ':' && allDigits(b[1:3]) && allDigits(b[4:6]) {
		return 6
	}
	if len(b) >= 5 && allDigits(b[1:5]) {
		return 5
	}
	return 0
}

func fractionEnd(b []byte, n int) int {
	if n+1 < len(b) && (b[n] == '.' || b[n] == ',') && isDigit(b[n+1]) {
		for n++; n < len(b) && isDigit(b[n]); n++ {
		}
	}
	return n
}

// hasZone reports whether a stamp names an instant without inference.
func hasZone(b []byte) bool {
	if len(b) == 0 {
		return false
	}
	last := b[len(b)-1]
	if b[0] == '@' || last == 'Z' || last == 'z' {
		return true
	}
	if len(b) < 24 || !isDigit(b[0]) {
		return false
	}
	sign := b[len(b)-5]
	if b[len(b)-3] == ':' {
		sign = b[len(b)-6]
	}
	return sign == '+' || sign == '-'
}

// readStamp reads what stampLen measured. It reports false for what is no time,
// such as a thirteenth month; whether the month has such a day is for the clock
// to say.
func readStamp(b []byte) (s stamp, ok bool) {
	switch {
	case len(b) < 14:
		return s, false
	case b[0] == '@':
		return readTAI(b)
	case isDigit(b[0]):
		return readISO(b)
	}
	at := bsdClockAt(b)
	if at == 0 {
		return s, false
	}
	s.month = monthOf(b[:3])
	day := b[4 : at-1]
	if at > 7 {
		s.year, ok = decimal(b[at-5 : at-1])
		if !ok || s.year == 0 {
			return s, false
		}
		day = b[4 : at-6]
	}
	if len(day) == 2 && day[0] == ' ' {
		day = day[1:]
	}
	if s.day, ok = decimal(day); !ok {
		return s, false
	}
	return s, s.readClock(b[at:]) && s.valid()
}

func readISO(b []byte) (s stamp, ok bool) {
	var month int
	var okYear, okMonth, okDay bool
	s.year, okYear = decimal(b[0:4])
	month, okMonth = decimal(b[5:7])
	s.day, okDay = decimal(b[8:10])
	if !okYear || !okMonth || !okDay || s.year == 0 || !s.readClock(b[11:]) {
		return s, false
	}
	s.month = time.Month(month)
	if hasZone(b) {
		var ok bool
		if s.offset, ok = zoneOffset(b); !ok {
			return s, false
		}
		s.zoned = true
	}
	return s, s.valid()
}

// zoneOffset reads the zone at the end of a stamp that has one.
func zoneOffset(b []byte) (seconds int, ok bool) {
	n := len(b)
	if b[n-1]|0x20 == 'z' {
		return 0, true
	}
	hours, minutes, sign := b[n-4:n-2], b[n-2:], b[n-5]
	if b[n-3] == ':' {
		hours, sign = b[n-5:n-3], b[n-6]
	}
	h, okHours := decimal(hours)
	m, okMinutes := decimal(minutes)
	seconds = h*3600 + m*60
	if sign == '-' {
		seconds = -seconds
	}
	return seconds, okHours && okMinutes && m < 60
}

// readClock reads hh:mm:ss and a fraction.
func (s *stamp) readClock(b []byte) bool {
	var ok [3]bool
	s.hour, ok[0] = decimal(b[0:2])
	s.minute, ok[1] = decimal(b[3:5])
	s.sec, ok[2] = decimal(b[6:8])
	if len(b) > 8 && (b[8] == '.' || b[8] == ',') {
		scale := 100_000_000
		for i := 9; i < len(b) && isDigit(b[i]) && scale > 0; i++ {
			s.nsec += int(b[i]-'0') * scale
			scale /= 10
		}
	}
	return ok[0] && ok[1] && ok[2]
}

// valid admits the 60th second: a leap second is written so.
func (s *stamp) valid() bool {
	return s.month >= 1 && s.month <= 12 && s.day >= 1 && s.day <= 31 &&
		s.hour < 24 && s.minute < 60 && s.sec <= 60 && s.offset > -86400 && s.offset < 86400
}

// readTAI reads a TAI64N label (cr.yp.to/libtai/tai64.html), which multilog
// puts in front of a line: 2^62 + seconds + 10 of UTC as its tools count.
func readTAI(b []byte) (s stamp, ok bool) {
	var sec, nsec uint64
	for _, c := range b[1:17] {
		sec = sec<<4 | hexValue(c)
	}
	for _, c := range b[17:25] {
		nsec = nsec<<4 | hexValue(c)
	}
	const epoch = 1<<62 + 10
	if sec < epoch || sec-epoch > 1<<34 || nsec >= 1e9 {
		return s, false
	}
	t := time.Unix(int64(sec-epoch), int64(nsec)).UTC()
	s = stamp{
		year: t.Year(), month: t.Month(), day: t.Day(),
		hour: t.Hour(), minute: t.Minute(), sec: t.Second(), nsec: t.Nanosecond(), zoned: true,
	}
	return s, true
}

// monthOf reads an English month name of three letters; 0: it is none.
func monthOf(b []byte) time.Month {
	switch string(b) {
	case "Jan":
		return time.January
	case "Feb":
		return time.February
	case "Mar":
		return time.March
	case "Apr":
		return time.April
	case "May":
		return time.May
	case "Jun":
		return time.June
	case "Jul":
		return time.July
	case "Aug":
		return time.August
	case "Sep":
		return time.September
	case "Oct":
		return time.October
	case "Nov":
		return time.November
	case "Dec":
		return time.December
	}
	return 0
}

func decimal(b []byte) (int, bool) {
	n, ok := number(b)
	return int(n), ok
}

func hexValue(c byte) uint64 {
	switch {
	case isDigit(c):
		return uint64(c - '0')
	default:
		return uint64(c|0x20-'a') + 10
	}
}

func allHex(b []byte) bool {
	for _, c := range b {
		if !isDigit(c) && (c|0x20 < 'a' || c|0x20 > 'f') {
			return false
		}
	}
	return true
}
