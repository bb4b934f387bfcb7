# Follows one file from one byte on, until it is not the one of its name any more.
# $1 path, $2 inode, $3 first byte wanted, counted from 1, $4 nonce. POSIX sh; no process for each beat.
#
# Standard output is the file, and when tail has ended, a line end and the nonce on a line of its own. Standard error
# answers each line of input: NONCE WORD POSITION, where the position is how far tail has read. The words: `at`, `away`
# (no file of this name), `replaced`, `truncated`, `over`. After one of the last three a line of input ends it.
LC_ALL=C
export LC_ALL
# A pipe of that name would be waited for.
[ -f "$1" ] || exit 66
exec 3<"$1" || exit 66
[ "$(stat -L -c %i /proc/self/fd/3)" = "$2" ] || exit 67
mine=/proc/$$/fd/3
pace=
tail -s 0.2 -c 1 /dev/null 2>/dev/null && pace="-s 0.2"
# Busybox has a tail that reads all that comes before; GNU's goes there, and wants to know where it is.
from=$3
case $(tail --help 2>&1) in
BusyBox*) dd bs=1 "skip=$(($3 - 1))" count=0 <&3 2>/dev/null && from=1 ;;
esac
tail $pace -c "+$from" -f <&3 2>/dev/null &
t=$!
trap 'kill "$t" 2>/dev/null' EXIT
# Until tail has found its place, it counts as being there.
begin=$(($3 - 1))
seen=-1
idle=0
position() {
	while read -r k v; do
		[ "$k" != pos: ] || pos=$v
	done <"/proc/$$/fdinfo/3"
	[ -n "$begin" ] || return
	[ "$pos" -ne "$seen" ] || idle=$((idle + 1))
	seen=$pos
	if [ "$pos" -ge "$begin" ] || [ "$idle" -gt 3 ]; then
		begin=
	else
		pos=$begin
	fi
}
last=0
turns=0
while read -r beat; do
	position
	word='at'
	# shellcheck disable=SC3013 # dash and busybox have it
	if [ "$1" -ef "$mine" ]; then
		turns=0
	elif [ -e "$1" ]; then
		# Its writer may hold the old one for a moment longer.
		turns=$((turns + 1))
		[ "$turns" -lt 2 ] || word=replaced
	else
		word=away
	fi
	[ "$pos" -ge "$last" ] || word=truncated
	[ -e "/proc/$t/fdinfo/0" ] || word=over
	[ "$beat" != truncated ] || word=truncated
	last=$pos
	case $word in
	at | away) echo "$4 $word $pos" >&2 ;;
	*) break ;;
	esac
done
[ -n "$word" ] || exit
kill "$t" 2>/dev/null
wait "$t" 2>/dev/null
position
echo "$4 $word $pos" >&2
read -r beat
printf "\n%s\n" "$4"
