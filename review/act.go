package review

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"sendwarden/control"
)

// act does what a form asks for, and goes back to the user's page, where it says
// what became of it.
func (v *views) act(w http.ResponseWriter, r *http.Request) {
	s := sessionOf(r)
	if err := r.ParseForm(); err != nil {
		refuse(w, http.StatusBadRequest, "This is no form of this page.")
		return
	}
	back := "/"
	act, err := readForm(r.PostForm, v.now())
	if act.User != "" {
		back = "/user?name=" + url.QueryEscape(act.User)
	}
	if err == nil {
		err = act.Check()
	}
	if err == nil {
		var done control.Done
		done, err = v.service.Do(r.Context(), control.Who{UID: control.NoUID, Name: s.who}, act)
		v.gate.say(s, outcome(act, done))
	}
	if err != nil {
		v.gate.say(s, "Not done: "+err.Error()+".")
	}
	http.Redirect(w, r, back, http.StatusSeeOther)
}

// readForm reads an act from a form.
func readForm(form url.Values, now time.Time) (control.Act, error) {
	act := control.Act{
		Kind: control.Kind(form.Get("act")), User: strings.TrimSpace(form.Get("user")), Why: strings.TrimSpace(form.Get("why")),
		QueueID: form.Get("queue_id"), NoLearn: act(form) == control.Release && form.Get("learn") == "",
	}
	if act.Kind != control.TrustPlace && act.Kind != control.Untrust {
		return act, nil
	}
	place := strings.TrimSpace(form.Get("place"))
	act.Trust = &control.Trust{User: act.User}
	switch number, isASN := asn(place); {
	case isASN:
		act.Trust.ASN = number
	case strings.ContainsAny(place, ".:/"):
		act.Trust.Network = place
	default:
		act.Trust.Country = place
	}
	if text := form.Get("until"); text != "" {
		day, err := time.ParseInLocation(time.DateOnly, text, now.Location())
		if err != nil {
			return act, errors.New("the day is not written as in 2026-05-01")
		}
		act.Trust.Until = day.AddDate(0, 0, 1) // the day itself counts
	}
	return act, nil
}

func act(form url.Values) control.Kind { return control.Kind(form.Get("act")) }

// asn reads AS3215.
func asn(s string) (number uint32, ok bool) {
	rest, ok := strings.CutPrefix(strings.ToUpper(s), "AS")
	if !ok || rest == "" {
		return 0, false
	}
	_, err := fmt.Sscanf(rest, "%d", &number)
	return number, err == nil && number > 0 && fmt.Sprint(number) == rest
}

// outcome says what was done.
func outcome(a control.Act, done control.Done) string {
	var text string
	switch a.Kind {
	case control.Block:
		text = a.User + " may not send any more."
	case control.Release:
		text = a.User + " may send again."
	case control.Send:
		text = "Message " + a.QueueID + " goes."
	case control.Keep:
		text = "Message " + a.QueueID + " waits until you decide."
		if a.QueueID == "" {
			text = count(done.Kept, "message") + " of " + a.User + " waiting until you decide."
		}
	case control.TrustPlace:
		text = a.Trust.Place() + " is trusted for " + a.User + "."
	case control.Untrust:
		text = a.Trust.Place() + " is no longer trusted for " + a.User + "."
	}
	if done.Messages > 0 {
		text += fmt.Sprintf(" %s let go.", count(done.Messages, "held message"))
	}
	for _, note := range done.Notes {
		text += " " + note
	}
	return text
}
