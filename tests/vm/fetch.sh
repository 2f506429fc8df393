#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# fetch.sh DIR  brings into DIR what the virtual machines are made of, where it is not there yet:
#
#	kernel/NAME         a kernel image, NAME as in the table below
#	ARCH/root           what a guest's user space is unpacked from
#	arm64/dev           libraries to link with, for the cross build
#
# All of it are Debian's packages, found through metapackages, as their own names go with the kernel's
# version. The base address is that of this machine's own sources; apt is given a configuration of its
# own, so that nothing of the machine's changes. DIR/missing names the kernels that could not be had.
set -euo pipefail

dir=$1
mkdir -p "$dir"
dir=$(cd "$dir" && pwd)

# name  architecture  suite  metapackage
kernels='
5.10        amd64  bullseye-security   linux-image-cloud-amd64
6.1         amd64  bookworm-security   linux-image-cloud-amd64
6.12        amd64  trixie-security     linux-image-cloud-amd64
newest      amd64  trixie-backports    linux-image-cloud-amd64
arm64-6.1   arm64  bookworm-security   linux-image-cloud-arm64
'
# The scenarios are written for bash and jq, and want the tools of a Debian system.
userland='bash coreutils findutils grep sed mawk jq procps bpftool busybox-static'
development='libbpf-dev libelf-dev libdw-dev liblzma-dev libbz2-dev zlib1g-dev libiberty-dev
	libncurses-dev libjansson-dev libjudy-dev libcap-dev liburing-dev'

# base SUFFIX: the address of this machine's Debian archive, or of its security archive.
base() {
	# shellcheck disable=SC2016 # the fields are apt's
	apt-get indextargets --format '$(LABEL) $(REPO_URI)' 'Created-By: Packages' |
		awk -v label="$1" '$1 == label { print $2; exit }'
}

# apt SUITE ARCH: fills the array apt_opts with a configuration for one suite alone; reads its lists.
apt_for() {
	local suite=$1 arch=$2 state=$dir/apt/$1-$2 label=Debian uri
	[[ $suite != *-security ]] || label=Debian-Security
	uri=$(base "$label")
	[ -n "$uri" ] || { echo "vm: no $label archive among apt's sources" >&2; return 1; }
	mkdir -p "$state"/{state/lists/partial,cache/archives/partial,etc}
	: >"$state/status"
	echo "deb [arch=$arch signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $uri $suite main" \
		>"$state/etc/sources.list"
	apt_opts=(-q -o "Dir::State=$state/state" -o "Dir::State::status=$state/status"
		-o "Dir::Cache=$state/cache" -o "Dir::Etc::SourceList=$state/etc/sources.list"
		-o "Dir::Etc::SourceParts=-" -o "Dir::Cache::pkgcache=pkg.bin"
		-o "Dir::Cache::srcpkgcache=src.bin" -o "APT::Architecture=$arch"
		-o "APT::Architectures::=$arch" -o "APT::Install-Recommends=0"
		-o "APT::Sandbox::User=root" -o "Acquire::Languages=none"
		-o "Acquire::Retries=3" -o "Debug::NoLocking=1")
	apt-get "${apt_opts[@]}" update >"$state/log" 2>&1 ||
		{ sed 's/^/    | /' "$state/log" >&2; return 1; }
}

# depends PACKAGE PATTERN: the first dependency of PACKAGE like this.
depends() {
	apt-cache "${apt_opts[@]}" depends "$1" | sed -nE "s/^ *Depends: ($2)\$/\1/p" | sed -n 1p
}

# image PACKAGE OUT: the kernel in PACKAGE. Some have it in another, for the signed one to depend on.
image() {
	local package out=$2 at=$dir/apt/image found
	package=$(depends "$1" 'linux-binary-.*')
	package=${package:-$1}
	rm -rf "$at" && mkdir -p "$at"
	(cd "$at" && apt-get "${apt_opts[@]}" download "$package" >log 2>&1) ||
		{ sed 's/^/    | /' "$at/log" >&2; return 1; }
	dpkg-deb --fsys-tarfile "$at"/*.deb |
		tar -x -C "$at" --wildcards './boot/vmlinu*' './usr/lib/modules/*/vmlinu*' 2>/dev/null || :
	found=$(find "$at" -type f -name 'vmlinu*' | sed -n 1p)
	[ -n "$found" ] || return 1
	mv "$found" "$out"
	echo "$package" >"$out.package"
}

# The image that the metapackage means, as the others of its flavour may be gone from the archive.
fetch_kernel() {
	local name=$1 arch=$2 suite=$3 package=$4 out=$dir/kernel/$1
	[ ! -s "$out" ] || return 0
	mkdir -p "$dir/kernel"
	apt_for "$suite" "$arch" || return 1
	package=$(depends "$package" 'linux-image-.*')
	[ -n "$package" ] && image "$package" "$out" && echo "vm: $name is $(cat "$out.package")"
}

# unpack OUT PACKAGE...: these and all that they depend on.
unpack() {
	local out=$1 deb
	shift
	rm -f "$dir"/apt/*/cache/archives/*.deb
	apt-get "${apt_opts[@]}" -y --download-only install "$@" >"$dir/apt/log" 2>&1 ||
		{ sed 's/^/    | /' "$dir/apt/log" >&2; return 1; }
	rm -rf "$out.new" && mkdir -p "$out.new"
	for deb in "$dir"/apt/*/cache/archives/*.deb; do
		dpkg-deb --fsys-tarfile "$deb" | tar -x -C "$out.new" --keep-directory-symlink \
			--exclude='./usr/share/*' --exclude='./dev/*' \
			--exclude='*/perl*' --exclude='*/gconv' --exclude='*/rc?.d'
	done
	rm -f "$dir"/apt/*/cache/archives/*.deb
	rm -rf "$out" && mv "$out.new" "$out"
}

fetch_root() {
	local arch=$1
	[ ! -d "$dir/$arch/root" ] || return 0
	mkdir -p "$dir/$arch"
	apt_for bookworm "$arch"
	# shellcheck disable=SC2086 # words
	unpack "$dir/$arch/root" $userland
}

fetch_dev() {
	[ ! -d "$dir/arm64/dev" ] || return 0
	mkdir -p "$dir/arm64"
	apt_for bookworm arm64
	# shellcheck disable=SC2086 # words
	unpack "$dir/arm64/dev" $development
	# A header alone: what the package asks for is for a program that is not wanted.
	(cd "$dir/apt" && apt-get "${apt_opts[@]}" download systemtap-sdt-dev >log 2>&1) &&
		dpkg -x "$dir"/apt/systemtap-sdt-dev_*.deb "$dir/arm64/dev"
}

: >"$dir/missing"
while read -r name arch suite package; do
	[ -n "$name" ] || continue
	fetch_kernel "$name" "$arch" "$suite" "$package" || echo "$name" >>"$dir/missing"
done <<<"$kernels"
fetch_root amd64
fetch_root arm64
fetch_dev
