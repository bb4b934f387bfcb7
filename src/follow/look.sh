# What is known of a followed file, its rotated siblings and the clock of the host.
# $1 path, $2 the inode that was read last, or nothing. POSIX sh with stat, find and date, GNU's or busybox's.
LC_ALL=C
export LC_ALL
date "+now %s %z"
{
	stat -L -c "f %i %s %Y %F|%n" "$1"
	# More siblings than fit on a command line are none; the file itself is found all the same.
	stat -L -c "f %i %s %Y %F|%n" "$1".* "$1"-*
	[ -z "$2" ] || find "${1%/*}/" -maxdepth 1 -inum "$2" -exec stat -L -c "f %i %s %Y %F|%n" {} \;
} 2>/dev/null | head -n 500
if [ -r "$1" ]; then
	echo ok
elif [ -e "$1" ]; then
	stat -L -c "refused %U %G" "$1"
elif [ -d "${1%/*}/" ] && [ ! -x "${1%/*}/" ]; then
	stat -L -c "refused %U %G" "${1%/*}/"
else
	echo absent
fi
