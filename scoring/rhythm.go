package scoring

import (
	"math"
	"time"
)

// rhythm is when in the week mail is sent: in how many weeks or so in each three
// hours of a working day, and of a day at the weekend.
type rhythm struct {
	parts [partsOfWeek]uint8
	last  int32 // stretch of three hours that was counted last
}

const (
	partsOfDay  = 8
	hoursOfPart = 24 / partsOfDay
	partsOfWeek = 2 * partsOfDay // of a working day, and of one at the weekend
)

func partOfWeek(t time.Time) int {
	part := t.Hour() / hoursOfPart
	if day := t.Weekday(); day == time.Saturday || day == time.Sunday {
		part += partsOfDay
	}
	return part
}

// learn counts a time, once in three hours however much is sent, and tells whether
// it did and which part of the week it is. When a part is full, the past weighs
// half as much.
func (r *rhythm) learn(t time.Time) (part int, counts bool) {
	stretch := int32(t.Unix() / (hoursOfPart * hourStep))
	if stretch == r.last {
		return 0, false
	}
	r.last = stretch
	part = partOfWeek(t)
	if r.parts[part] == math.MaxUint8 {
		for i := range r.parts {
			r.parts[i] /= 2
		}
	}
	r.parts[part]++
	return part, true
}

// rarity is the surprise, in bits, at seeing a user at that time of the week,
// beyond that of a time like any other. What is usual for people in general
// stands in for what is not known of the user.
func (r *rhythm) rarity(t time.Time, people *[partsOfWeek]float64) float64 {
	const (
		prior = 4.0   // uses that weigh as much as what is usual for people
		even  = 100.0 // uses of people that are taken to be spread evenly over the week
	)
	part := partOfWeek(t)
	anytime := 5.0 / 7 / partsOfDay
	if part >= partsOfDay {
		anytime = 2.0 / 7 / partsOfDay
	}
	var mine, all float64
	for i := range people {
		mine += float64(r.parts[i])
		all += people[i]
	}
	usual := (people[part] + even*anytime) / (all + even)
	own := (float64(r.parts[part]) + prior*usual) / (mine + prior)
	return max(0, -math.Log2(own/anytime))
}
