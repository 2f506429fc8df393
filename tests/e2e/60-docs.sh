#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# What the documents say is so: their commands run, their links lead somewhere, and their options,
# classes, thresholds, keys and JSON members are the program's.
# shellcheck disable=SC2016 # Markdown's backquotes
# shellcheck source=tests/e2e/lib.sh
. "${0%/*}/lib.sh"

needs make script jq
root=$(cd "$here/../.." && pwd)
man=$root/docs/man/lostsock.8
documents=("$root"/README.md "$root"/CONTRIBUTING.md "$root"/docs/*.md)
wrong=0

complain() {
	say "$*"
	wrong=1
}

# same WHAT A B: two lists, a line each, are the same set.
same() {
	local difference
	difference=$(diff <(sort -u <<<"$2") <(sort -u <<<"$3") | grep '^[<>]') || :
	[ -z "$difference" ] || complain "$1:"$'\n'"$difference"
}

# --- commands ---

verbs=$(env -u MAKEFLAGS make -C "$root" help | sed -n 's/^  \([a-z][a-z0-9-]*\) .*/\1/p')

is_verb() { grep -qxF -- "$1" <<<"$verbs"; }

# The commands of a document's sh blocks, one a line. Those of "sh WORD" blocks need another machine:
# tests/peers has it.
commands() {
	awk '/^```sh$/ { inside = 1; next } /^```$/ { inside = 0 }
		inside && /^[[:space:]]/ { printf "%s", $0; next }
		inside { printf "%s%s", sep, $0; sep = "\n" }
		END { if (sep) print "" }' "$1"
}

# The examples of the man page.
examples() { sed -n 's/^\.Dl [#$] //p' "$man"; }

# run COMMAND: as it is written, but in seconds, without sudo, on a process that is there, and with
# a threshold that the workload here has passed.
run() {
	local command=$1 status=0 want=0
	command=$(sed -E "s/^sudo //; s/ +# .*//; s/--for [0-9]+[smh]/--for 2s/; s/ 4242/ $$/; s/ make check/ true/" <<<"$command")
	[[ $command == *--after* ]] || command=${command/top --once/top --once --after 1s}
	[[ $command != *"lostsock attach"* || $command == *--for* ]] || command+=" --for 2s"
	case $command in
	'') return ;;
	make\ *)
		is_verb "$(cut -d' ' -f2 <<<"$command")" || complain "no verb of make: $command"
		return
		;;
	*tests/*) # this may be such a test
		[ -x "$root/${command##* }" ] || complain "no such script: $command"
		return
		;;
	*--fail-on*) want='[01]' ;; # as the machine is
	esac
	if grep -qE 'lostsock (top|replay)' <<<"$command" && ! grep -qE -- '--(once|json)' <<<"$command"; then
		# In the foreground: a screen that a shell started in the background would be stopped.
		timeout -k 2 30 script -qec "exec timeout --foreground -k 5 -s INT 3 $command" /dev/null \
			</dev/null >out 2>&1 || status=$?
		[ $status -ne 124 ] || status=0
	else
		timeout 30 bash -o pipefail -c "$command" >out 2>&1 </dev/null || status=$?
	fi
	# shellcheck disable=SC2053 # a pattern
	[[ $status == $want ]] || complain "exit status $status: $command"$'\n'"$(head -n 5 out)"
	[ -s out ] || complain "prints nothing: $command"
}

mkdir "$TMPDIR/try" && cd "$TMPDIR/try" || exit
echo 'class:unread comm:no-such' >known.supp
mkdir build && ln -s "$LOSTSOCK" build/lostsock
export PATH=$PWD/build:$PATH TERM=screen
number=0
load close-wait --leaky
while IFS= read -r command; do
	run "$command" </dev/null
	number=$((number + 1))
done < <(for document in "${documents[@]}"; do commands "$document"; done; examples)
[ $number -ge 8 ] || complain "only $number commands in all documents"

for document in "${documents[@]}" "$root/CHANGELOG.md"; do
	while IFS= read -r verb; do
		is_verb "$verb" || complain "${document##*/}: no verb of make: $verb"
	done < <(grep -oE '`(sudo )?make [a-z0-9-]+' "$document" | awk '{ print $NF }')
	while IFS= read -r link; do
		[ -e "${document%/*}/$link" ] || complain "${document##*/}: a dead link: $link"
	done < <(grep -oE '\]\([^)#]+' "$document" | cut -c3- | grep -v '^https\?:')
done

# --- options ---

# "--name top,replay" for each: the verbs that take it.
options=$(for verb in top attach run record replay export doctor; do
	"$LOSTSOCK" $verb --help | sed -nE "s/^  (-., |    )(--[a-z.-]+) .*/\2 $verb/p"
done | awk '{ verbs[$1] = verbs[$1] "," $2 } END { for (o in verbs) print o, substr(verbs[o], 2) }')

in_man=$(awk '/^\.Sh /{ inside = $2 == "OPTIONS" }
	function done() { if (option) print option, verbs }
	inside && /^\.(It|El)/ {
		done(); option = ""
		if (match($0, /Fl -[a-z.-]+/)) option = "--" substr($0, RSTART + 4, RLENGTH - 4)
		verbs = "top,replay"
	}
	inside && /^\.Pq/ { verbs = substr($0, 5); gsub(/, /, ",", verbs) }' "$man" |
	sed 's/all verbs/top,attach,run,record,replay,export,doctor/; /^--version /d')
same "options of the program (<) and of lostsock(8) (>)" "$options" "$in_man"

names=$(cut -d' ' -f1 <<<"$options")
same "options of the program (<) and of the completion (>)" "$names"$'\n--version' \
	"$(sed -n '/local options=/,/'\''$/p' "$root/docs/completion/lostsock.bash" | grep -oE -- '--[a-z.-]+')"

for document in "${documents[@]}" "$man"; do
	while IFS= read -r option; do
		grep -qxF -- "$option" <<<"$names" || complain "${document##*/}: no option $option"
	done < <(sed '/^```sh ./,/^```$/d' "$document" | grep -E 'lostsock|^[^`]*`--' | grep -oE -- '(^|[ `"])--[a-z]([a-z.-]*[a-z])?' | tr -d ' `"')
done

# --- classes: name, kind, threshold ---

classes=$("$LOSTSOCK" top --class help | awk '{ print $1, $2, $3 }')
[ "$(wc -l <<<"$classes")" -ge 10 ] || complain "--class help: $classes"
same "classes of the program (<) and of RULES.md (>)" "$classes" "$(
	sed -nE 's/^\| `([a-z-]+)` \| (leak|stall) \| [^0-9|]*([0-9]+) (s|m|h)[^|]*\|.*/\1 \2 \3\4/p' \
		"$root/docs/RULES.md"
)"
same "classes of the program (<) and of lostsock(8) (>)" "$classes" \
	"$(sed -nE 's/^\.It Cm ([a-z-]+) Ta ([a-z]+) Ta ([0-9a-z]+) Ta .*/\1 \2 \3/p' "$man")"
same "classes of the program (<) and of the completion (>)" "$(cut -d' ' -f1 <<<"$classes")" \
	"$(sed -n '/local classes=/,/'\''$/p' "$root/docs/completion/lostsock.bash" |
		sed "s/.*classes='//; s/'//" | tr -s ' \t' '\n' | grep .)"

# --- keys, from the table that the help screen prints ---

keys=$(mandoc -T ascii "$man" 2>/dev/null | sed 's/.\x08//g' | sed -n '/^KEYS/,/^[A-JL-Z]/p' | tr -s ' ,;.' '\n')
if [ -z "$keys" ]; then
	say "mandoc is not installed: the keys are not compared"
else
	while IFS= read -r key; do
		grep -qxF -- "$key" <<<"$keys" || complain "lostsock(8) does not name the key $key"
	done < <(grep -oE 'TOP_[A-Z_]+, "[^"]+"' "$root/src/view/top_keys.c" | cut -d'"' -f2 | tr ' ' '\n' | sort -u)
fi

# --- JSON: what a recording shows of each member, and what the reference says ---

load close-wait --leaky
same "members in the JSON (<) and in JSON.md (>)" \
	"$({
		"$LOSTSOCK" replay "$root/tests/golden/classes.lsk" --json --all --after 1s
		"$LOSTSOCK" replay "$root/tests/golden/streams.lsk" --json --all --once
		"$LOSTSOCK" attach "$PID" --json --for 2s --after 1s --suppress known.supp 2>/dev/null
	} | jq -rs '[.. | objects | keys[]] | unique[]' | grep -vxE 'opener')" \
	"$(sed -nE 's/^\| `([a-z_]+)` \|.*/\1/p' "$root/docs/JSON.md" | grep -vxE 'opener')"

[ $wrong -eq 0 ] || fail "the documents and the program differ"
