package scoring

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/bits"
	"net/netip"
	"slices"
	"time"

	"sendwarden/geo"
)

// recordVersion is what records are written as. A record begins with the version
// that it was written as; where a version differs, the description of the record
// asks coder.version. Older records are read and become new ones when they change;
// those of a newer program are refused.
const recordVersion = 5

// Facts about records that cannot be read.
var (
	errShort    = errors.New("the record is damaged: it ends too early")
	errLong     = errors.New("the record is damaged: it goes on after its end")
	errDamaged  = errors.New("the record is damaged: a value is out of its bounds")
	errNoRecord = errors.New("the record is empty")
)

// coder writes values one after the other, or reads them back: one description
// of a record, such as that of a user, serves both ways, so that they cannot
// drift apart. After the first error all else is nothing.
type coder struct {
	buf     []byte // what is written, or to be read
	at      int    // as far as it has been read
	reading bool
	version byte
	err     error
}

// begin begins a record, in the place of the one that was written before.
func (c *coder) begin() {
	c.buf, c.version = append(c.buf[:0], recordVersion), recordVersion
}

// encode writes a record by its description.
func encode(describe func(*coder)) []byte {
	c := coder{buf: make([]byte, 0, 512)}
	c.begin()
	describe(&c)
	return slices.Clone(c.buf)
}

// decode reads a record back. Whatever the bytes are, what it makes is no larger
// than a few times their number.
func decode(record []byte, describe func(*coder)) error {
	if len(record) == 0 {
		return errNoRecord
	}
	c := coder{buf: record[1:], reading: true, version: record[0]}
	if c.version == 0 {
		return errDamaged
	}
	if c.version > recordVersion {
		return fmt.Errorf("the record is of version %d, by a newer Sendwarden; this one reads up to %d", c.version, recordVersion)
	}
	describe(&c)
	if c.err == nil && c.left() > 0 {
		return errLong
	}
	return c.err
}

func (c *coder) fail(err error) {
	if c.err == nil {
		c.err, c.buf, c.at = err, nil, 0
	}
}

// left is how many bytes there are to be read.
func (c *coder) left() int { return len(c.buf) - c.at }

// take reads so many bytes; nil when there are not as many.
func (c *coder) take(n int) []byte {
	if n > c.left() {
		c.fail(errShort)
		return nil
	}
	c.at += n
	return c.buf[c.at-n : c.at]
}

// word is a number that is mostly small.
func (c *coder) word(p *uint64) {
	if !c.reading {
		c.buf = binary.AppendUvarint(c.buf, *p)
		return
	}
	if c.left() > 0 && c.buf[c.at] < 0x80 { // most are of one byte
		*p = uint64(c.buf[c.at])
		c.at++
		return
	}
	v, n := binary.Uvarint(c.buf[c.at:])
	if n <= 0 {
		c.fail(errShort)
		return
	}
	*p = v
	c.at += n
}

// number is an integer of any size; small ones are short, of either sign.
func number[T ~int | ~int32 | ~int64 | ~uint8 | ~uint16 | ~uint32](c *coder, p *T) {
	v := int64(*p)
	zigzag := uint64(v<<1) ^ uint64(v>>63)
	c.word(&zigzag)
	if c.reading && c.err == nil {
		v = int64(zigzag>>1) ^ -int64(zigzag&1)
		if *p = T(v); int64(*p) != v {
			c.fail(errDamaged)
		}
	}
}

// stamp is a time in Unix seconds, near another.
func (c *coder) stamp(p *int64, near int64) {
	ago := near - *p
	number(c, &ago)
	if c.reading {
		*p = near - ago
	}
}

// real is a floating-point number. The bytes are turned around, as few digits
// leave the last of them zero.
func (c *coder) real(p *float64) {
	w := bits.ReverseBytes64(math.Float64bits(*p))
	c.word(&w)
	if c.reading && c.err == nil {
		if *p = math.Float64frombits(bits.ReverseBytes64(w)); math.IsNaN(*p) || math.IsInf(*p, 0) {
			c.fail(errDamaged)
		}
	}
}

func (c *coder) real32(p *float32) {
	w := uint64(bits.ReverseBytes32(math.Float32bits(*p)))
	c.word(&w)
	if c.reading && c.err == nil {
		v := math.Float32frombits(bits.ReverseBytes32(uint32(w)))
		if *p = v; w > math.MaxUint32 || v != v || v > math.MaxFloat32 || v < -math.MaxFloat32 {
			c.fail(errDamaged)
		}
	}
}

// full32 is a floating-point number with all its digits.
func (c *coder) full32(p *float32) {
	w := math.Float32bits(*p)
	c.hash(&w)
	if c.reading {
		if *p = math.Float32frombits(w); *p != *p || *p > math.MaxFloat32 || *p < -math.MaxFloat32 {
			c.fail(errDamaged)
		}
	}
}

// hash is a number that is never small.
func (c *coder) hash(p *uint32) {
	if !c.reading {
		c.buf = binary.BigEndian.AppendUint32(c.buf, *p)
	} else if b := c.take(4); b != nil {
		*p = binary.BigEndian.Uint32(b)
	}
}

// flags are up to seven answers in one byte.
func (c *coder) flags(ps ...*bool) {
	var b uint64
	for i, p := range ps {
		if *p {
			b |= 1 << i
		}
	}
	c.word(&b)
	if c.reading {
		if b>>len(ps) != 0 {
			c.fail(errDamaged)
		}
		for i, p := range ps {
			*p = b>>i&1 == 1
		}
	}
}

// length is how many follow; each takes a byte at least.
func (c *coder) length(n, most int) int {
	w := uint64(n)
	c.word(&w)
	if !c.reading {
		return n
	}
	switch {
	case c.err != nil:
		return 0
	case w > uint64(most):
		c.fail(errDamaged)
		return 0
	case w > uint64(c.left()):
		c.fail(errShort)
		return 0
	}
	return int(w)
}

// list is a bounded number of values that are described alike.
func list[L ~[]E, E any](c *coder, l *L, most int, describe func(*coder, *E)) {
	n := c.length(len(*l), most)
	if c.reading {
		*l = nil
		if n > 0 {
			*l = make(L, n)
		}
	}
	for i := range *l {
		if describe(c, &(*l)[i]); c.err != nil {
			return
		}
	}
}

// maxText bounds each text in a record: names, organisations, cities.
const maxText = 4096

func (c *coder) text(p *string) {
	n := c.length(len(*p), maxText)
	if !c.reading {
		c.buf = append(c.buf, *p...)
		return
	}
	*p = string(c.take(n))
}

// moment is a time with its distance from UTC, as it is shown to people.
func (c *coder) moment(p *time.Time) {
	second, nanosecond, offset := p.Unix(), p.Nanosecond(), 0
	if !c.reading {
		_, offset = p.Zone()
	}
	number(c, &second)
	number(c, &nanosecond)
	number(c, &offset)
	if !c.reading || c.err != nil {
		return
	}
	const day = 24 * 60 * 60
	if nanosecond < 0 || nanosecond >= 1e9 || offset <= -day || offset >= day {
		c.fail(errDamaged)
		return
	}
	zone := time.UTC
	if offset != 0 {
		zone = time.FixedZone("", offset)
	}
	*p = time.Unix(second, int64(nanosecond)).In(zone)
}

func (c *coder) place(p *geo.Place) {
	c.address(&p.Addr)
	number(c, &p.Kind)
	c.text(&p.Country)
	number(c, &p.ASN)
	c.text(&p.Org)
	c.text(&p.City)
	c.flags(&p.HasCoordinates)
	if p.HasCoordinates {
		c.real(&p.Lat)
		c.real(&p.Lon)
		c.real(&p.Radius)
	}
}

func (c *coder) address(p *netip.Addr) {
	b := p.AsSlice()
	n := c.length(len(b), 16)
	if !c.reading {
		c.buf = append(c.buf, b...)
		return
	}
	if n == 0 {
		*p = netip.Addr{}
		return
	}
	addr, ok := netip.AddrFromSlice(c.take(n))
	if !ok {
		c.fail(errDamaged)
	}
	*p = addr
}
