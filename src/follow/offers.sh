# What this host can be followed by: units, the kernel, files. One line each; bounded by its reader and by head.
LC_ALL=C
export LC_ALL
case ${HOME-} in /*) ;; *) HOME=/nowhere ;; esac
if command -v journalctl >/dev/null && command -v systemctl >/dev/null; then
	systemctl list-units --all --no-legend --no-pager --plain --type=service 2>/dev/null |
		while read -r unit load active sub rest; do
			[ "$load" = loaded ] && echo "u $active $sub $unit"
		done | head -n 400
	journalctl -n 1 -o cat --no-pager 2>&1 >/dev/null | while read -r l; do
		echo "j $l"
	done | head -n 3
fi
journalctl -k -n 1 -o json --no-pager 2>/dev/null | head -c 1 | {
	read -r l
	[ -z "$l" ] || echo "k journal"
}
if [ -e /dev/kmsg ]; then
	dd if=/dev/kmsg bs=16384 count=1 2>&1 >/dev/null | head -n 1 | {
		read -r l
		echo "k $l"
	}
fi
find /var/log "$HOME/.pilothouse" -maxdepth 3 -type f -mtime -30 ! -name "*.gz" ! -name "*.xz" ! -name "*.zst" \
	! -name "*
*" ! -name "*.bz2" ! -name "*.journal*" ! -name "*.[0-9]" ! -name "*tmp" ! -name lastlog ! -name faillog ! -path "*/.pilothouse/*/bin/*" \
	-exec stat -c "f %Y %s %n" {} + 2>/dev/null | sort -rn -k 2 | head -n 200 |
	while read -r _ _ size name; do
		if [ -r "$name" ]; then
			echo "f $size $name"
		else
			echo "r $size $name"
		fi
	done
