#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# seconds: 900
#
# The units under a real systemd, that of a Debian with the packages in it, booted in a container: the
# commands of docs/DEPLOY.md work, the exporter finds what leaks there, an upgrade starts it again,
# and a purge stops it and takes everything along.
# shellcheck disable=SC2016 # what until_true evaluates each time
# shellcheck source=tests/peers/debian.sh
. "${0%/*}/debian.sh"
private_mounts
# shellcheck source=tests/peers/lib.sh
. "${0%/*}/lib.sh"

needs systemd-nspawn systemd-analyze debootstrap dpkg-deb dh unshare
debs=() root=$TMPDIR/root tree=$(cd "$here/../.." && pwd)
clean_root "$root"
packages

# --- what systemd thinks of the unit ---

sed "s|/usr/local/sbin/lostsock|$LOSTSOCK|" "$tree/deploy/systemd/lostsock-export.service" >"$TMPDIR/lostsock-export.service"
exposure=$(systemd-analyze security --no-pager --offline=true "$TMPDIR/lostsock-export.service" |
	sed -nE 's/.*exposure level for .*: ([0-9.]+) .*/\1/p')
compare "$exposure" '<=' 3.0 || fail "systemd-analyze security: $exposure"
grep -q "gives it $exposure," "$tree/docs/DEPLOY.md" || fail "DEPLOY.md does not say $exposure"

# --- a machine ---

quietly dependencies in_root_online "$root" apt-get -q satisfy --no-install-recommends systemd dbus \
	"$(for deb in "${debs[@]}"; do dpkg-deb -f "$deb" Depends | tr ',' '\n' | grep -vE 'tether|-dev'; done | paste -sd,)"
rm -f "$root/usr/sbin/policy-rc.d"
mkdir "$root/test"
cp "${debs[@]}" "$LOAD/close-wait" "$root/test"
documented systemd >"$root/test/documented"
[ "$(wc -l <"$root/test/documented")" -ge 6 ] || fail "DEPLOY.md has too few commands for systemd"

# What runs in there; it ends the machine, and leaves what it has seen in /test/result.
cat >"$root/test/run" <<'END'
#!/bin/bash
exec >/test/log 2>&1
ended() {
	echo "$*" >/test/result
	systemctl poweroff --no-block
	exit
}
unit=lostsock-export
state() { systemctl is-active $unit.service; }
within() {
	local i
	for i in {1..100}; do
		"$@" && return
		sleep 0.1
	done
	return 1
}
serves() { [ "$(tether-get http://127.0.0.1:9977/readyz 2>/dev/null)" = ready ]; }
refused() { ! (: <>/dev/tcp/127.0.0.1/9977) 2>/dev/null; }
active() { [ "$(state)" = active ]; }
pid() { systemctl show -p MainPID --value $unit.service; }

dpkg -i /test/lostsock_*.deb /test/libtether1_*.deb || ended "cannot install"
[ "$(state)" = inactive ] || ended "installed, and $(state)"
for kind in service socket; do
	[ "$(systemctl is-enabled $unit.$kind)" = disabled ] || ended "the $kind is $(systemctl is-enabled $unit.$kind)"
done

while IFS= read -r command; do
	echo "+ $command"
	bash -c "$command" </dev/null || ended "$command: exit status $?"
	case $command in
	*"enable --now $unit.service"*)
		within serves || ended "enabled, and does not serve"
		[ "$(state)" = active ] || ended "enabled, and $(state)"
		# It looks at this machine, with the options of /etc/default.
		sed -i 's/^#\?LOSTSOCK_ARGS=.*/LOSTSOCK_ARGS=--after 1s --interval 500ms/' /etc/default/$unit
		systemctl restart $unit.service || ended "it does not start again"
		sleep 1000 | /test/close-wait --leaky >/test/truth &
		within test -s /test/truth || ended "no workload"
		finds() { tether-get http://127.0.0.1:9977/findings 2>/dev/null | grep -q '"class":"close-wait"'; }
		within finds || ended "it finds nothing: $(tether-get http://127.0.0.1:9977/findings)"
		before=$(pid)
		dpkg -i /test/lostsock_*.deb || ended "no upgrade"
		[ "$(pid)" != "$before" ] && [ "$(state)" = active ] || ended "an upgrade does not start it again: $(state)"
		;;
	esac
done </test/documented

# The socket has started it.
within active || ended "by its socket: $(state)"
dpkg --purge lostsock || ended "cannot purge"
within refused || ended "purged, and it serves"
! grep -qx lostsock /proc/[0-9]*/comm || ended "purged, and it runs"
left=$(find /etc /lib /usr/lib /usr/share /var/lib -name '*lostsock*' ! -path '/var/lib/dpkg/*-old')
[ -z "$left" ] || ended "purged, and there is $left"
ended fine
END
cat >"$root/etc/systemd/system/test.service" <<'END'
[Unit]
After=network.target dbus.service
[Service]
Type=simple
ExecStart=/bin/bash /test/run
[Install]
WantedBy=multi-user.target
END
mkdir -p "$root/etc/systemd/system/multi-user.target.wants"
ln -s ../test.service "$root/etc/systemd/system/multi-user.target.wants/test.service"

# nspawn boots with cgroup2 alone, or version 1 alone, and some machines have a mix.
if [ "$(stat -fc %T /sys/fs/cgroup)" != cgroup2fs ]; then
	umount -R /sys/fs/cgroup
	mount -t cgroup2 cgroup2 /sys/fs/cgroup
fi
timeout -k 5 120 systemd-nspawn --quiet --register=no --keep-unit --directory="$root" --boot \
	--capability=CAP_BPF,CAP_PERFMON,CAP_NET_ADMIN --system-call-filter='bpf perf_event_open' \
	>"$TMPDIR/boot" 2>&1 </dev/null 9>&- || say "nspawn: exit status $?"
[ -s "$root/test/result" ] || {
	tail -n 20 "$TMPDIR/boot" "$root/test/log" >&2
	fail "it has not come to an end"
}
[ "$(cat "$root/test/result")" = fine ] || {
	tail -n 20 "$root/test/log" >&2
	fail "$(cat "$root/test/result")"
}
