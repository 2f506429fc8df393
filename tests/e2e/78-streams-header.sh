#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# The header that programs copy: the examples of docs/STREAMS.md compile as they stand and run; all
# its probes are in the program, each with its arguments and a semaphore; old and strict compilers
# take it; and lostsock, where it listens, hears what they tell.
# shellcheck source=tests/e2e/lib.sh
. "${0%/*}/lib.sh"

needs gcc readelf nm
[ -e /usr/include/sys/sdt.h ] || [ -e "/usr/include/$(gcc -print-multiarch)/sys/sdt.h" ] ||
	skip "systemtap-sdt-dev is not installed"

root=$here/../..
include=$root/include
cd "$TMPDIR" || exit

# example LANGUAGE FILE: the block of the document.
example() {
	awk -v open="\`\`\`$1" '$0 == open { on = 1; next } /^```$/ { on = 0 } on' \
		"$root/docs/STREAMS.md" >"$2"
	[ "$(grep -c . "$2")" -gt 15 ] || fail "no example in $1"
}

example c example.c
gcc -Wall -Wextra -Werror -I "$include" -o example example.c || fail "the example in C does not compile"
./example || fail "the example in C: exit status $?"
if command -v g++ >/dev/null; then
	example cpp example.cpp
	g++ -Wall -Wextra -Werror -I "$include" -o example++ example.cpp ||
		fail "the example in C++ does not compile"
	./example++ || fail "the example in C++: exit status $?"
else
	say "g++ is not installed: C++ is not tried"
fi

# --- all of it, strictly, in two files of one program ---

cat >all.c <<'END'
#define LOSTSOCK_STREAMS_DEFINE
#include "lostsock/streams.h"
void more(void);
int main(void)
{
	lostsock_conn_open(1, 3, 4, LOSTSOCK_CLIENT, LOSTSOCK_HTTP2);
	lostsock_conn_count(1);
	lostsock_stream_open(1, 2, LOSTSOCK_PEERS | LOSTSOCK_UNI);
	lostsock_stream_read_closed(1, 2, LOSTSOCK_RESET);
	lostsock_stream_write_closed(1, 2, LOSTSOCK_CANCELLED);
	lostsock_stream_release(1, 2);
	lostsock_stream_free(1, 2);
	lostsock_stream_blocked(1, 2);
	lostsock_stream_starved(1);
	lostsock_drain_begin(1, 2);
	lostsock_drain_refused(1);
	lostsock_drain_done(1);
	lostsock_conn_close(1, -5);
	more();
	return 0;
}
END
cat >more.c <<'END'
#define LOSTSOCK_STREAMS_DEFINE /* again: a library and its user may both */
#include "lostsock/streams.h"
void more(void);
void more(void)
{
	lostsock_stream_open(2, 2, LOSTSOCK_OURS);
}
END
strict=(-Wall -Wextra -Werror -Wshadow -Wconversion -I "$include")
gcc "${strict[@]}" -std=c99 -pedantic -O2 -c all.c -o all.o 2>strict ||
	gcc "${strict[@]}" -std=gnu99 -O2 -c all.c -o all.o || fail "C99: $(cat strict)"
gcc "${strict[@]}" -O2 -c more.c || fail "it does not compile"
gcc -o all all.o more.o || fail "two files that define it do not link"
./all || fail "exit status $?"
if command -v g++ >/dev/null; then
	cp more.c more.cpp
	g++ "${strict[@]}" -std=c++11 -O2 -c more.cpp || fail "C++11"
fi
printf '#include <sys/sdt.h>\n#include "lostsock/streams.h"\n' >wrong.c
gcc -I "$include" -c wrong.c 2>said && fail "the wrong order compiles, without semaphores"
grep -q 'before sys/sdt.h' said || fail "it does not say what is wrong: $(cat said)"

readelf --notes all 2>/dev/null | awk '
	/Provider: / { ours = $2 == "tether" }
	/Name: / { name = $2 }
	/Semaphore: / { armed = $NF != "0x0000000000000000" }
	/Arguments: / && ours { print name, gsub("@", ""), armed ? "armed" : "bare" }' | sort -u >probes
list='conn_open 5
conn_close 2
conn_count 1
stream_open 3
stream_read_closed 3
stream_write_closed 3
stream_release 2
stream_free 2
stream_blocked 3
drain_begin 2
drain_refused 1
drain_done 1'
while read -r name args; do
	grep -qx "$name $args armed" probes || fail "no probe $name of $args arguments: $(cat probes)"
	grep -q "^| \`$name\` |" "$root/docs/STREAMS.md" || fail "STREAMS.md does not speak of $name"
	nm all | grep -qE "[VW] tether_${name}_semaphore" || fail "$name has no semaphore of its own"
done <<<"$list"
[ "$(cut -d' ' -f1 probes | sort -u | wc -l)" -eq 12 ] || fail "other probes: $(cat probes)"

# --- heard ---

if ! "$LOSTSOCK" record --help 2>&1 | grep -q -- --streams; then
	say "this lostsock does not listen to programs: nothing is heard"
	exit 0
fi
cat >heard.c <<'END'
#define LOSTSOCK_STREAMS_DEFINE
#include "lostsock/streams.h"
#include <stdio.h>
#include <unistd.h>
int main(void)
{
	int i;

	puts("{}");
	fflush(stdout);
	for (i = 0; i < 1500 && !LOSTSOCK_LISTENS(stream_free); i++)
		usleep(10000);
	lostsock_conn_open(1, -1, 0, LOSTSOCK_SERVER, LOSTSOCK_QUIC);
	for (i = 0; i < 12; i++) {
		lostsock_stream_open(1, (uint64_t)i * 4, LOSTSOCK_PEERS);
		lostsock_stream_write_closed(1, (uint64_t)i * 4, LOSTSOCK_ENDED);
	}
	lostsock_stream_read_closed(1, 0, LOSTSOCK_ENDED);
	lostsock_stream_free(1, 0);
	sleep(8);
	return 0;
}
END
gcc -I "$include" -o heard heard.c
./heard <"$TMPDIR/rope" >out 9>&- &
pid=$!
"$LOSTSOCK" attach "$pid" --json --for 6s --interval 200ms --after 1s >heard.json 2>said 9>&- ||
	fail "lostsock attach: $(cat said)"
wait "$pid" || fail "exit status $?"
jq -e '.processes[0].streams | .live == 11 and .half_open == 11 and .opened == 12 and .freed == 1 and
	.nonsense == 0 and .unseen == 0' heard.json >/dev/null ||
	fail "not what was told: $(jq -c '.processes[0].streams' heard.json)"
jq -e '[.findings[] | select(.class == "stream-half-open")] | length == 1 and .[0].count == 11' \
	heard.json >/dev/null || fail "not what was left half open: $(jq -c .findings heard.json)"
