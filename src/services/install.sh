# Installs a service's container: its image is pulled or built, then it is run anew, then its health is waited for. Words are pairs
# of a name and a value, `env` as often as there are variables. Standard input: NGC's key, or nothing.
kind=
image=
name=
service=
port=
inside=
volume=
place=
memory=
gpus=0
health=/health
context=
every=2
envs=0
phase=begin
started=
config=

fail() {
	mark end "failed $phase: $1"
	echo "pilothouse: $phase failed: $1"
	exit 1
}

begin() {
	phase=$1
	mark phase "$1"
	echo "pilothouse: $1"
}

leave() {
	[ -z "$config" ] || rm -rf "${config:?}"
	[ -z "$context" ] || rm -rf "${context:?}"
}

# What was begun is taken away again.
cancelled() {
	trap '' TERM
	[ -z "$started" ] || docker rm --force "$name" >/dev/null 2>&1
	mark end 'cancelled'
	exit 143
}

# Whether the page answers 2xx. 2: this host has nothing to ask with.
healthy() {
	_url=http://127.0.0.1:$port$health
	if command -v curl >/dev/null; then
		curl --fail --silent --output /dev/null --max-time 5 "$_url"
	elif command -v wget >/dev/null; then
		wget -q -O /dev/null -T 5 "$_url"
	elif command -v python3 >/dev/null; then
		python3 -c 'import sys, urllib.request; urllib.request.urlopen(sys.argv[1], timeout=5)' "$_url" 2>/dev/null
	else
		return 2
	fi
}

state() {
	docker inspect --type container --format '{{.State.Status}} {{.State.ExitCode}} {{.RestartCount}}' "$name" 2>/dev/null
}

IFS= read -r key || :
first=$#
while [ "$first" -gt 1 ]; do
	case $1 in
	kind | image | name | service | port | inside | volume | place | memory | gpus | health | context | every) eval "$1=\$2" ;;
	env)
		envs=$((envs + 1))
		set -- "$@" --env "$2"
		;;
	esac
	shift 2
	first=$((first - 2))
done
trap leave EXIT
trap cancelled TERM

command -v docker >/dev/null || fail 'docker is not installed on this host'
config=$(mktemp -d) || fail 'no folder can be made in the place for such'
# A container that somebody else made is not replaced.
if owner=$(docker inspect --type container --format '{{index .Config.Labels "pilothouse.service"}}' "$name" 2>/dev/null); then
	[ "$owner" = "$service" ] || fail "there is a container $name that was not installed from here"
fi

case $kind in
nim)
	begin login
	[ -n "$key" ] || fail 'there is no key of NGC'
	# The key is kept in no file that stays.
	# shellcheck disable=SC2016 # that is the name of every login there
	printf '%s' "$key" | DOCKER_CONFIG=$config docker login --username '$oauthtoken' --password-stdin "${image%%/*}" ||
		fail "${image%%/*} does not take the key"
	begin pull
	DOCKER_CONFIG=$config docker pull "$image" || fail "$image can not be pulled"
	NGC_API_KEY=$key
	export NGC_API_KEY
	set -- "$@" --env NGC_API_KEY --shm-size 16g
	;;
pull)
	begin pull
	docker pull "$image" || fail "$image can not be pulled"
	;;
build)
	begin build
	docker build --tag "$image" "$context" || fail "$image can not be built"
	;;
*) fail "nobody knows how to install $kind" ;;
esac

begin run
if docker inspect --type container "$name" >/dev/null 2>&1; then
	docker rm --force "$name" >/dev/null || fail "the container that was there can not be removed"
fi
[ -z "$memory" ] || set -- "$@" --memory "${memory}m" --memory-swap "${memory}m"
[ "$gpus" = 0 ] || set -- "$@" --gpus all
[ -z "$volume" ] || set -- "$@" --volume "$volume:$place"
started=1
docker run --detach --name "$name" --restart unless-stopped --label "pilothouse.service=$service" \
	--publish "$port:$inside" "$@" "$image" || fail "$name can not be run"

begin health
until healthy; do
	[ $? -ne 2 ] || {
		mark end 'unknown this host has neither curl nor wget nor python3 to ask it with'
		exit 0
	}
	_state=$(state) || fail "$name is gone"
	case $_state in
	running*' 0') ;;
	*) fail "$name is $_state: $(docker logs --tail 1 "$name" 2>&1 | cut -c 1-120)" ;;
	esac
	sleep "$every"
done
mark phase 'done'
mark end "done $image"
