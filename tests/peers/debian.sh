# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
#
# debian.sh: a clean Debian to install into, on top of lib.sh. The scenario runs in a mount namespace
# of its own (private_mounts), so that what it mounts goes with it, and nothing that is removed
# afterwards has a mount in it.

# private_mounts: starts the scenario again in a mount namespace of its own; before lib.sh is sourced.
private_mounts() {
	[ -z "${MOUNTS_ARE_PRIVATE:-}" ] || return 0
	MOUNTS_ARE_PRIVATE=1 exec unshare --mount --propagation private bash "$0"
}

# outside COMMAND...: where there is a network, in the namespace that the tests were started in.
outside() {
	local runner
	runner=$(awk '/^PPid:/ { print $2 }' "/proc/$PPID/status")
	nsenter --net="/proc/$runner/ns/net" "$@"
}

# The machine's own package sources, whatever they are, as lines of a sources.list.
machine_sources() {
	# shellcheck disable=SC2016 # apt's variables
	apt-get indextargets --format 'deb $(REPO_URI) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' | sort -u
}

# clean_root DIR: this machine's Debian with nothing but its essential packages and apt. It is made once.
clean_root() {
	local release tar mirror made=$TMPDIR/made
	release=$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)
	tar=$PEERS/debian-$release.tar
	if [ ! -s "$tar" ]; then
		mirror=$(machine_sources | awk -v r="$release" '$3 == r { print $2; exit }')
		[ -n "$mirror" ] || skip "this machine has no sources of Debian $release"
		say "debootstrap: makes ${tar##*/}"
		outside debootstrap --variant=minbase "$release" "$made" "$mirror" >"$TMPDIR/log" 2>&1 ||
			fail "debootstrap: $(tail -n 5 "$TMPDIR/log")"
		machine_sources >"$made/etc/apt/sources.list"
		outside chroot "$made" apt-get -q update >"$TMPDIR/log" 2>&1 || fail "apt: $(tail -n 5 "$TMPDIR/log")"
		mkdir -p "$PEERS"
		tar -C "$made" -cf "$tar.new" . && mv "$tar.new" "$tar"
		rm -rf --one-file-system "$made"
	fi
	mkdir -p "$1"
	tar -C "$1" -xf "$tar"
	cp /etc/resolv.conf "$1/etc/resolv.conf" 2>/dev/null || :
	# What Debian's tools agree on: do not start services here.
	printf '#!/bin/sh\nexit 101\n' >"$1/usr/sbin/policy-rc.d"
	chmod 755 "$1/usr/sbin/policy-rc.d"
	echo 'APT::Get::Assume-Yes "true";' >"$1/etc/apt/apt.conf.d/90yes"
}

# mounts DIR: what programs in there expect, and cgroup2 at its usual place.
mounts() {
	mount -t proc proc "$1/proc"
	mount --rbind /sys "$1/sys"
	mount --rbind /dev "$1/dev"
}

# in_root DIR COMMAND...: without a network; in_root_online with one.
in_root() { env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C DEBIAN_FRONTEND=noninteractive chroot "$@"; }
in_root_online() { outside env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C DEBIAN_FRONTEND=noninteractive chroot "$@"; }

# quietly WHAT COMMAND...: what it says only if it fails.
quietly() {
	local what=$1
	shift
	"$@" >"$TMPDIR/log" 2>&1 || fail "$what: exit status $?: $(tail -n 12 "$TMPDIR/log")"
}

# documented WORD: the commands of docs/DEPLOY.md's "sh WORD" blocks, one a line, for root.
documented() {
	awk -v word="$1" '$0 == "```sh " word { inside = 1; next } /^```$/ { inside = 0 }
		inside && sub(/\\$/, "") { printf "%s", $0; next }
		inside' "${BASH_SOURCE[0]%/*}/../../docs/DEPLOY.md" | sed -E 's/^sudo //; s/ +# .*//'
}

# packages: builds them, and puts them into the array debs.
packages() {
	local root
	root=$(cd "${BASH_SOURCE[0]%/*}/../.." && pwd)
	quietly "make deb" env -u MAKEFLAGS -u MFLAGS make -C "$root" deb
	debs=("$root"/build/deb/*.deb)
	[ "${#debs[@]}" -eq 3 ] || fail "three packages expected: ${debs[*]}"
}
