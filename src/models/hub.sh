# The hub's cache, as its own programs find it. POSIX sh: dash, bash, zsh and busybox read it alike.
LC_ALL=C
export LC_ALL
hub=${HF_HUB_CACHE:-${HUGGINGFACE_HUB_CACHE:-}}
[ -n "$hub" ] || hub=${HF_HOME:-${XDG_CACHE_HOME:-${HOME:-}/.cache}/huggingface}/hub

say() {
	printf '%s\n' "$*"
}
