#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# run: its report in a file, as JSON, as JUnit XML that a parser takes; and what a file suppresses.
# shellcheck source=tests/e2e/lib.sh
. "${0%/*}/lib.sh"

needs python3
cd "$TMPDIR" || exit
leak=("$LOAD/died-holding" --leaky --mode exit --seconds 0.3 --hold 0.6)

# gate STATUS ARGS...
gate() {
	local want=$1 status=0
	shift
	timeout 60 "$LOSTSOCK" run "$@" >out 2>err 9>&- || status=$?
	[ "$status" -eq "$want" ] ||
		fail "run $*: exit status $want expected, got $status: $(cat err)"
}

says() { grep -qE -- "$1" "${2:-err}" || fail "no /$1/ in: $(cat "${2:-err}")"; }

# junit: "tests failures skipped" of the file, and "name outcome" of each case.
junit() {
	python3 - "$1" <<-'END'
		import sys, xml.etree.ElementTree as tree
		suite = tree.parse(sys.argv[1]).getroot().find("testsuite")
		assert suite.get("name") == "lostsock"
		cases = suite.findall("testcase")
		for kind in ("failure", "skipped"):
		    said = int(suite.get({"failure": "failures"}.get(kind, kind)))
		    assert said == sum(c.find(kind) is not None for c in cases), kind
		print(suite.get("tests"), suite.get("failures"), suite.get("skipped"))
		assert int(suite.get("tests")) == len(cases)
		assert len({(c.get("classname"), c.get("name")) for c in cases}) == len(cases)
		for c in cases:
		    f = c.find("failure")
		    if f is not None:
		        print(c.get("name"), f.get("message"))
	END
}

# --- where the report goes ---

gate 1 --report report "${leak[@]}"
says '^left-open: 8 connections' report
says 'told in report'
[ "$(wc -l <err)" -eq 1 ] || fail "more than a line beside the report: $(cat err)"
gate 0 --report report true
says 'no leaks' report
[ ! -s err ] || fail "words beside a report without a leak: $(cat err)"
gate 1 --report "$JSON" --json "${leak[@]}"
: >"$JSON.err"
expect_finding class=left-open count=8
jq -e '.findings[0] | .certain and (.site.function | test("^load_connect"))' "$JSON" >/dev/null ||
	wrong "no function"

# --- JUnit ---

gate 1 --junit junit.xml "${leak[@]}"
read -r tests failures skipped < <(junit junit.xml) || fail "JUnit: $(cat junit.xml)"
[ "$tests" -ge 2 ] || fail "JUnit: $(cat junit.xml)"
[ "$failures $skipped" = "1 0" ] || fail "JUnit: $(cat junit.xml)"
junit junit.xml | grep -q 'left-open: 8 connections, opened by load_connect (load.h:' ||
	fail "JUnit: no function: $(cat junit.xml)"
gate 0 --junit junit.xml sh -c 'for i in 1 2 3; do /bin/true; done; exit 0'
[ "$(junit junit.xml)" = "4 0 0" ] || fail "JUnit: $(cat junit.xml)"

# Names that are no XML.
cat >hostile.py <<-'END'
	import ctypes, os, time
	for name in (b"<&\"'>]]>", b"\x01\x02\x1b[2J", b"\xff\xfe\xc0", b"a\nb\tc"):
	    pid = os.fork()
	    if not pid:
	        ctypes.CDLL(None).prctl(15, name)
	        time.sleep(1.2)
	        os._exit(0)
	while True:
	    try:
	        os.wait()
	    except ChildProcessError:
	        break
END
gate 0 --junit junit.xml python3 hostile.py '<arg & "more">'
read -r tests failures skipped < <(junit junit.xml) || fail "JUnit: $(cat junit.xml)"
[ "$tests" -ge 5 ] || fail "JUnit: $(cat junit.xml)"
[ "$failures $skipped" = "0 0" ] || fail "JUnit: $(cat junit.xml)"

# --- suppressions ---

for line in 'function:load_conn*' 'function:victim' 'module:died-holding' 'module:libc.so*' \
	'remote:127.0.0.1' 'remote:127.0.0.0/8' 'remote:127.0.0.1:*' 'class:left-open' \
	'comm:*i*' 'class:left-open function:victim remote:127.*   # known'; do
	printf '# a comment\n\n%s\nfunction:never_called\n' "$line" >supp
	gate 0 --suppress supp --junit junit.xml "${leak[@]}"
	says '^lostsock: no leaks;.*; 8 suppressed'
	says "^ +8  supp:3: "
	! grep -q never_called err || fail "an unused suppression is listed without -v"
	[ "$(junit junit.xml | head -n 1 | cut -d' ' -f2-)" = "0 1" ] ||
		fail "suppressed, but not skipped: $(cat junit.xml)"
done
gate 0 -v --suppress supp "${leak[@]}"
says '^ +0  supp:4: function:never_called'
for line in 'function:load' 'remote:10.0.0.0/8' 'remote:127.0.0.1:1' 'class:unread' 'comm:other' \
	'class:left-open function:other'; do
	echo "$line" >supp
	gate 1 --suppress supp "${leak[@]}"
done

# refused NEEDLE TEXT...
refused() {
	printf '%b' "$2" >supp
	refuses 2 "$1" run --suppress supp true
}
refused 'supp:2: .*no class' '# one\nclass:left-opne\n'
refused "left-open" 'class:left-opne\n'
refused "supp:1: .*function" 'fucntion:x\n'
refused 'supp:1: .*WHAT:VALUE' 'just-a-name\n'
refused 'supp:3: .*no network' '\n\nremote:10.0.0.0/99\n'
refused 'supp:1: .*WHAT:VALUE' 'function:\n'
refused 'supp:1: longer' "function:$(head -c 2000 /dev/zero | tr '\0' x)\n"
