# Puts files into a container again and restarts it. What was there is kept beside it, once. Words: CONTAINER FOLDER PLACE… ; the
# file for the first place is FOLDER/1, for the next FOLDER/2.
container=$1
folder=$2
shift 2
phase=begin

leave() {
	rm -rf "${folder:?}"
}
trap leave EXIT
trap 'exit 143' TERM

fail() {
	mark end "failed $phase: $1"
	echo "pilothouse: $phase failed: $1"
	exit 1
}

command -v docker >/dev/null || fail 'docker is not installed on this host'
docker inspect --type container "$container" >/dev/null 2>&1 || fail "there is no container $container"

phase=copy
mark phase copy
number=0
for place in "$@"; do
	number=$((number + 1))
	mark file "$number of $# $place"
	kept=$place.pilothouse-original
	rm -rf "$folder/now"
	chmod 644 "$folder/$number" || fail "the file for $place did not arrive"
	if docker cp "$container:$place" "$folder/now" >/dev/null 2>&1; then
		[ ! -x "$folder/now" ] || chmod 755 "$folder/$number"
		if ! docker cp "$container:$kept" - >/dev/null 2>&1; then
			docker cp "$folder/now" "$container:$kept" >/dev/null || fail "what is at $place can not be kept"
			echo "pilothouse: what was at $place is kept as $kept"
		fi
	else
		echo "pilothouse: nothing was at $place"
	fi
	docker cp "$folder/$number" "$container:$place" >/dev/null || fail "$place can not be written"
	echo "pilothouse: $place is put in"
done

phase=restart
mark phase restart
docker restart "$container" >/dev/null || fail "$container can not be restarted"
mark phase 'done'
mark end "done $number files"
