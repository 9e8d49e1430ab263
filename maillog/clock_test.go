package maillog

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestClock reads stamps in order, each with the instant that it must mean.
func TestClock(t *testing.T) {
	for _, c := range []struct {
		name, reference, lines string
	}{
		{"this year's, up to the reference and a day", "2026-11-20T12:00:00Z", `
			Nov 20 10:00:00 = 2026-11-20T10:00:00+01:00
			Nov 21 10:00:00 = 2026-11-21T10:00:00+01:00`},
		{"what would be later is last year's", "2026-11-20T12:00:00Z", `
			Nov 22 10:00:00 = 2025-11-22T10:00:00+01:00
			Dec  1 10:00:00 = 2025-12-01T10:00:00+01:00
			Jan  2 10:00:00 = 2026-01-02T10:00:00+01:00
			Nov 20 10:00:00 = 2026-11-20T10:00:00+01:00`},
		{"New Year", "2026-01-03T00:00:00Z", `
			Dec 31 23:59:59 = 2025-12-31T23:59:59+01:00
			Jan  1 00:00:00 = 2026-01-01T00:00:00+01:00
			Dec 31 23:59:58 = 2025-12-31T23:59:58+01:00
			Jan  1 00:00:01 = 2026-01-01T00:00:01+01:00`},
		{"New Year in a daemon that started in summer", "2026-07-01T00:00:00Z", `
			Jul  1 00:00:00 = 2026-07-01T00:00:00+02:00
			Dec 31 23:59:59 = 2026-12-31T23:59:59+01:00
			Jan  1 00:00:00 = 2027-01-01T00:00:00+01:00
			Mar  1 00:00:00 = 2027-03-01T00:00:00+01:00`},
		{"a host that starts with its clock at zero", "2026-08-05T00:00:00Z", `
			Aug  4 10:00:00 = 2026-08-04T10:00:00+02:00
			Jan  1 00:00:10 = 2026-01-01T00:00:10+01:00
			Aug  4 10:01:00 = 2026-08-04T10:01:00+02:00`},
		{"out of order by seconds and hours", "2026-11-20T12:00:00Z", `
			Nov 20 10:00:05 = 2026-11-20T10:00:05+01:00
			Nov 20 10:00:03 = 2026-11-20T10:00:03+01:00
			Nov 20 09:00:00 = 2026-11-20T09:00:00+01:00
			Nov 20 10:00:06 = 2026-11-20T10:00:06+01:00`},
		{"29 February", "2026-11-20T12:00:00Z", `
			Feb 29 10:00:00 = 2024-02-29T10:00:00+01:00
			Mar  1 10:00:00 = 2024-03-01T10:00:00+01:00`},
		{"29 February after New Year", "2024-03-20T12:00:00Z", `
			Dec 31 10:00:00 = 2023-12-31T10:00:00+01:00
			Feb 29 10:00:00 = 2024-02-29T10:00:00+01:00`},
		{"no such day", "2026-11-20T12:00:00Z", `
			Feb 30 10:00:00 = none
			Nov 31 10:00:00 = none
			2026-02-29 10:00:00 = none
			2026-02-28 24:00:00 = none
			2026-13-28 10:00:00 = none`},
		{"leap second", "2026-11-20T12:00:00Z", `
			2016-12-31T23:59:60Z = 2017-01-01T00:00:00Z`},
		{"change to winter time", "2026-11-20T12:00:00Z", `
			Oct 25 01:59:59 = 2026-10-25T01:59:59+02:00
			Oct 25 02:00:00 = 2026-10-25T02:00:00+02:00
			Oct 25 02:59:59 = 2026-10-25T02:59:59+02:00
			Oct 25 02:59:58 = 2026-10-25T02:59:58+02:00
			Oct 25 02:00:00 = 2026-10-25T02:00:00+01:00
			Oct 25 02:30:05 = 2026-10-25T02:30:05+01:00
			Oct 25 02:30:04 = 2026-10-25T02:30:04+01:00
			Oct 25 03:00:00 = 2026-10-25T03:00:00+01:00
			Oct 25 02:59:59 = 2026-10-25T02:59:59+01:00`},
		{"change to winter time with a year", "2026-11-20T12:00:00Z", `
			2026-10-25 02:50:00 = 2026-10-25T02:50:00+02:00
			2026-10-25 02:10:00 = 2026-10-25T02:10:00+01:00`},
		{"the hour that summer time skips", "2026-11-20T12:00:00Z", `
			Mar 29 01:59:59 = 2026-03-29T01:59:59+01:00
			Mar 29 03:00:00 = 2026-03-29T03:00:00+02:00`},
		{"zones are believed", "2026-11-20T12:00:00Z", `
			2026-11-05T10:00:00.5-03:30 = 2026-11-05T10:00:00.5-03:30
			2026-11-05 10:00:00 +0100 = 2026-11-05T10:00:00+01:00`},
		{"a year in a BSD stamp", "2026-11-20T12:00:00Z", `
			Nov  5 2019 10:00:00 = 2019-11-05T10:00:00+01:00
			Nov 5 2019 10:00:01 = 2019-11-05T10:00:01+01:00`},
	} {
		t.Run(c.name, func(t *testing.T) {
			reference, err := time.Parse(time.RFC3339, c.reference)
			require.NoError(t, err)
			clock := clock{loc: madrid(t).Location, reference: reference}
			for line := range strings.SplitSeq(strings.TrimSpace(c.lines), "\n") {
				text, want, _ := strings.Cut(strings.TrimSpace(line), " = ")
				require.Equal(t, len(text), stampLen([]byte(text+" x")), text)
				got := "none"
				if s, ok := readStamp([]byte(text)); ok {
					if at, ok := clock.at(s); ok {
						got = at.Format(time.RFC3339Nano)
					}
				}
				require.Equal(t, want, got, text)
			}
		})
	}
}
