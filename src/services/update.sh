# Brings a checkout to the state of its remote's branch, and its containers with it, as the owner of the folder. Words: FOLDER.
folder=$1
phase=begin

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

owner=$(stat -c %U "$folder" 2>/dev/null) || fail "$folder is not there"
me=$(id -un)

as_owner() {
	if [ "$owner" = "$me" ]; then
		"$@"
	elif [ "$(id -u)" = 0 ] && command -v runuser >/dev/null; then
		runuser -u "$owner" -- "$@"
	else
		sudo -n -u "$owner" -- "$@"
	fi
}

# Nobody is there to be asked.
export GIT_TERMINAL_PROMPT=0
cd "$folder" || fail "$folder can not be entered"
as_owner git rev-parse --git-dir >/dev/null || fail "$folder is no checkout that $owner may use from here"
branch=$(as_owner git symbolic-ref --quiet --short HEAD) || fail 'no branch is checked out there'
upstream=$(as_owner git rev-parse --abbrev-ref --symbolic-full-name '@{upstream}' 2>/dev/null) ||
	fail "the branch $branch follows no branch of a remote"

begin fetch
as_owner git fetch --prune </dev/null || fail "the remote of $upstream can not be fetched"

begin reset
from=$(as_owner git rev-parse --short HEAD)
# What is there can be had back.
kept=$(as_owner git stash create) || kept=
as_owner git update-ref refs/pilothouse/before-update "${kept:-HEAD}" || fail 'the present state can not be kept'
[ -z "$kept" ] || echo "pilothouse: changes that were not committed are kept as refs/pilothouse/before-update"
as_owner git reset --hard "$upstream" || fail "it can not be reset to $upstream"
to=$(as_owner git rev-parse --short HEAD)
mark moved "$from $to"

begin up
if as_owner docker compose version >/dev/null 2>&1; then
	as_owner docker compose up --build --detach </dev/null || fail 'compose did not bring it up'
elif command -v docker-compose >/dev/null; then
	as_owner docker-compose up --build --detach </dev/null || fail 'compose did not bring it up'
else
	fail 'compose is not installed on this host'
fi
mark phase 'done'
mark end "done $from to $to"
