#!/usr/bin/env bash
# Measures how fast `sendwarden replay` reads a log of 4.3 million lines, beside
# tools that everybody knows, all on the same file in a warm page cache.
#
#   bench/speed/run.sh [ROUNDS]        (9 unless told)
#
# Prints the median and the least time of each command, its processor time and
# peak memory, and how its median compares to grep's. The commands take turns,
# so that a busy moment of the machine falls on all of them. pflogsumm takes so
# long that it runs once; what is not installed is left out.
#
# Needs GNU time (Debian: apt install time).
set -euo pipefail
cd "$(dirname "$0")/../.."

rounds=${1:-9}
log=bench/data/mail.log
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# measure NAME COMMAND… runs a command and adds a line to what is known of it:
# wall, user and system seconds, peak kilobytes.
measure() {
    local name=$1 begun ended
    shift
    command -v "$1" >/dev/null || return 0
    begun=${EPOCHREALTIME/,/.}
    /usr/bin/time -o "$work/time" -f '%U %S %M' "$@" >"$work/out" # grep stops at the first match when it writes to /dev/null
    ended=${EPOCHREALTIME/,/.}
    awk -v b="$begun" -v e="$ended" '{ printf "%.3f %s\n", e - b, $0 }' "$work/time" >>"$work/$name"
}

# report NAME TEXT prints the medians of a command.
report() {
    [ -f "$work/$1" ] || return 0
    local half=$((($(wc -l <"$work/$1") + 1) / 2))
    nth() { sort -n -k "$2" "$work/$1" | sed -n "${3}p" | cut -d ' ' -f "$2"; }
    printf '%-44s %8.2f %8.2f %7.2f %7.2f %8.1f %8.2f\n' "$2" \
        "$(nth "$1" 1 $half)" "$(nth "$1" 1 1)" "$(nth "$1" 2 $half)" "$(nth "$1" 3 $half)" \
        "$(nth "$1" 4 $half | awk '{ print $1 / 1024 }')" \
        "$(echo "$(nth "$1" 1 $half) $(nth grep 1 $half_of_grep)" | awk '{ print $1 / $2 }')"
}

go build -o "$work/sendwarden" ./cmd/sendwarden
[ -f "$log" ] || go run ./bench/speed/generate -out bench/data
cat "$log" >/dev/null

for ((i = 0; i < rounds; i++)); do
    measure grep grep -cF sasl_username= "$log"
    measure replay "$work/sendwarden" replay "$log"
    measure mawk mawk '/ sasl_method=/ { n[$NF]++ } END { for (u in n) print n[u], u }' "$log"
    measure perl perl -ne '$n{$2}++ if /: client=\S*\[([^\]]+)\], sasl_method=\S+, sasl_username=(\S+)/; END { print "$n{$_} $_\n" for keys %n }' "$log"
done
measure pflogsumm pflogsumm "$log"

half_of_grep=$(((rounds + 1) / 2))
printf '%s processors, %s, %s, %d rounds\n\n' "$(nproc)" "$(uname -sr)" "$(go env GOVERSION)" "$rounds"
printf '%-44s %8s %8s %7s %7s %8s %8s\n' '' 'median s' 'least s' 'user s' 'sys s' 'peak MB' 'of grep'
report grep 'grep -cF sasl_username='
report replay 'sendwarden replay'
report mawk 'mawk, messages per user'
report perl 'perl, the same by a regular expression'
report pflogsumm 'pflogsumm'
