# Brings a checkout to the state of its remote's branch, and its containers with it, as the owner of the folder. Words: FOLDER.
folder=$1
phase=begin

fail() {
	mark end "failed $phase: $1"
	echo "pilothouse: $phase failed: $1"
	exit 1
}

# The first line of what a program said, short.
said_first() {
	printf '%s\n' "$1" | grep -v '^ *$' | head -n 1 | cut -c 1-120
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

# What was changed there is somebody's: to keep or to throw away is theirs.
changed=$(as_owner git status --porcelain --untracked-files=no) || fail "git can not tell what was changed in $folder"
[ -z "$changed" ] || fail "files were changed there and not committed: $(said_first "$changed")"

begin fetch
said=$(as_owner git fetch --prune </dev/null 2>&1) || {
	printf '%s\n' "$said"
	fail "the remote of $upstream can not be fetched: $(said_first "$said")"
}

begin forward
from=$(as_owner git rev-parse --short HEAD)
own=$(as_owner git rev-list --count "$upstream..HEAD") || fail "$upstream is not there any more"
[ "$own" = 0 ] || fail "$branch has commits that $upstream does not have: $own"
said=$(as_owner git merge --ff-only "$upstream" 2>&1) || {
	printf '%s\n' "$said"
	fail "it can not be brought to $upstream: $(said_first "$said")"
}
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
