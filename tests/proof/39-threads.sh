#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# A thread for each job, none of which is ever told to go.
# shellcheck source=tests/proof/lib.sh
. "${0%/*}/lib.sh"

needs python3
LIMIT=60
twins "threads in Python" task-growth ">=10" - "$own/thread_jobs.py"
proved
