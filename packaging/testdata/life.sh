#!/bin/bash
# The life of a package: installed, used, upgraded, removed, purged. It is played
# on a copy of this machine (an overlay over /) that nobody sees and that is gone
# afterwards; systemd does not run there.
#
#	life.sh OLD.deb NEW.deb SHARED     SHARED/notify is a socket that stands for systemd's
set -euo pipefail

if [ "${1:-}" != inside ]; then
	old=$(realpath "$1") new=$(realpath "$2") shared=$(realpath "$3")
	if [ "${4:-}" != apart ]; then
		exec unshare --mount --pid --fork --kill-child --propagation private "$0" "$old" "$new" "$shared" apart
	fi
	top=$(mktemp -d)
	mount -t tmpfs -o size=1g none "$top"
	mkdir "$top/upper" "$top/work" "$top/root"
	mount -t overlay overlay -o "lowerdir=/,upperdir=$top/upper,workdir=$top/work" "$top/root"
	mount --rbind /dev "$top/root/dev"
	mount -t proc proc "$top/root/proc"
	mount -t tmpfs none "$top/root/run"
	mkdir "$top/root/run/shared"
	mount --bind "$shared" "$top/root/run/shared"
	cp "$old" "$top/root/run/old.deb"
	cp "$new" "$top/root/run/new.deb"
	cp "$0" "$top/root/run/life.sh"
	chroot "$top/root" /bin/bash /run/life.sh inside
	exit
fi

export PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C DEBIAN_FRONTEND=noninteractive
unset NOTIFY_SOCKET WATCHDOG_USEC WATCHDOG_PID

step() { printf '== %s\n' "$*"; }
fail() {
	printf 'FAILED: %s\n' "$*"
	cat /run/*.log 2>/dev/null
	exit 1
}
is() { [ "$2" = "$3" ] || fail "$1: $2, not $3"; }
within() { # seconds, what, a command
	local end=$((SECONDS + $1)) what=$2
	shift 2
	until "$@" >/dev/null 2>&1; do
		[ $SECONDS -lt $end ] || fail "$what"
		sleep 0.1
	done
}
ours() { find /etc /usr /lib/systemd /var/lib /var/spool/postfix /run -xdev '(' -path /run/shared -o -path /usr/local/lib/sendwarden-e2e ')' -prune -o -iname '*sendwarden*' -print | sort; }

step "a machine with Postfix that has never seen the package"
is "files of ours" "$(ours)" ""
rm -rf /var/spool/postfix/maildrop/*
cat >/etc/postfix/main.cf <<-END
	compatibility_level = 3.6
	myhostname = mail.example.es
	mydestination =
	inet_interfaces = 127.0.0.1
END
postfix check # makes the queue's folders, as its first start does
install -o root -g adm -m 0640 /dev/null /var/log/mail.log
main() { postconf -e "$@"; }

step "install"
dpkg -i /run/old.deb
id sendwarden
is "the program" "$(sendwarden --version)" "sendwarden 1.0"
is "rules" "$(stat -c '%U:%G %a' /etc/sendwarden/rules.yaml)" "root:sendwarden 640"
is "their folder" "$(stat -c '%U:%G %a' /etc/sendwarden)" "root:root 755"
is "the list's folder" "$(stat -c '%U:%G %a' /etc/sendwarden/lists)" "sendwarden:sendwarden 755"
is "the state's folder" "$(stat -c '%U:%G %a' /var/lib/sendwarden)" "sendwarden:sendwarden 700"
is "the door's folder" "$(stat -c '%U:%G %a' /var/spool/postfix/sendwarden)" "sendwarden:postfix 2750"
grep -q '^mode: watch' /etc/sendwarden/rules.yaml || fail "it does not begin by watching"
sendwarden check
for unit in multi-user.target.wants/sendwarden.service sockets.target.wants/sendwarden-queue.socket; do
	[ -L /etc/systemd/system/$unit ] || fail "$unit is not enabled"
done
[ -s /usr/share/bash-completion/completions/sendwarden ] || fail "no completions"

step "the daemon, as its user, without rights and without setgid programs, as in its unit"
cat >/etc/sendwarden/rules.yaml <<-END
	threshold: {hold: 50, block: 100}
	door: {listen: "unix:/var/spool/postfix/sendwarden/door", socket_group: postfix}
	alerts: {mail: [{to: [postmaster@example.es]}]}
	rules:
	  - {name: new country, when: new_country, points: 60}
END
systemd-socket-activate -l /run/sendwarden/queue.sock setpriv --bounding-set=-all,+dac_read_search,+fowner,+setuid,+setgid --no-new-privs \
	sendwarden queue-helper >/run/helper.log 2>&1 &
helper=$!
within 20 "the helper's socket" test -S /run/sendwarden/queue.sock
chgrp sendwarden /run/sendwarden/queue.sock
chmod 0660 /run/sendwarden/queue.sock
NOTIFY_SOCKET=/run/shared/notify WATCHDOG_USEC=4000000 setpriv --reuid=sendwarden --regid=sendwarden --groups="$(getent group sendwarden | cut -d: -f3),$(getent group adm | cut -d: -f3),$(getent group postdrop | cut -d: -f3)" \
	--bounding-set=-all --inh-caps=-all --no-new-privs sendwarden run >/run/daemon.log 2>&1 &
daemon=$!
within 30 "the daemon runs" grep -q msg=running /run/daemon.log
grep -q "the mail queue can be reached" /run/daemon.log || fail "the helper is of no use to the daemon"
is "its user" "$(ps -o user= -p $daemon)" sendwarden

step "it reads the log, writes the list and its table, and mails"
id=100
for address in 80.58.61.250 177.32.18.77 178.66.201.14; do
	printf '%s mail postfix/submission/smtpd[7]: %dA%dF4: client=unknown[%s], sasl_method=PLAIN, sasl_username=alice@example.es\n' \
		"$(date +%FT%T.%6N%:z)" $id $id $address >>/var/log/mail.log
	id=$((id + 1))
done
table=$(sed -n 's/.*"postfix reads"=\([^ ]*\).*/\1/p' /run/daemon.log | head -1)
within 20 "the table has alice" postmap -q alice@example.es "$table"
is "the list's owner" "$(stat -c %U:%G /etc/sendwarden/lists/blocklist)" sendwarden:sendwarden
within 60 "a mail for the postmaster" sh -c 'ls /var/spool/postfix/maildrop/*'
is "whose mail" "$(stat -c %U /var/spool/postfix/maildrop/* | head -1)" sendwarden

step "what doctor says of it"
sendwarden doctor >/run/doctor.log 2>&1 || true
for check in daemon door "queue helper" "log "; do
	grep -E "^ *(ok|fine) +$check|^$check.*ok" /run/doctor.log >/dev/null || fail "doctor: $check"
done

step "root's commands leave the files to the daemon"
sendwarden block bob@example.es --reason 'by hand'
within 20 "the table has bob" postmap -q bob@example.es "$table"
is "the list's owner" "$(stat -c %U:%G /etc/sendwarden/lists/blocklist)" sendwarden:sendwarden
sleep 2 # a beat or two
kill -TERM $daemon
wait $daemon || fail "the daemon ended with $?"
kill $helper
wait $helper || true

step "who is the daemon cannot change the rules by which root's commands go"
for attempt in 'mv /etc/sendwarden/rules.yaml /etc/sendwarden/mine' 'cp /dev/null /etc/sendwarden/rules.yaml' \
	'mv /etc/sendwarden/lists /etc/sendwarden/mine' 'touch /etc/sendwarden/mine'; do
	! setpriv --reuid=sendwarden --regid=sendwarden --clear-groups sh -c "$attempt" 2>/dev/null || fail "the daemon's user may: $attempt"
done

step "upgrade: state, list and the administrator's rules stay"
kept() { md5sum /var/lib/sendwarden/state.db /etc/sendwarden/lists/blocklist /etc/sendwarden/rules.yaml; }
before=$(kept)
dpkg -i --force-confdef --force-confold /run/new.deb
is "the version" "$(dpkg-query -W -f '${Version}' sendwarden)" 1.1
is "what was kept" "$(kept)" "$before"
is "rules" "$(stat -c '%U:%G %a' /etc/sendwarden/rules.yaml)" "root:sendwarden 640"
postmap -q alice@example.es "$table" >/dev/null || fail "alice may send after an upgrade"

step "upgrade of a package whose list stood beside the rules: it moves, and the old names lead to it"
mv /etc/sendwarden/lists/* /etc/sendwarden
rmdir /etc/sendwarden/lists
chown sendwarden:sendwarden /etc/sendwarden
ln -s /etc/shadow /etc/sendwarden/odd # of a daemon that was taken over
shadow=$(stat -c '%U:%G %a' /etc/shadow)
dpkg -i --force-confdef --force-confold /run/new.deb
is "what was kept" "$(kept)" "$before"
is "their folder" "$(stat -c '%U:%G %a' /etc/sendwarden)" "root:root 755"
is "the list's owner" "$(stat -c %U:%G /etc/sendwarden/lists/blocklist)" sendwarden:sendwarden
is "the old name" "$(readlink /etc/sendwarden/blocklist)" lists/blocklist
is "what is none of ours" "$(stat -c '%U:%G %a' /etc/shadow)" "$shadow"
postmap -q alice@example.es "${table/lists\//}" >/dev/null || fail "Postfix has lost its table, and puts off all mail"
rm /etc/sendwarden/odd

step "remove: who is blocked stays blocked"
main "smtpd_data_restrictions = check_sasl_access $table"
dpkg -r sendwarden 2>&1 | tee /run/remove.log
grep -q 'without its table Postfix puts off all mail' /run/remove.log || fail "no warning"
[ ! -e /usr/sbin/sendwarden ] || fail "the program is still there"
postmap -q alice@example.es "$table" >/dev/null || fail "alice may send after a removal"
[ -s /var/lib/sendwarden/state.db ] || fail "the state went with a removal"

step "purge, while Postfix still asks: the table stays"
dpkg -P sendwarden 2>&1 | tee /run/purge.log
grep -q 'it stays with its table' /run/purge.log || fail "no warning"
postmap -q alice@example.es "$table" >/dev/null || fail "Postfix has lost its table, and puts off all mail"

step "installed again, taken out of Postfix, and purged: nothing is left"
dpkg -i --force-confdef --force-confold /run/new.deb
main "smtpd_data_restrictions ="
dpkg -P sendwarden
is "files of ours" "$(ours)" ""
! getent passwd sendwarden || fail "the user is still there"
! getent group sendwarden || fail "the group is still there"
step "all good"
