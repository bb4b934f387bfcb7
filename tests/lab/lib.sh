# Shared by up, down and host: where the lab keeps its things, who lives in it, and how its processes are found again.
# shellcheck shell=bash
#
# The lab is a small fleet of real OpenSSH servers on loopback addresses of this machine: one server, one address, one
# host key for each host. Several labs may stand side by side; each takes a slot, and the slot is in every name.
#
# One Docker Engine of its own (root only) is the container engine of h200, gb10 and boxes: DOCKER_HOST names its socket there.
#
# One host is a virtual machine: `guest` lives, as root, in namespaces of its own (processes, mounts, boot time) below a stand-in
# for QEMU, and the hypervisor `pve` starts and ends it with tests/lab/qm, a stand-in for the tool of Proxmox. The only login of
# `pve` is a key that can do nothing but run Pilothouse's power switch; `tests/lab/host install` puts both there.
#
# Two hosts are a pair of Sparks with networks and container engines of their own: pair.sh.
#
# What it does not have: systemd (no units, no journal: journalctl is a stub that plays $GROUND/journal), PAM (so no
# keyboard-interactive login) and a real GPU (nvidia-smi is a stub).

LAB_DIR=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
LAB_RUN=$LAB_DIR/run
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin

say() { printf 'lab: %s\n' "$*"; }
die() { printf 'lab: %s\n' "$*" >&2; exit 1; }

# NAME  LAST-OCTET  LOGIN-SHELL  WHAT-NVIDIA-SMI-PLAYS  HOST-KEY  WHAT-LETS-ONE-IN
#
# What nvidia-smi plays is a set of tests/lab/bin/nvidia-smi; `tests/lab/host play` changes it while the host runs.
# Only `jump` reaches `behind`. `boxes` is for the tests whose sessions are cut. `flood` is for the benches: its nvidia-smi writes as fast as it can.
lab_hosts() {
    cat <<'HOSTS'
h200      11  bash     h200x8        ed25519  key
rtx       12  zsh      rtx           ecdsa    key
gb10      13  dash     gb10          rsa      key
mig       14  fish     mig           ed25519  key
plain     15  busybox  none          ed25519  key
driver    16  bash     driver-error  ed25519  key
lost      17  bash     lost          ed25519  key
hang      18  bash     hang          ed25519  key
flappy    19  bash     rtx           ed25519  key
cert      20  bash     none          ed25519  certificate
agent     21  bash     none          ed25519  agent
locked    22  bash     none          ed25519  encrypted
banner    23  bash     none          ed25519  key
jump      24  bash     none          ed25519  key
behind    25  bash     rtx           ed25519  key
flood     26  bash     flood         ed25519  key
boxes     27  bash     rtx           ed25519  key
guest     28  bash     h200x8        ed25519  key
HOSTS
}

# VM-ID  NAME, of the virtual machines.
lab_machines() {
    cat <<'MACHINES'
102 guest
MACHINES
}

# Holds the power of the machines; no host of the fleet.
HYPERVISOR=pve
HYPERVISOR_OCTET=30

LAB_SHELLS="bash zsh dash fish busybox"
LAB_PASSPHRASE="open sesame"

# Everything below is known once a slot is taken (by up) or read from lab.env (by down and host).
take_slot() {
    SLOT=$1
    GROUND=/tmp/pilothouse-lab-$SLOT
    NETNS=pilothouse-$SLOT
    VETH=pilot$SLOT
    DOCKERS=pilot$SLOT                      # the group that may use the container engine
    DOCKER_DIR=$GROUND/docker
    OUTSIDE=198.18.$SLOT.1                  # RFC 2544: addresses that nobody routes
    INSIDE=198.18.$SLOT.2
}

address_of() { # address_of LAST-OCTET
    printf '127.0.%d.%d\n' $((100 + SLOT)) "$1"
}

# Processes are known by pid and start time together: a pid alone may have become somebody else's.
started_at() { # started_at PID
    local stat
    { read -r stat <"/proc/$1/stat"; } 2>/dev/null || return 1
    # shellcheck disable=SC2086 # fields
    set -- ${stat##*) }
    # A zombie is over, whenever its parent takes note of it.
    case $1 in Z | X) return 1 ;; esac
    printf '%s\n' "${20}"
}

remember() { # remember NAME PID
    printf '%s %s\n' "$2" "$(started_at "$2")" >"$GROUND/pid/$1"
}

pid_of() { # pid_of NAME, fails when it is not running
    local pid began
    { read -r pid began <"$GROUND/pid/$1"; } 2>/dev/null || return 1
    [ "$(started_at "$pid" || true)" = "$began" ] || return 1
    printf '%s\n' "$pid"
}

children_of() { # children_of PID, all the way down
    local stat pid line
    for stat in /proc/[0-9]*/stat; do
        { read -r line <"$stat"; } 2>/dev/null || continue
        pid=${stat#/proc/}; pid=${pid%/stat}
        # shellcheck disable=SC2086 # fields
        set -- "$1" ${line##*) }
        if [ "$3" = "$1" ]; then printf '%s\n' "$pid"; children_of "$pid"; fi
    done
}

# Commands that ran in a session and outlived it: they carry the lab's mark in their environment.
strays() {
    grep -lzxF "PILOTHOUSE_LAB_GROUND=$GROUND" /proc/[0-9]*/environ 2>/dev/null | cut -d/ -f3 || true
    # What the power switch detaches has an environment of its own.
    grep -lzxF "$GROUND/vm/pilothouse-power" /proc/[0-9]*/cmdline 2>/dev/null | cut -d/ -f3 || true
}

end_all() { # end_all SIGNAL PID…
    local signal=$1 pid
    shift
    for pid in "$@"; do kill -s "$signal" "$pid" 2>/dev/null || true; done
}

# Starts the server of one host and waits until it listens.
start_host() { # start_host NAME
    local name=$1 conf=$GROUND/etc/$1.conf out=$GROUND/log/$1.log sshd inside=()
    if pid_of "$name" >/dev/null; then return 0; fi
    [ -e "$conf" ] || die "there is no host '$name' in this lab"
    sshd=$(command -v sshd)
    if [ "$(cat "$GROUND/behind")" = namespace ]; then
        case $name in jump | behind) inside=(ip netns exec "$NETNS") ;; esac
    fi
    if [ -d "$GROUND/pair/$name" ]; then in_spark "$name"; fi
    : >"$out"
    if [ -d "$GROUND/vm/$name" ]; then
        power_on "$name" "$sshd" -D -e -f "$conf"
    else
        setsid "${inside[@]}" "$sshd" -D -e -f "$conf" </dev/null >>"$out" 2>&1 &
        remember "$name" $!
    fi
    for _ in $(seq 100); do
        if grep -q '^Server listening on' "$out"; then return 0; fi
        pid_of "$name" >/dev/null || break
        sleep 0.05
    done
    sed "s/^/lab: $name: /" "$out" >&2
    return 1
}

# Whether this machine lets one start processes in a boot of their own.
can_boot() {
    [ "$(id -u)" = 0 ] && unshare --fork --pid --mount-proc --kill-child --time --boottime 1 true 2>/dev/null
}

# Starts what runs in a virtual machine below a stand-in for its QEMU: a copy of bash under that name and with its arguments,
# which is the process that a power switch looks for. Where it can be had, each start is a boot of its own. What ends while
# there is a file `reset` starts anew below the same process; whoever may write into `button` restarts it from within.
power_on() { # power_on NAME PROGRAM…
    local name=$1 vm=$GROUND/vm/$1 id begin
    shift
    id=$(cat "$vm/id")
    # shellcheck disable=SC2016 # for the stand-in
    case $(cat "$GROUND/boots") in
        yes)
            begin='read -r up _ </proc/uptime
                setpriv --pdeathsig KILL unshare --fork --pid --mount-proc --kill-child --time --boottime "-${up%.*}" \
                    sh -c '\''mount --bind "$0/boot_id" /proc/sys/kernel/random/boot_id && exec "$@"'\'' "$4" "${@:5}" &'
            ;;
        *) begin='setpriv --pdeathsig KILL "${@:5}" &' ;;
    esac
    # shellcheck disable=SC2016
    PILOTHOUSE_LAB_GROUND=$GROUND setsid "$GROUND/vm/qemu-system-x86_64" -c "
        while cat /proc/sys/kernel/random/uuid >\"\$4/boot_id\"; $begin machine=\$!
            setpriv --pdeathsig KILL sh -c 'read -r _ <\"\$0/button\" && : >\"\$0/reset\" && kill -s KILL \"\$1\"' \"\$4\" \$machine & button=\$!
            wait \$machine; kill \$button 2>/dev/null; rm \"\$4/reset\" 2>/dev/null; do :; done" \
        kvm -id "$id" -name "$vm" "$@" </dev/null >>"$GROUND/log/$name.log" 2>&1 &
    remember "$name" $!
    printf '%s\n' $! >"$GROUND/vm/pids/$id.pid"
}

# Restarts what runs in a virtual machine as its reset button does: its process stays.
reset_machine() { # reset_machine NAME
    local pid old all
    pid=$(pid_of "$1") || return 1
    old=$(cat "$GROUND/vm/$1/boot_id")
    mapfile -t all < <(children_of "$pid")
    : >"$GROUND/vm/$1/reset"
    end_all KILL "${all[@]}"
    for _ in $(seq 100); do
        if [ "$(cat "$GROUND/vm/$1/boot_id")" != "$old" ]; then return 0; fi
        sleep 0.02
    done
    return 1
}

# Cuts the power of a virtual machine.
stop_machine() { # stop_machine NAME
    local pid all
    pid=$(pid_of "$1") || return 0
    mapfile -t all < <(children_of "$pid")
    end_all KILL "$pid" "${all[@]}"
    for _ in $(seq 100); do
        if ! pid_of "$1" >/dev/null; then rm -f "$GROUND/vm/pids/$(cat "$GROUND/vm/$1/id").pid"; return 0; fi
        sleep 0.02
    done
    return 1
}

# Asks the lab's container engine in the HTTP of old, whose answer ends with the connection. Prints the whole answer.
engine() { # engine SOCKET METHOD PATH [TYPE FILE]
    local size=0
    if [ $# = 5 ]; then size=$(stat -c %s "$5"); fi
    {
        printf '%s %s HTTP/1.0\r\nHost: docker\r\nContent-Type: %s\r\nContent-Length: %s\r\n\r\n' "$2" "$3" "${4:-application/json}" "$size"
        if [ $# = 5 ]; then cat "$5"; fi
    } | socat -t 2 -,ignoreeof "UNIX-CONNECT:$1" 2>/dev/null
}

engine_takes() { # engine_takes SOCKET METHOD PATH [TYPE FILE]
    local answer
    answer=$(engine "$@" | tr -d '\0') || true
    case $answer in
        'HTTP/1.'?' 2'*) ;;
        *) printf 'lab: docker: %s %s: %s\n' "$2" "$3" "$answer" >&2; return 1 ;;
    esac
}

# Waits until a container engine that was started answers.
engine_answers() { # engine_answers NAME SOCKET
    for _ in $(seq 200); do
        if [ -S "$2" ] && engine_takes "$2" GET /_ping 2>/dev/null; then return 0; fi
        pid_of "$1" >/dev/null || break
        sleep 0.1
    done
    tail -n 5 "$GROUND/log/$1.log" | sed "s/^/lab: $1: /" >&2
    return 1
}

# Starts the lab's container engine, over the data that it has.
start_docker() {
    if pid_of docker >/dev/null; then return 0; fi
    PILOTHOUSE_LAB_GROUND=$GROUND setsid dockerd --bridge=none --iptables=false --ip6tables=false --shutdown-timeout 2 \
        --data-root "$DOCKER_DIR/data" --exec-root "$DOCKER_DIR/exec" --pidfile "$DOCKER_DIR/pid" \
        --group "$DOCKERS" -H "unix://$DOCKER_DIR/docker.sock" </dev/null >>"$GROUND/log/docker.log" 2>&1 &
    remember docker $!
    engine_answers docker "$DOCKER_DIR/docker.sock"
}

# Ends container engines as an orderly stop does, and their containers with them.
stop_docker() { # stop_docker NAME…
    local name pid
    for name in "$@"; do
        if pid=$(pid_of "$name"); then kill "$pid" 2>/dev/null || true; fi
    done
    for name in "$@"; do
        for _ in $(seq 200); do
            pid=$(pid_of "$name") || continue 2
            sleep 0.1
        done
        say "$name does not end; it is killed"
        end_all KILL "$pid"
    done
}

# shellcheck source=tests/lab/pair.sh
. "$LAB_DIR/pair.sh"
