package scoring

import (
	"maps"
	"strings"
)

// Schema is the JSON Schema (2020-12) of rules files, for editors that complete and
// check them. Sections are the schemas of the keys that others read. It accepts all
// that Parse does; that a condition is right, and a list of networks there, only
// Parse can tell.
func Schema(sections map[string]any) map[string]any {
	properties := map[string]any{
		"mode":       described("enforce, or watch: only say what would be done", map[string]any{"enum": []any{"enforce", "watch"}}),
		"home":       described("countries where everybody may turn up, such as [ES, PT]; without it, what is usual on this server is learnt", oneOrMany(ref("country"))),
		"threshold":  ref("threshold"),
		"half_life":  described("in this time a score fades to its half", ref("duration")),
		"memory":     described("in this time what is known of where a user has been fades to its half", ref("duration")),
		"forget":     described("all that is remembered of a user is dropped after so long without a sign of the user", ref("duration")),
		"reply":      described("what Postfix answers a blocked user: an access(5) action", map[string]any{"type": "string", "pattern": "^([45][0-9][0-9]|[Rr][Ee][Jj][Ee][Cc][Tt]|[Dd][Ee][Ff][Ee][Rr]|[Hh][Oo][Ll][Dd]|[Dd][Ii][Ss][Cc][Aa][Rr][Dd])( |$)", "maxLength": 400}),
		"max_blocks": described("so many blocks in an hour and no more", map[string]any{"type": "number", "minimum": 1, "maximum": 1e6}),
		"trusted":    described("networks that are no place, such as your webmail's", oneOrMany(ref("network"))),
		"networks":   described("lists of networks for network_is(…); the one named shared is for clouds and relays", map[string]any{"type": "object", "additionalProperties": oneOrMany(ref("network"))}),
		"users":      described("exceptions for single users", map[string]any{"type": "object", "additionalProperties": ref("user")}),
		"log":        described("the logs that are followed; journal is systemd's", oneOrMany(ref("text"))),
		"geo":        described("geolocation databases (.mmdb)", oneOrMany(ref("text"))),
		"blocklist":  described("the blocklist file", ref("text")),
		"table":      described("the type of the table that Postfix reads", ref("text")),
		"state":      described("where what is remembered is kept", ref("text")),
		"rules":      map[string]any{"type": "array", "minItems": 1, "items": ref("rule")},
	}
	maps.Copy(properties, sections)
	schema := object(properties)
	schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	schema["title"] = "Sendwarden's rules"
	schema["required"] = []any{"rules"}
	schema["$defs"] = definitions()
	return schema
}

// definitions are what the schemas of sections can refer to, too.
func definitions() map[string]any {
	names := make([]any, 0, len(Signals()))
	for _, s := range Signals() {
		names = append(names, s.Name)
	}
	score := map[string]any{"type": "number", "minimum": 1, "maximum": maxPoints}
	points := described("what it adds to the score; fewer than 0 speak for the user", map[string]any{"type": "number", "minimum": -maxPoints, "maximum": maxPoints})
	rule := object(map[string]any{
		"name": described("shown to people as the reason", ref("text")),
		"when": described("a condition (expr-lang.org) over the names of $defs/signal: "+strings.Join(signalNames(), ", "), ref("text")),
		"why":  described("a note for people", ref("text")), "points": points,
		"for":   described("whom it is for; without it, users who log in", oneOrMany(map[string]any{"enum": []any{"users", "local", "script", "host", "total"}})),
		"every": described("at most once in that time for one user", ref("duration")),
	})
	rule["required"] = []any{"name", "when", "points"}
	return map[string]any{
		"signal":    described("the names that conditions can use (docs/rules.md)", map[string]any{"enum": names}),
		"text":      map[string]any{"type": []any{"string", "number", "boolean"}},
		"duration":  described("whole numbers with units: 30s, 5m, 2h, 7d, 6w, 1d12h", map[string]any{"type": "string", "pattern": "^([0-9]{1,9}[smhdw])+$"}),
		"country":   described("ISO 3166-1 alpha-2", map[string]any{"type": "string", "pattern": "^[A-Za-z]{2}$", "not": map[string]any{"enum": []any{"UK", "uk"}}}),
		"network":   described("192.0.2.0/24, 2001:db8::/32 or AS3352", map[string]any{"type": "string", "pattern": "^([Aa][Ss][0-9]{1,10}|[0-9A-Fa-f:.]+(%[^/]*)?(/[0-9]{1,3})?)$"}),
		"threshold": described("from hold on a message is doubtful, from block on the user may not send", object(map[string]any{"hold": score, "block": score})),
		"user": object(map[string]any{
			"home": oneOrMany(ref("country")), "threshold": ref("threshold"),
			"never_block": described("reported, never held or blocked", map[string]any{"type": "boolean"}),
			"ignore":      described("not looked at", map[string]any{"type": "boolean"}),
		}),
		"rule": rule,
	}
}

func ref(name string) map[string]any { return map[string]any{"$ref": "#/$defs/" + name} }

// described adds what an editor shows.
func described(text string, schema map[string]any) map[string]any {
	schema["description"] = text
	return schema
}

func oneOrMany(item map[string]any) map[string]any {
	return map[string]any{"anyOf": []any{item, map[string]any{"type": "array", "items": item}}}
}

func object(properties map[string]any) map[string]any {
	return map[string]any{"type": "object", "properties": properties, "additionalProperties": false}
}
