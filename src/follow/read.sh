# A part of a file. $1 its name, $2 its inode, $3 its first byte wanted, counted from 1, $4 the most bytes.
# A pipe of that name would be waited for.
[ -f "$1" ] || exit 66
exec 3<"$1" || exit 66
[ "$(stat -L -c %i /proc/self/fd/3)" = "$2" ] || exit 67
exec 2>/dev/null
# Not by a tail: busybox has one that reads all that comes before.
dd bs=1 "skip=$(($3 - 1))" count=0 <&3
head -c "$4" <&3
