# Whose turn it is to tell the end of a swap, after the functions of jobs: BASE claim|sent WORK; and what a console found that asked
# an engine for a host that has nothing to ask with: BASE ready WORK good|bad WHY.

umask 077
base=$1
[ -n "$base" ] || base=${HOME:?}/.pilothouse
told=$base/models/told
mkdir -p "$told" && lock "$told/lock" 300 || exit 1
case $2 in
claim)
	# What nobody asks about any more.
	find "$told" -type f -mtime +30 -exec rm -f {} + 2>/dev/null
	_was=$(cat "$told/$3" 2>/dev/null)
	if [ "$_was" = sent ] || { [ -n "$_was" ] && [ $(($(date +%s) - _was)) -lt 120 ]; }; then
		echo 'pilothouse-told theirs'
	else
		date +%s | write_whole "$told/$3" && echo 'pilothouse-told ours'
	fi
	;;
sent) echo sent | write_whole "$told/$3" && echo 'pilothouse-told written' ;;
ready)
	printf '%s %s\n' "$4" "$(printf '%s' "$5" | LC_ALL=C tr '\000-\037\177' ' ' | cut -c 1-160)" |
		write_whole "$base/models/ready.$3" && echo 'pilothouse-told written'
	;;
esac
