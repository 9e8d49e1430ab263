#!/bin/bash
# Boots a copy of this machine (an overlay over /) under systemd, with the files of a
# folder in it and a network of its own. Nobody sees the copy, and it is gone when this
# program ends; SIGTERM shuts it down.
#
#	boot.sh FILES
set -euo pipefail

if [ "${2:-}" != apart ]; then
	exec unshare --mount --propagation private "$0" "$(realpath "$1")" apart
fi
top=$(mktemp -d)
mount -t tmpfs -o size=2g none "$top"
mkdir "$top/upper" "$top/work" "$top/root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$top/upper,workdir=$top/work" "$top/root"
cd "$top/root"

# Of this machine's services none, and no log but the journal, as on Debian 12.
rm -rf etc/systemd/system/*.wants/* var/log/mail* var/log/journal usr/sbin/policy-rc.d etc/dovecot
rm -rf var/spool/postfix/{maildrop,incoming,active,deferred,hold}/* var/lib/sendwarden etc/sendwarden
cp usr/share/postfix/master.cf.dist etc/postfix/master.cf
ln -sf /lib/systemd/system/multi-user.target etc/systemd/system/default.target
mkdir -p var/log/journal
cp -r "$1"/. .

status=133 # by which nspawn says that the machine is to be booted again
trap 'kill -TERM $machine' TERM
while [ $status = 133 ]; do
	systemd-nspawn --quiet --register=no --keep-unit --private-network --machine=mail --directory="$top/root" --boot &
	machine=$!
	status=0
	wait $machine || status=$?
	if [ $status = 143 ]; then # waiting was cut short by the signal
		status=0
		wait $machine || status=$?
	fi
done
exit $status
