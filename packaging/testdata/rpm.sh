#!/bin/bash
# Plays the scripts of the RPM as rpm runs them: installed, upgraded, removed. It is a
# copy of this machine (an overlay over /) that nobody sees and that is gone
# afterwards; systemd does not run there.
set -euo pipefail
cd "$(dirname "$0")/.."

if [ "${1:-}" = '' ]; then
	exec unshare --mount --pid --fork --kill-child --propagation private testdata/rpm.sh apart
elif [ "$1" = apart ]; then
	top=$(mktemp -d)
	mount -t tmpfs -o size=256m none "$top"
	mkdir "$top/upper" "$top/work" "$top/root"
	mount -t overlay overlay -o "lowerdir=/,upperdir=$top/upper,workdir=$top/work" "$top/root"
	mount -t tmpfs none "$top/root/run"
	mount -t proc proc "$top/root/proc"
	mount --rbind /dev "$top/root/dev"
	mkdir -p "$top/root/usr/lib/sysusers.d" "$top/root/usr/lib/tmpfiles.d" "$top/root/etc/sendwarden" "$top/root/run/rpm"
	cp systemd/sysusers.conf "$top/root/usr/lib/sysusers.d/sendwarden.conf"
	cp systemd/tmpfiles.conf "$top/root/usr/lib/tmpfiles.d/sendwarden.conf"
	install -m 0640 ../rules.yaml "$top/root/etc/sendwarden/rules.yaml"
	cp rpm/* testdata/rpm.sh "$top/root/run/rpm"
	mkdir -p "$top/root/run/testdata"
	mv "$top/root/run/rpm/rpm.sh" "$top/root/run/testdata"
	chroot "$top/root" /bin/bash /run/testdata/rpm.sh inside
	exit
fi

export PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C
script() { sh -e "/run/rpm/$1" "$2"; }
is() { [ "$2" = "$3" ] || { printf 'FAILED: %s: %s, not %s\n' "$1" "$2" "$3"; exit 1; }; }
owns() { is "$2" "$(stat -c '%U:%G %a' "$2")" "$1"; }

for times in 1 2; do
	script post $times
	owns 'root:root 755' /etc/sendwarden
	owns 'sendwarden:sendwarden 755' /etc/sendwarden/lists
	owns 'root:sendwarden 640' /etc/sendwarden/rules.yaml
	owns 'sendwarden:sendwarden 700' /var/lib/sendwarden
	owns 'sendwarden:postfix 2750' /var/spool/postfix/sendwarden
	[ $times = 1 ] || script preun 1
	[ $times = 1 ] || script postun 1
done
touch /etc/sendwarden/lists/blocklist
script preun 0
script postun 0
owns 'root:root 644' /etc/sendwarden/lists/blocklist
echo 'all good'
