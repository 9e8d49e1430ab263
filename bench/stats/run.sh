#!/usr/bin/env bash
# Compares `sendwarden stats` with pflogsumm (Debian: apt install pflogsumm) on the
# same log: the totals side by side, and the seconds that each took.
#
#   bench/stats/run.sh [LOG]        (the 4.3 million lines of bench/speed unless told)
#
# The exit status is 1 when a total differs that docs/stats.md does not explain.
set -euo pipefail
here=$(cd "$(dirname "$0")/../.." && pwd)
log=$(realpath -m "${1:-$here/bench/data/mail.log}")
cd "$here"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

go build -o "$work/sendwarden" ./cmd/sendwarden
[ -f "$log" ] || go run ./bench/speed/generate -out bench/data
cat "$log" >/dev/null

# seconds COMMAND… runs it, with its output to $work/out, and prints how long it took.
seconds() {
    local begun=${EPOCHREALTIME/,/.}
    "$@" >"$work/out"
    awk -v b="$begun" -v e="${EPOCHREALTIME/,/.}" 'BEGIN { printf "%.2f", e - b }'
}

ours_took=$(seconds "$work/sendwarden" stats "$log")
mv "$work/out" "$work/ours"
theirs_took=$(seconds "${PFLOGSUMM:-pflogsumm}" "$log")
mv "$work/out" "$work/theirs"

# ours and theirs print the number in front of some words; pflogsumm writes k and m.
ours() { awk -v what="$1" '{ n = $1; gsub(",", "", n) } index($0, "  " what) { print n; exit }' <(sed -n '/^Messages:/,/^By hour:/p' "$work/ours"); }
theirs() { awk -v what="$1" '$2 == what { print $1; exit }' "$work/theirs"; }

differ=0
printf '%-12s %10s %10s\n' '' stats pflogsumm
compare() {
    local a b
    a=$(ours "$1") b=$(theirs "$2")
    printf '%-12s %10s %10s' "$2" "$a" "$b"
    case $b in
    *[km]) printf '   (rounded by pflogsumm)\n' ;;
    "$a") printf '\n' ;;
    *) printf '   differs\n' && differ=1 ;;
    esac
}
compare 'messages accepted' received
compare 'sent (' delivered
compare 'forwarded' forwarded
compare 'bounced' bounced
compare 'rejected' rejected
compare 'held' held
printf '%-12s %10s %10s   %.1f times as fast\n' seconds "$ours_took" "$theirs_took" "$(echo "$ours_took $theirs_took" | awk '{ print $2 / $1 }')"
exit "$differ"
