#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# initrd.sh ROOT BUILD OUT  packs what a guest starts with: the user space that fetch.sh brought, of BUILD
# the static program, the names of the programs in it, and the workloads; and tests/ as it is.
set -euo pipefail

root=$1 build=$2 out=$3
here=$(cd "$(dirname "$0")" && pwd)
stage=$(mktemp -d "${TMPDIR:-/tmp}/lostsock-initrd.XXXXXX")
trap 'rm -rf "$stage"' EXIT

cp -a "$root/." "$stage"
mkdir -p "$stage"/{proc,sys,dev,tmp,tests}
# What the packages' own scripts would have done.
ln -sf mawk "$stage/usr/bin/awk"
ln -sf bash "$stage/bin/sh"
install "$build/lostsock" "$stage/lostsock"
cp -a "$build/load" "$stage/load"
sed -nE 's/^\t\tstruct bpf_program \*(\w+);$/\1/p' "$build/gen/lostsock.skel.h" >"$stage/programs"
cp -a "$here/../e2e" "$here" "$stage/tests/"
install "$here/init" "$stage/init"
printf 'root:x:0:0:root:/:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/sh\n' >"$stage/etc/passwd"
(cd "$stage" && find . -print0 | LC_ALL=C sort -z | cpio --quiet -0 -o -H newc -R 0:0) >"$out.new"
mv "$out.new" "$out"
