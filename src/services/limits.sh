# Restarts that the deep look of any console had done to a service of this host: at most 3 in 30 minutes, 120 s apart. After the
# functions of jobs. Words: BASE VERB FILE NOW ; BASE and NOW may be empty, VERB is `claim` or `look`.
umask 077
base=$1
verb=$2
file=$3
now=$4
[ -n "$base" ] || base=${HOME:?}/.pilothouse
folder=$base/services

echo 'pilothouse-limits 1'

over() {
	echo "$1"
	echo end
	exit 0
}

mkdir -p "$folder" 2>/dev/null || over "refused $folder can not be written"
lock "$folder/$file.lock" 500 || over "refused $folder/$file.lock is held by somebody"
[ -n "$now" ] || now=$(date +%s)
echo "now $now"

kept=
recent=0
fresh=0
while read -r at; do
	case $at in
	'' | *[!0-9]*) continue ;;
	esac
	[ "${#at}" -le 12 ] || continue
	age=$((now - at))
	# A clock that was set back: what lies ahead is as good as now.
	[ "$age" -ge 0 ] || age=0
	[ "$age" -lt 1800 ] || continue
	[ "$recent" -lt 100 ] || continue
	recent=$((recent + 1))
	[ "$age" -ge 120 ] || fresh=1
	kept="$kept$at
"
	echo "at $at"
done 2>/dev/null <"$folder/$file"

[ "$verb" = claim ] || over looked
[ "$recent" -lt 3 ] || over held
[ "$fresh" = 0 ] || over held
printf '%s%s\n' "$kept" "$now" | write_whole "$folder/$file" || over "refused $folder can not be written"
over go
