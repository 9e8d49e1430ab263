package control

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// Record is one line of the ledger: what was done about who may send, by whom and
// why. The ledger is kept in the state beside the rest of what is remembered, each
// record under a key that sorts by time.
type Record struct {
	Time time.Time `json:"time"`
	Who  string    `json:"who"`           // "ana", "ana (root)", "sendwarden", "the blocklist file"
	UID  *int      `json:"uid,omitempty"` // of a person
	Act  Kind      `json:"act"`
	User string    `json:"user"`
	Why  string    `json:"why,omitempty"`

	Score    float64 `json:"score,omitempty"`
	NoLearn  bool    `json:"no_learn,omitempty"`
	QueueID  string  `json:"queue_id,omitempty"`
	Trust    *Trust  `json:"trust,omitempty"`
	Messages int     `json:"messages,omitempty"` // held ones that went with it, or were kept
	// Offline says that it was done while no daemon ran.
	Offline bool `json:"offline,omitempty"`
}

// Who does what no person asked for.
const (
	ByItself = "sendwarden"
	ByFile   = "an edit of the blocklist file"
)

// LedgerKey is the beginning of the keys of all records.
const LedgerKey = "ledger/"

// keyTime is a time in keys: as many digits each, so that they sort.
const keyTime = "20060102T150405.000000000"

// Key is where a record is kept. There may be several at one moment; n counts
// them.
func (r *Record) Key(n int) string {
	return fmt.Sprintf("%s%s-%04d", LedgerKey, r.Time.UTC().Format(keyTime), n)
}

// Before tells from a record's key whether it is older than a time.
func Before(key string, t time.Time) bool {
	return strings.TrimPrefix(key, LedgerKey) < t.UTC().Format(keyTime)
}

// ReadRecord reads a record back.
func ReadRecord(data []byte) (r Record, err error) {
	if err := json.Unmarshal(data, &r); err != nil {
		return Record{}, fmt.Errorf("no record of the ledger: %w", err)
	}
	if r.Time.IsZero() || r.Act == "" || r.User == "" {
		return Record{}, fmt.Errorf("no record of the ledger: time, act or user is missing")
	}
	return r, nil
}

// Span is a part of the ledger.
type Span struct {
	User  string    // a pattern such as *@example.es; empty: everybody
	Since time.Time // zero: the beginning
	Most  int       // so many, the newest; 0: MaxRecords
}

// MaxRecords is how many records of the ledger are shown at once.
const MaxRecords = 10_000

// NoUID is of those who have no account on this host, such as somebody at the
// review page.
const NoUID = -1

// Who asks.
type Who struct {
	UID  int    // NoUID where there is none
	Name string // the account's
	For  string // whom root's client works for; else empty
}

// String is who it is, for the ledger.
func (w Who) String() string {
	if w.For != "" && w.For != w.Name {
		return fmt.Sprintf("%s (%s)", w.For, w.Name)
	}
	return w.Name
}
