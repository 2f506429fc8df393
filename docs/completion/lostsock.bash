# SPDX-License-Identifier: BSD-2-Clause
#
# bash completion for lostsock.

_lostsock() {
	local verbs='top record replay doctor'
	local classes='close-wait dead-fd half-closed silent-peer expect-body unread unsent never-used
		connecting not-accepted inherited growth aborted died-holding stream-half-open
		stream-growth stream-starved task-stuck task-growth miscount'
	local options='--pid --cgroup --container --netns --comm --class --after --interval --sort
		--columns --once --count --for --json --all --color --fail-on --verbose --help --version'
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
	--class | --after | --fail-on)
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
	--container | --netns | --interval | --sort | --columns | --count | --for)
		return
		;;
	esac

	if [[ $cur == -* ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$options -p -v -h" -- "$cur")
		return
	fi
	case $verb in
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
