# Runs a program until it ends, or until standard input does: when a connection is lost, the program that wrote to it is
# ended at once, and not by the next line it writes. The words of the program are the arguments. POSIX sh.
exec 3<&0
"$@" </dev/null 3<&- &
child=$!
# Nobody writes to it: what is waited for is the end. A builtin, so that no process is left when this shell is killed.
{
	exec 0<&3 3<&- >/dev/null 2>&1
	while read -r _; do
		:
	done
	kill -9 "$child"
} &
watch=$!
exec 3<&- </dev/null 2>/dev/null
wait "$child"
code=$?
kill -9 "$watch" 2>/dev/null
exit "$code"
