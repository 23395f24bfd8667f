# shellcheck shell=bash
# Completion of agora-token(1).  The program knows its commands and options best, so it is asked.

_agora_token() {
	local program=${COMP_WORDS[0]} word=${COMP_WORDS[COMP_CWORD]} words=''

	COMPREPLY=()
	case ${COMP_WORDS[COMP_CWORD - 1]} in
	--env-file | --socket)
		mapfile -t COMPREPLY < <(compgen -f -- "$word")
		return
		;;
	--dir)
		mapfile -t COMPREPLY < <(compgen -d -- "$word")
		return
		;;
	--group)
		mapfile -t COMPREPLY < <(compgen -g -- "$word")
		return
		;;
	--type) words='rtc rtm chat apaas fpa streaming fcdn rtm2 convoai stt' ;;
	--role) words='publisher subscriber' ;;
	--json | --force | [!-]* | -)
		if [[ $COMP_CWORD -eq 1 ]]; then
			words="$("$program" --complete 2>/dev/null) --help --version"
		else
			words="$("$program" --complete "${COMP_WORDS[1]}" 2>/dev/null) --help"
		fi
		;;
	esac
	mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
}

complete -F _agora_token agora-token
