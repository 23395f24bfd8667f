# shellcheck shell=bash
# shellcheck disable=SC2154,SC2317  # set by who sources it; called through trap and until_true
# agora-fcgi behind an nginx of its own, until a signal: what nginx/serve and the container
# (conf/container/start) have in common.  They source it and set
#   me        their name, for messages
#   top       where nginx/ and conf/nginx are
#   env_file  the settings file, or nothing
#   port      the port, or nothing: choose_port finds it then
#   address   what nginx listens on
#   patience  seconds in which nginx finishes what is under way when it is stopped
#   more      lines for nginx's server { }

PATH=$PATH:/usr/sbin:/sbin
declare -A pid=()
run=''

die() {
	printf '%s: %s\n' "$me" "$2" >&2
	exit "$1"
}

# setting NAME: from the environment, else from the .env file, else empty.  The responder reads that
# file in full; what is wanted here are ports and origins, so quotes and comments are enough.
setting() {
	local value=${!1-}
	if [[ -z $value && -n $env_file ]]; then
		value=$(sed -nE "s/^[[:blank:]]*(export[[:blank:]]+)?$1[[:blank:]]*=[[:blank:]]*//p" \
			"$env_file" | tail -n 1)
		case $value in
		\"*) value=${value#\"} value=${value%%\"*} ;;
		\'*) value=${value#\'} value=${value%%\'*} ;;
		*) value=$(sed -E 's/(^|[[:space:]]+)#.*//; s/[[:space:]]+$//' <<<"$value") ;;
		esac
	fi
	printf '%s' "$value"
}

choose_port() {
	local from=--port name
	for name in SERVER_PORT PORT; do
		[[ -n $port ]] || { port=$(setting $name) from=$name; }
	done
	port=${port:-8080}
	[[ $port =~ ^[1-9][0-9]{0,4}$ && $port -le 65535 ]] ||
		die 78 "$from: must be a port, 1 to 65535, and is \"$port\""
	[[ $EUID -eq 0 || $port -ge $(</proc/sys/net/ipv4/ip_unprivileged_port_start) ]] ||
		die 69 "port $port is for root only; choose one from 1024 on with $from"
}

# refuse_a_taken_port NAME: of what another is chosen with.
refuse_a_taken_port() {
	! (: >"/dev/tcp/127.0.0.1/$port") 2>/dev/null ||
		die 69 "port $port on 127.0.0.1 is taken; choose another with $1"
}

# end NAME SIGNAL: asks it to end, waits, and ends what is left of its group if it was killed.
end() {
	local id=${pid[$1]-}
	[[ -n $id ]] || return 0
	kill "-$2" "$id" 2>/dev/null || true
	wait "$id" 2>/dev/null || true # bash would tell of a death by a signal
	kill -KILL -- "-$id" 2>/dev/null || true
}

stop() {
	trap '' INT TERM HUP
	# nginx first: it finishes what it has begun, and needs the responder for that.
	end nginx QUIT
	end agora-fcgi TERM
	end simulator TERM
	rm -rf "$run"
}

# A runtime directory, where one can be: a container's root may be read-only.  Root's nginx has its
# workers run as www-data: they may enter the directory and use the socket.
make_runtime_directory() {
	local where=("${TMPDIR:-/tmp}" /run)
	[[ $EUID -ne 0 ]] || where=(/run /tmp)
	for where in "${where[@]}" /dev/shm; do
		run=$(mktemp -d "$where/agora-serve.XXXXXX" 2>/dev/null) && break
	done
	[[ -n $run ]] || die 73 'no place for the runtime directory: /tmp, /run and /dev/shm cannot be written'
	export SOCKET_MODE=0660 SOCKET_GROUP
	if [[ $EUID -eq 0 ]]; then
		install -d -g www-data -m 750 "$run"
		SOCKET_GROUP=www-data
	else
		# In a container the group may have no name; it is the program's anyway.
		SOCKET_GROUP=$(id -gn 2>/dev/null) || SOCKET_GROUP=''
	fi
	mkfifo "$run/pause"
	exec 3<>"$run/pause"
}

# The page for people, for whom CONSOLE says; copied, because www-data may not be let into the tree.
console_conf() {
	local who access='' base
	who=$(setting CONSOLE) base=$(setting BASE_PATH)
	[[ -n $who && $who != off ]] || return 0
	[[ $who == on ]] || access='allow 127.0.0.1; allow ::1; deny all;'
	install -d "$run/console"
	install -p -m 644 "$top"/nginx/console/* ${build:+"$build/nginx/console/api.html"} "$run/console"
	printf 'location = %s/console { absolute_redirect off; return 301 %s/console/; }
        location %s/console/ { alias %s/console/; %s include agora/agora-console.conf; }' \
		"$base" "$base" "$base" "$run" "$access"
}

# As ALLOWED_HOSTS of nginx/serve and the container's run, where nothing is said: this machine.
own_hosts() {
	local name
	name=$(uname -n)
	[[ $name =~ ^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$ && ! $name =~ (^|\.)[0-9]+$ ]] || name=''
	printf 'localhost,127.0.0.1,[::1]%s' "${name:+,$name}"
}

# door_conf: with ALLOWED_HOSTS, who comes by another name (DNS rebinding) gets 421 from the
# responder, whatever he asks for, and never the console; /livez and /readyz answer.  The names are
# the other server's.
door_conf() {
	local elsewhere='' entry listed names
	[[ -n $(setting ALLOWED_HOSTS) ]] || return 0
	[[ -z $(setting BASE_PATH) ]] ||
		elsewhere='location / { error_page 421 /.agora-error; return 421; }'
	printf 'server { listen %s:%s default_server; server_name _; include agora/agora-server.conf; %s }\n' \
		"$address" "$port" "$elsewhere" >"$run/door.conf"

	# IP addresses cannot be rebound, and what has no Host is no browser.
	names='"" "~^[0-9]+\.[0-9]+\.[0-9]+\.[0-9]+$" "~^\[[0-9a-f:.]+\]$"'
	IFS=, read -ra listed <<<"$(setting ALLOWED_HOSTS)"
	for entry in "${listed[@]}"; do
		entry=${entry//[[:blank:]]/} entry=${entry,,} entry=${entry%.}
		# Addresses are there already; else it is as agora-fcgi --check-config took it.
		[[ ! $entry =~ ^(\*\.)?[a-z0-9_-]+(\.[a-z0-9_-]+)*$ || $entry =~ \.[0-9]+$ ]] ||
			names+=" $entry"
	done
	more+=$'\n'"server_name $names;"
}

render_nginx_conf() {
	local conf user='' origin listed origins='' console base
	console=$(console_conf)
	door_conf
	[[ $EUID -ne 0 ]] || user='user www-data;'

	# For the errors that nginx answers itself.
	IFS=, read -ra listed <<<"$(setting CORS_ALLOW_ORIGIN)"
	for origin in "${listed[@]}"; do
		# As browsers write it; what the responder refuses ends it with the reason.
		origin=${origin//[[:space:]]/} origin=${origin,,} origin=${origin%/}
		case $origin in
		http://*:80) origin=${origin%:80} ;;
		https://*:443) origin=${origin%:443} ;;
		esac
		if [[ $origin == '*' ]]; then
			origins+='"~^[!-~]{1,512}$" 1;'
		elif [[ $origin =~ ^(https?://)\*(\.[a-z0-9._-]+(:[0-9]+)?)$ ]]; then
			origins+="\"~^${BASH_REMATCH[1]}([a-z0-9_-]+\\.)*[a-z0-9_-]+${BASH_REMATCH[2]//./\\.}\$\" 1;"
		elif [[ $origin =~ ^(null|[a-z][a-z0-9+.-]*://[][a-z0-9.:_-]+)$ ]]; then
			origins+="\"$origin\" 1;"
		fi
	done

	conf=$(<"$top/nginx/nginx.conf.in")
	conf=${conf//@USER@/"$user"}
	conf=${conf//@PATIENCE@/"$patience"}
	conf=${conf//@RUN@/"$run"}
	conf=${conf//@ADDRESS@/"$address"}
	conf=${conf//@PORT@/"$port"}
	conf=${conf//@ORIGINS@/"$origins"}
	conf=${conf//@MORE@/"$more"}
	conf=${conf//@CONSOLE@/"$console"}
	printf '%s\n' "$conf" >"$run/nginx.conf"

	# Below BASE_PATH the locations are as agora-server.conf says for a part of a site.
	install -d "$run/agora"
	install -m 644 "$top"/conf/nginx/*.conf "$run/agora"
	base=$(setting BASE_PATH)
	[[ $base =~ ^[A-Za-z0-9/._~-]*$ ]] ||
		die 78 'BASE_PATH: here it may have only letters, digits and /._~-'
	[[ -z $base ]] || sed -i -E "\|^location = /\.agora|!s|^location (= )?/|location \1$base/|" \
		"$run/agora/agora-server.conf"
}

# pause SECONDS: sleep, but a signal ends it.
pause() {
	read -r -t "$1" -u 3 || true
}

# both_run: as far as they were started; else `name` ended, with `status`.
both_run() {
	for name in "${!pid[@]}"; do
		! kill -0 "${pid[$name]}" 2>/dev/null || continue
		status=0
		wait "${pid[$name]}" 2>/dev/null || status=$?
		return 1
	done
}

# until_true CONDITION...: waits for it, at most 10 seconds.
until_true() {
	local end=$((SECONDS + 10))
	until "$@"; do
		both_run || die 1 "$name did not start (status $status); its reason is above"
		[[ $SECONDS -lt $end ]] || die 1 'no answer within 10 seconds'
		pause 0.02
	done
}

ping_answers() {
	(
		exec 3<>"/dev/tcp/127.0.0.1/$port"
		base=$(setting BASE_PATH)
		printf 'GET %s/ping HTTP/1.0\r\n\r\n' "$base" >&3
		IFS= read -r -t 2 line <&3
		[[ $line == *' 200 '* ]]
	) 2>/dev/null
}

# start NAME COMMAND...: in a process group of its own (set -m), so that Ctrl-C reaches this script
# alone, which stops them in order; and should this be killed, they end too.
start() {
	set -m
	setpriv --pdeathsig TERM "${@:2}" </dev/null 3<&- &
	set +m
	pid[$1]=$!
}

# start_both COMMAND...: agora-fcgi, by this command, and nginx before it; returns when both answer.
start_both() {
	start agora-fcgi "$@" --socket "$run/fcgi.sock"
	until_true test -S "$run/fcgi.sock"
	start nginx nginx -e stderr -p "$run" -c "$run/nginx.conf"
	until_true ping_answers
}

# watch_both: until one ends by itself, which stops the other too.
watch_both() {
	while both_run; do
		pause 0.2
	done
	trap - EXIT
	stop
	die 1 "$name ended by itself (status $status), so all is stopped"
}
