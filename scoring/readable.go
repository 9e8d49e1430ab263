package scoring

import (
	"fmt"
	"strings"
	"time"

	"sendwarden/geo"
)

// Readable is what a record says, for people: a value to be written as JSON. What
// is remembered as a hash only stays one.
func Readable(key string, record []byte) (any, error) {
	name, isUser := UserOf(key)
	if !isUser {
		return readableRest(key, record)
	}
	u, err := userOf(name, record)
	if err != nil {
		return nil, err
	}
	return u.readable(), nil
}

// Check tells what is wrong with a record. What is under other keys than a scorer's
// is for others to judge.
func Check(key string, record []byte) error {
	for _, ours := range []string{userKey, messageKey, trustKey, "server/"} {
		if strings.HasPrefix(key, ours) {
			if _, err := Readable(key, record); err != nil {
				return fmt.Errorf("%s: %w", key, err)
			}
		}
	}
	return nil
}

// Concerns tells whether a record is of a user, or of a message of the user's.
func Concerns(key string, record []byte, name string) bool {
	if user, isUser := UserOf(key); isUser {
		return user == name
	}
	if user, isTrust := strings.CutPrefix(key, trustKey); isTrust {
		return user == name
	}
	id, isMessage := strings.CutPrefix(key, messageKey)
	if !isMessage {
		return false
	}
	s := empty()
	return s.messages.restore(id, record) == nil && len(s.messages.of(name)) > 0
}

// The names in JSON are promises: people keep such files.
type (
	userText struct {
		First     string         `json:"first_seen"`
		Last      string         `json:"last_seen"`
		Blocked   bool           `json:"blocked,omitempty"`
		Score     float64        `json:"score,omitempty"`
		ScoreAt   string         `json:"score_at,omitempty"`
		Countries []habitText    `json:"countries,omitempty"`
		Networks  []habitText    `json:"networks,omitempty"`
		Blocks    []habitText    `json:"blocks,omitempty"`
		Addresses []habitText    `json:"addresses,omitempty"`
		Visits    []visitText    `json:"visits,omitempty"`
		Sent      []sentText     `json:"sent,omitempty"`
		Usual     map[string]any `json:"usual,omitempty"`
		Where     []spotText     `json:"whereabouts,omitempty"`
		Senders   []senderText   `json:"senders,omitempty"`
		Reasons   []reasonText   `json:"reasons,omitempty"`
		Held      []heldText     `json:"held,omitempty"`
	}
	habitText struct {
		What string  `json:"what"`
		Days float32 `json:"days"`
		Last string  `json:"last"`
	}
	visitText struct {
		Address string `json:"address"`
		Country string `json:"country,omitempty"`
		Network string `json:"network"`
		First   string `json:"first"`
		Last    string `json:"last"`
		Uses    uint32 `json:"uses,omitempty"`
		Strange bool   `json:"strange,omitempty"`
	}
	sentText struct {
		From       string `json:"from"`
		Messages   uint32 `json:"messages,omitempty"`
		Recipients uint32 `json:"recipients,omitempty"`
		Bounces    uint32 `json:"bounces,omitempty"`
		Rejects    uint32 `json:"rejects,omitempty"`
	}
	spotText struct {
		What    string   `json:"what"`
		At      string   `json:"at"`
		Country string   `json:"country,omitempty"`
		Lat     *float32 `json:"lat,omitempty"`
		Lon     *float32 `json:"lon,omitempty"`
	}
	senderText struct {
		Sender string `json:"sender"`
		Last   string `json:"last"`
	}
	reasonText struct {
		Time    string  `json:"time"`
		Rule    string  `json:"rule"`
		Points  float64 `json:"points"`
		Place   Where   `json:"place"`
		QueueID string  `json:"queue_id,omitempty"`
	}
	heldText struct {
		Time    string `json:"time"`
		QueueID string `json:"queue_id"`
		Place   Where  `json:"place"`
	}
	trustText struct {
		Country string `json:"country,omitempty"`
		Network string `json:"network,omitempty"`
		ASN     uint32 `json:"asn,omitempty"`
		Until   string `json:"until,omitempty"`
	}
	messageText struct {
		Host       string `json:"host,omitempty"`
		Queue      string `json:"queue,omitempty"`
		QueueID    string `json:"queue_id"`
		User       string `json:"user"`
		At         string `json:"at"`
		Decided    string `json:"decided"`
		Recipients uint32 `json:"recipients,omitempty"`
	}
)

// Where is a place in JSON, as far as it is known.
type Where struct {
	IP      string `json:"ip,omitempty"`
	Country string `json:"country,omitempty"`
	ASN     uint32 `json:"asn,omitempty"`
	Org     string `json:"org,omitempty"`
	City    string `json:"city,omitempty"`
}

func (u *user) readable() userText {
	out := userText{
		First: dayText(u.firstDay), Last: stampText(u.last), Blocked: u.blocked, Score: u.score,
		Countries: habitTexts(u.countries, countryText), Networks: habitTexts(u.networks, networkText),
		Blocks: habitTexts(u.blocks, hashText), Addresses: habitTexts(u.addresses, hashText),
		Usual: map[string]any{
			"days_with_mail": u.usual.days, "messages_a_day": u.usual.perDay, "messages_in_the_busiest_hour": u.usual.perHour,
			"recipients_in_the_busiest_hour": u.usual.toHour, "recipients": u.sentTo, "bounces": u.cameBack,
			"method": hashText(u.method),
		},
	}
	if u.score != 0 {
		out.ScoreAt = stampText(u.scoreAt)
	}
	for _, v := range u.visits {
		out.Visits = append(out.Visits, visitText{fmt.Sprintf("hash %016x", v.address), countryText(uint32(v.country)),
			networkText(v.network), stampText(v.first), stampText(v.last), v.uses, v.strange})
	}
	for _, s := range u.volume {
		out.Sent = append(out.Sent, sentText{stampText(s.start), s.messages, s.recipients, s.bounces, s.rejects})
	}
	out.Where = spotTexts(u)
	for _, s := range u.senders {
		out.Senders = append(out.Senders, senderText{hashText(s.name), stampText(s.last)})
	}
	for _, r := range u.reasons {
		out.Reasons = append(out.Reasons, reasonText{r.Time.Format(time.RFC3339), r.Rule, r.Points, whereOf(r.Place), r.Message.ID})
	}
	for _, h := range u.held {
		out.Held = append(out.Held, heldText{stampText(h.at), h.id.ID, whereOf(h.place)})
	}
	return out
}

func spotTexts(u *user) (texts []spotText) {
	for _, named := range []struct {
		what string
		spot
	}{{"last", u.here}, {"familiar", u.whereabouts.familiar}, {"strange", u.whereabouts.strange}} {
		if named.at == 0 {
			continue
		}
		text := spotText{What: named.what, At: stampText(named.at), Country: countryText(uint32(named.country))}
		if named.located {
			text.Lat, text.Lon = &named.lat, &named.lon
		}
		texts = append(texts, text)
	}
	return texts
}

func readableRest(key string, record []byte) (any, error) {
	s := empty()
	if err := s.Restore(key, record); err != nil {
		return nil, err
	}
	v := &s.server
	for name, list := range s.trusts.of {
		return map[string]any{"user": name, "trusted": trustTexts(list)}, nil
	}
	for _, m := range s.messages.byID {
		return messageTexts(m), nil
	}
	for c, days := range v.countries {
		return map[string]any{"country": countryText(uint32(c)), "days": days}, nil
	}
	for n, days := range v.networks {
		return map[string]any{"network": networkText(n), "org": v.orgs[n], "days": days}, nil
	}
	for _, x := range v.strangers {
		users := make([]string, 0, x.nusers)
		for _, u := range x.users[:x.nusers] {
			users = append(users, hashText(u))
		}
		return map[string]any{"last_seen": stampText(x.last), "users": users, "failed_logins": x.failures, "thief_until": stampText(x.thief)}, nil
	}
	if key == queueKey {
		return map[string]any{"users_with_held_mail": s.queue.names()}, nil
	}
	return map[string]any{"days": v.days, "first_day": dayText(v.firstDay), "recipients": v.sentTo, "bounces": v.cameBack,
		"users_today": s.brake.today, "users_yesterday": s.brake.yesterday, "blocks_lately": len(s.brake.blocks)}, nil
}

func messageTexts(m *message) (texts []messageText) {
	for ; m != nil; m = m.next {
		texts = append(texts, messageText{m.id.Host, m.id.Queue, m.id.ID, m.user, stampText(m.at), m.action.String(), m.recipients})
	}
	return texts
}

func trustTexts(list []Trust) (texts []trustText) {
	for _, t := range list {
		text := trustText{Country: t.Country, ASN: t.ASN}
		if t.Network.IsValid() {
			text.Network = t.Network.String()
		}
		if !t.Until.IsZero() {
			text.Until = t.Until.Format(time.RFC3339)
		}
		texts = append(texts, text)
	}
	return texts
}

func habitTexts(hs habits, name func(uint32) string) (texts []habitText) {
	for _, h := range hs {
		texts = append(texts, habitText{name(h.key), h.weight, dayText(h.day)})
	}
	return texts
}

func whereOf(p geo.Place) Where {
	where := Where{Country: p.Country, ASN: p.ASN, Org: p.Org, City: p.City}
	if p.Addr.IsValid() {
		where.IP = p.Addr.String()
	}
	return where
}

func countryText(key uint32) string {
	if key == 0 {
		return ""
	}
	return string([]byte{byte(key >> 8), byte(key)})
}

func networkText(key uint32) string {
	if key >= unknownNetworks {
		return "unknown in " + countryText(key&0xffff)
	}
	return fmt.Sprintf("AS%d", key)
}

func hashText(h uint32) string { return fmt.Sprintf("hash %08x", h) }

func dayText(day int32) string { return time.Unix(int64(day)*dayStep, 0).UTC().Format(time.DateOnly) }

func stampText(at int64) string {
	if at == 0 {
		return ""
	}
	return time.Unix(at, 0).UTC().Format(time.RFC3339)
}
