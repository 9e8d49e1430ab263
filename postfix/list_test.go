package postfix

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var wanted = Want{Table: "lmdb:/b", Door: "inet:127.0.0.1:10045"}

func TestLook(t *testing.T) {
	const table, door = "check_sasl_access lmdb:/b", "check_policy_service { inet:127.0.0.1:10045, default_action=DUNNO }"
	for _, c := range []struct {
		list string
		want Standing
		word string
	}{
		{table + ", " + door, InForce, ""},
		{"reject_rbl_client permit.example, " + table + " " + door, InForce, ""}, // an argument is no restriction
		{"sleep 1 " + table + " " + door + " permit", InForce, ""},
		{"CHECK_SASL_ACCESS lmdb:/b,check_policy_service,{inet:127.0.0.1:10045,default_action=DUNNO}", InForce, ""},
		{"", Absent, table},
		{table, Absent, "check_policy_service { inet:127.0.0.1:10045, timeout=5s, default_action=DUNNO }"},
		{"check_sasl_access", Absent, ""},
		{"check_sasl_access hash:/other " + door, Behind, "check_sasl_access"},
		{"check_sasl_access hash:/b, " + door, Unfit, "hash:/b"},
		{table + " check_policy_service inet:127.0.0.1:10045", Unfit, "inet:127.0.0.1:10045"},
		{door + ", " + table, Disorder, ""},
		{table + ", permit, " + door, Behind, "permit"},
		{"check_client_access cidr:/c " + table + " " + door, Behind, "check_client_access"},
		{"check_policy_service inet:127.0.0.1:10023 " + table + " " + door, Behind, "check_policy_service"},
		{"my_class, " + table + " " + door, Behind, "my_class"},
		{"warn_if_reject " + table + " " + door, WarnOnly, "check_sasl_access"},
		{"permit }", Unclear, ""},
		{"{ permit", Unclear, ""},
	} {
		f, _ := look(c.list, wanted.items())
		require.Equal(t, c.want, f.standing, c.list)
		if c.word != "" {
			require.Equal(t, c.word, f.word, c.list)
		}
	}
}

func TestWithout(t *testing.T) {
	for list, want := range map[string]string{
		"":                                  "",
		" permit, ":                         "permit",
		"check_sasl_access lmdb:/b":         "",
		"check_sasl_access lmdb:/b, permit": "permit",
		"reject_x,check_sasl_access lmdb:/b,permit":                      "reject_x,permit",
		"$a  $b check_policy_service inet:127.0.0.1:10045":               "$a  $b",
		"check_policy_service { inet:127.0.0.1:10045, x=y }, { odd, z }": "{ odd, z }",
		"check_sasl_access cdb:/b check_sasl_access hash:/b permit":      "permit",
		"check_sasl_access hash:/c, permit":                              "check_sasl_access hash:/c, permit",
	} {
		got, err := without(list, wanted.items())
		require.NoError(t, err)
		require.Equal(t, want, got, list)
	}
}

func TestWantCheck(t *testing.T) {
	for want, fault := range map[Want]string{
		{Table: "lmdb:/etc/sendwarden/lists/blocklist", Door: "unix:sendwarden/policy", Socketmap: "unix:/run/map:sendwarden"}: "",
		{Table: "/etc/sendwarden/lists/blocklist"}:                     "table",
		{Table: "lmdb:blocklist"}:                                      "table",
		{Table: "lmdb:/with blank"}:                                    "can't name",
		{Table: "lmdb:/with$dollar"}:                                   "can't name",
		{Table: "lmdb:/b", Door: "127.0.0.1:10045"}:                    "door",
		{Table: "lmdb:/b", Door: "inet:10045"}:                         "door",
		{Table: "lmdb:/b", Door: "unix:"}:                              "door",
		{Table: "lmdb:/b", Door: "inet:127.0.0.1:10045, x"}:            "can't name",
		{Table: "lmdb:/b", Socketmap: "unix:/run/map"}:                 "socketmap",
		{Table: "lmdb:/b", Socketmap: "127.0.0.1:10046:sendwarden"}:    "socketmap",
		{Table: "lmdb:/b", Socketmap: "inet:127.0.0.1:10046:sendward"}: "",
	} {
		if err := want.Check(); fault == "" {
			require.NoError(t, err, want)
		} else {
			require.ErrorContains(t, err, fault, want)
		}
	}
}

func TestExpand(t *testing.T) {
	c := &Config{inForce: map[string]string{"a": "permit", "b_2": "x, y"}}
	for value, want := range map[string]string{
		"reject":            "reject",
		"$a ${b_2},$(a)$a.": "permit x, y,permitpermit.",
		"$nobody":           "",
	} {
		got, ok := c.expand(value)
		require.True(t, ok, value)
		require.Equal(t, want, got, value)
	}
	for _, value := range []string{"$", "${a", "${a?x}", "${a:x}", "${{a}==b?{c}:{d}}", "$-"} {
		_, ok := c.expand(value)
		require.False(t, ok, value)
	}
}

func TestParseVersion(t *testing.T) {
	for text, want := range map[string]Version{"3.7.11": {3, 7}, "2.10.1": {2, 10}, "3.12-20260821": {3, 12}, "4.0": {4, 0}} {
		got, err := parseVersion(text)
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
	for _, text := range []string{"", "3", "x.7", "3.", "-3.7", "99999999999999999999.1"} {
		_, err := parseVersion(text)
		require.Error(t, err, text)
	}
	require.True(t, Version{3, 10}.atLeast(Version{3, 9}))
	require.True(t, Version{4, 0}.atLeast(Version{3, 9}))
	require.False(t, Version{2, 11}.atLeast(Version{3, 0}))
}

// However a list is written, ours come first in it once, the rest stays in its
// order, and a second look finds nothing to do.
func FuzzRewrite(f *testing.F) {
	for _, seed := range []string{
		"", "permit", "reject_unauth_pipelining, permit", "check_sasl_access hash:/b permit", "$mine, { a, b }",
		"check_policy_service { inet:127.0.0.1:10045, timeout=5s } check_sasl_access lmdb:/b", "}", "{{", ",,\t ,",
		"warn_if_reject check_sasl_access lmdb:/b", "check_sasl_access check_sasl_access lmdb:/b lmdb:/b",
	} {
		f.Add(seed, true)
		f.Add(seed, false)
	}
	f.Fuzz(func(t *testing.T, list string, master bool) {
		p := &planner{items: wanted.items()}
		change := Change{Before: list}
		if master {
			change.Service = "submission/inet"
		}
		if p.rewrite(&change) != nil {
			return
		}
		found, err := look(change.After, p.items)
		require.NoError(t, err)
		rest, err := without(list, p.items)
		require.NoError(t, err)
		if left, err := look(rest, p.items); err == nil && left.pairs == 0 {
			require.Equal(t, InForce, found.standing, "%q becomes %q", list, change.After)
		}
		before, err := words(rest)
		require.NoError(t, err)
		after, err := words(change.After)
		require.NoError(t, err)
		require.Len(t, after, len(before)+4)
		for i, w := range before {
			require.Equal(t, w.text, after[i+4].text)
		}
		if master {
			require.False(t, strings.ContainsAny(change.After, " \t"), change.After)
		}
	})
}
