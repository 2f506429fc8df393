# SPDX-License-Identifier: BSD-2-Clause
#
# bash completion for lostsock.

_lostsock() {
	local verbs='top attach run record replay export doctor'
	local classes='close-wait dead-fd half-closed silent-peer expect-body unread unsent never-used
		connecting not-accepted inherited growth aborted died-holding task-stuck task-growth
		left-open stream-half-open stream-growth stream-starved miscount'
	local options='--pid --cgroup --netns --container --comm --class --after --interval --for --count
		--once --sort --columns --json --all --color --fail-on --settle --suppress --report --junit
		--user --speed --stacks --streams --stream-probe --ring-pages --web.listen-address
		--web.telemetry-path --web.config.file --max-names
		--max-connections --by-pid
		--verbose --help --version'
	local columns='pid comm container live leaked stalled opened_s closed_s oldest trend class threads
		netns aborted streams half_open'
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} verb='' i

	COMPREPLY=()
	# bash splits at "=": CLASS=DURATION arrives as three words.
	if [[ $cur == = ]]; then
		cur=''
	elif [[ $prev == = ]] && ((COMP_CWORD >= 2)); then
		prev=${COMP_WORDS[COMP_CWORD - 2]}
	fi

	for ((i = 1; i < COMP_CWORD; i++)); do
		if [[ " $verbs " == *" ${COMP_WORDS[i]} "* ]]; then
			verb=${COMP_WORDS[i]}
			break
		fi
	done

	case $prev in
	--class)
		mapfile -t COMPREPLY < <(compgen -W "$classes help" -- "$cur")
		return
		;;
	--fail-on)
		mapfile -t COMPREPLY < <(compgen -W "$classes any" -- "$cur")
		return
		;;
	--after)
		mapfile -t COMPREPLY < <(compgen -W "$classes" -- "$cur")
		return
		;;
	--color)
		mapfile -t COMPREPLY < <(compgen -W 'auto always never' -- "$cur")
		return
		;;
	-p | --pid)
		mapfile -t COMPREPLY < <(cd /proc && compgen -G '[0-9]*' | grep -- "^$cur")
		return
		;;
	--comm)
		mapfile -t COMPREPLY < <(compgen -W "$(cat /proc/[0-9]*/comm 2>/dev/null | tr -c '[:alnum:]._\n-' '_' | sort -u)" -- "$cur")
		return
		;;
	--cgroup)
		compopt -o filenames 2>/dev/null
		mapfile -t COMPREPLY < <(compgen -d -- "$cur")
		return
		;;
	--stacks)
		mapfile -t COMPREPLY < <(compgen -W "$([[ $verb == attach || $verb == run ]] && echo none fp copy || echo none hot all)" -- "$cur")
		return
		;;
	-s | --sort | --columns)
		mapfile -t COMPREPLY < <(compgen -W "$columns help" -- "$cur")
		return
		;;
	--netns)
		mapfile -t COMPREPLY < <(compgen -W "self $(ls /run/netns 2>/dev/null)" -- "$cur")
		return
		;;
	--suppress | --report | --junit | --stream-probe | --web.config.file)
		compopt -o filenames 2>/dev/null
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		return
		;;
	--user)
		mapfile -t COMPREPLY < <(compgen -u -- "$cur")
		return
		;;
	--web.listen-address)
		# bash splits at ":" too: what comes first is all that can be completed.
		mapfile -t COMPREPLY < <(compgen -W '127.0.0.1:9977 unix:/run/lostsock.sock' -- "$cur")
		return
		;;
	--settle | --max-names | --max-connections | --web.telemetry-path | --container | -i | --interval | -n | --count | --for | --speed | --ring-pages)
		return
		;;
	esac

	if [[ $cur == -* ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$options -p -i -n -1 -s -v -h" -- "$cur")
		return
	fi
	case $verb in
	attach)
		mapfile -t COMPREPLY < <(cd /proc && compgen -G '[0-9]*' | grep -- "^$cur")
		;;
	run)
		mapfile -t COMPREPLY < <(compgen -c -- "$cur")
		;;
	record | replay)
		compopt -o filenames 2>/dev/null
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		;;
	'')
		mapfile -t COMPREPLY < <(compgen -W "$verbs" -- "$cur")
		;;
	esac
}

complete -F _lostsock lostsock
