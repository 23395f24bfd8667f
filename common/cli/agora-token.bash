# shellcheck shell=bash
# Completion of agora-token(1).  The program knows its commands, their options and what these take,
# so it is asked.

_agora_token() {
	local program=${COMP_WORDS[0]} word=${COMP_WORDS[COMP_CWORD]} words
	local command=${COMP_WORDS[1]} before=${COMP_WORDS[COMP_CWORD - 1]}

	COMPREPLY=()
	# Bash takes --name=value for three words.
	if [[ $word == '=' ]]; then
		word=''
	elif [[ $before == '=' ]]; then
		before=${COMP_WORDS[COMP_CWORD - 2]}
	fi
	if [[ $COMP_CWORD -eq 1 ]]; then
		words="$("$program" --complete 2>/dev/null) help version --help --version"
	elif [[ $command == help && $COMP_CWORD -eq 2 ]]; then
		words=$("$program" --complete 2>/dev/null)
	else
		words=''
		[[ $before != --* ]] || words=$("$program" --complete "$command" "$before" 2>/dev/null)
		case $words in
		:files) mapfile -t COMPREPLY < <(compgen -f -- "$word") ;;
		:directories) mapfile -t COMPREPLY < <(compgen -d -- "$word") ;;
		:groups) mapfile -t COMPREPLY < <(compgen -g -- "$word") ;;
		esac
		[[ $words != :* ]] || return
		if [[ $command == audit && $COMP_CWORD -gt 2 && -z $words && $word != -* ]]; then
			mapfile -t COMPREPLY < <(compgen -f -- "$word")
			return
		fi
		[[ -n $words ]] || words="$("$program" --complete "$command" 2>/dev/null) --help"
		[[ $words != ' --help' ]] || words=''
	fi
	mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
}

complete -F _agora_token agora-token
