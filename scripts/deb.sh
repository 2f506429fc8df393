#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# deb.sh VERSION  builds the Debian packages that deploy/debian describes from this tree, into build/deb.
# It works on a copy, so nothing of Debian lies about among the sources and build/ keeps what it has.
# What comes out depends on the sources and on the time of the last commit (SOURCE_DATE_EPOCH, if it is
# set), so that the same commit gives the same packages wherever it is built.
set -eu

root=$(cd "$(dirname "$0")/.." && pwd)
version=$1
deb=$root/build/deb

if [ -z "${SOURCE_DATE_EPOCH:-}" ]; then
	SOURCE_DATE_EPOCH=$(git -C "$root" log -1 --format=%ct 2>/dev/null) ||
		SOURCE_DATE_EPOCH=$(stat -c %Y "$root/CHANGELOG.md")
fi
export SOURCE_DATE_EPOCH LC_ALL=C

rm -rf "$deb"
mkdir -p "$deb/source"
tar -C "$root" --exclude=./build --exclude=./.git --exclude='*.log' -c . | tar -C "$deb/source" -x
cp -R "$root/deploy/debian" "$deb/source/debian"
maintainer=$(sed -n 's/^Maintainer: //p' "$root/deploy/debian/control")
cat >"$deb/source/debian/changelog" <<-END
	lostsock ($version) unstable; urgency=medium

	  * What is new is in CHANGELOG.md.

	 -- $maintainer  $(date -R -u -d "@$SOURCE_DATE_EPOCH")
END

# The tests need root, a network and this kernel: `make test` has them.
options="terse nocheck parallel=$(nproc)"
if ! (cd "$deb/source" && env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL DEB_BUILD_OPTIONS="$options" \
	dpkg-buildpackage --build=binary --no-sign) >"$deb/log" 2>&1 </dev/null; then
	cat "$deb/log" >&2
	echo "deb: could not build the packages, see above" >&2
	exit 1
fi
rm -rf "$deb/source"
find "$deb" -name '*.deb' -printf 'build/deb/%f\n' | sort
