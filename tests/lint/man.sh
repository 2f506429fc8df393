#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# The man pages are well formed, and name every option that the completion offers.
set -eu

mandoc -T lint -W warning docs/man/*.[18]

status=0
while IFS= read -r option; do
	if ! mandoc -T ascii docs/man/lostsock.8 | sed 's/.\x08//g' | grep -qE -- "(^|[^-a-z])$option([^-a-z]|$)"; then
		echo "docs/man/lostsock.8: does not name $option, which the completion offers"
		status=1
	fi
done < <(grep -oE -- '--[a-z][a-z-]+' docs/completion/lostsock.bash | sort -u)
exit $status
