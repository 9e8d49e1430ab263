package shared

import (
	"bytes"
	"context"
	"encoding/json"
	"strconv"

	"github.com/redis/rueidis"
)

// crowdPart is after which part of the news that are kept a host says what it knows of
// all users together: well before the stream drops those that are to be heard after it.
const crowdPart = 4

// Crowd is what a host knows of all users together, for one that joins.
type Crowd struct {
	News   string `json:"news,omitempty"` // what it had heard of the others
	Host   string `json:"host"`           // whose it is
	Number uint64 `json:"number"`         // of its own last news that are part of it
	Record []byte `json:"-"`
}

// Tell tells the other hosts news; those of a number once. With a crowd it says what it
// knows with them. It answers whether it is time to say that.
func (e *Engine) Tell(ctx context.Context, number uint64, news []byte, crowd *Crowd) (due bool, err error) {
	client, err := e.reach()
	if err != nil {
		return false, err
	}
	said := ""
	if crowd != nil {
		crowd.Host, crowd.Number = e.host, number
		head, err := json.Marshal(crowd)
		if err != nil {
			return false, err
		}
		said = rueidis.BinaryString(append(append(head, '\n'), crowd.Record...))
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	since, err := e.run(ctx, client, e.tell, []string{e.allKey("news"), e.allKey("hosts"), e.allKey("crowd")},
		[]string{e.host, strconv.FormatUint(number, 10), rueidis.BinaryString(news), strconv.Itoa(e.keeps), said}).AsInt64()
	return since >= int64(e.keeps/crowdPart), e.failed(err)
}

// Missed answers what another host knew of all users together, where the stream has
// dropped news since what was heard last; nil where it has not.
func (e *Engine) Missed(ctx context.Context, heard Heard) (*Crowd, error) {
	client, err := e.reach()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	first, err := client.Do(ctx, client.B().Xrange().Key(e.allKey("news")).Start("-").End("+").Count(1).Build()).AsXRange()
	if err != nil && !rueidis.IsRedisNil(err) {
		return nil, e.failed(err)
	}
	if heard.News != "" && (len(first) == 0 || !Later(first[0].ID, heard.News)) {
		return nil, nil
	}
	text, err := client.Do(ctx, client.B().Get().Key(e.allKey("crowd")).Build()).AsBytes()
	if rueidis.IsRedisNil(err) {
		return nil, nil
	}
	if err != nil {
		return nil, e.failed(err)
	}
	head, record, found := bytes.Cut(text, []byte("\n"))
	crowd := &Crowd{Record: record}
	if err := json.Unmarshal(head, crowd); err != nil || !found || crowd.Host == e.host && heard.News == "" {
		return nil, err
	}
	return crowd, nil
}

// From is from where a host goes on to hear that took it over.
func (c *Crowd) From(wire string) Heard {
	return Heard{Wire: wire, News: c.News, Of: c.Host, Number: c.Number}
}

// has tells whether news are part of what was taken over.
func (h Heard) has(news map[string]string) bool {
	number, err := strconv.ParseUint(news["s"], 10, 64)
	return err == nil && h.Of != "" && news["h"] == h.Of && number <= h.Number
}
