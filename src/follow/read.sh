# A part of a file. $1 its name, $2 its inode, $3 its first byte wanted, counted from 1, $4 the most bytes.
# A pipe of that name would be waited for.
[ -f "$1" ] || exit 66
exec 3<"$1" || exit 66
[ "$(stat -L -c %i /proc/self/fd/3)" = "$2" ] || exit 67
exec 2>/dev/null
tail -c "+$3" <&3 | head -c "$4"
