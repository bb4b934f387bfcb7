#!/bin/bash
# The command line of the launcher for Sparks, as far as a console uses it; written from its contract. Its age stands in the file
# `age` beside it: joined (starts clusters only, joins the words of `exec` and ends the cluster with its own script) or escaped
# (knows --solo, --no-ray and -d, and hands each word on as it is).
set -e
cd "$(dirname "${BASH_SOURCE[0]}")"
AGE=$(cat age)
IMAGE=vllm-node
NAME=vllm_node
NODES='' ETH='' IB='' ACTION='' SOLO='' RAY=yes DETACHED='' MASTER_PORT=29501
SSH=(ssh -o BatchMode=yes -o ConnectTimeout=5)
if [ "$AGE" = joined ]; then ACTION=start MASTER_PORT=6379; fi
# shellcheck source=/dev/null
if [ "$AGE" = escaped ] && [ -f .env ]; then . ./.env; NODES=${CLUSTER_NODES-} ETH=${ETH_IF-} IB=${IB_IF-}; fi

usage() {
    echo "Usage: $0 [-n NODES] [-t IMAGE] [--name NAME] [--eth-if IF] [--ib-if IFS] [-d] {start|stop|status|exec COMMAND…}" >&2
    exit 1
}

newer() {
    if [ "$AGE" = joined ]; then echo "Error: Unknown argument: $1" >&2; usage; fi
}

WORDS=()
while [ $# -gt 0 ]; do
    case $1 in
        -n | --nodes) NODES=$2; shift ;;
        -t) IMAGE=$2; shift ;;
        --name) NAME=$2; shift ;;
        --eth-if) ETH=$2; shift ;;
        --ib-if) IB=$2; shift ;;
        --apply-mod) newer "$1"; [ -d "$2" ] || { echo "Error: there is no mod '$2'" >&2; exit 1; }; shift ;;
        --master-port) newer "$1"; MASTER_PORT=$2; shift ;;
        --solo) newer "$1"; SOLO=yes ;;
        --no-ray) newer "$1"; RAY='' ;;
        --no-cache-dirs) newer "$1" ;;
        -d) DETACHED=yes ;;
        start | stop | status) ACTION=$1 ;;
        exec) ACTION=$1; shift; WORDS=("$@"); break ;;
        *) echo "Error: Unknown argument: $1" >&2; usage ;;
    esac
    shift
done
[ -n "$ACTION" ] || usage
IFS=, read -r -a nodes <<<"${NODES:-127.0.0.1}"
head=${nodes[0]}
workers=("${nodes[@]:1}")
if [ ${#workers[@]} = 0 ] && [ "$AGE" = escaped ]; then SOLO=yes; fi
if [ -n "$SOLO" ]; then workers=(); fi

# on NODE WORDS… : there; ssh joins the words, and a shell over there reads them.
on() {
    local node=$1
    shift
    if [ "$node" = "$head" ]; then bash -c "$*"; else "${SSH[@]}" "$node" "$*"; fi
}

runs_on() {
    [ -n "$(on "$1" "docker ps -q --filter name=^$NAME\$")" ]
}

stop_all() {
    local node
    for node in "$head" "${workers[@]}"; do
        echo "Stopping container on $node"
        on "$node" "docker stop -t 3 $NAME" >/dev/null 2>&1 || true
    done
}

# What the container is until a command is given to it.
main_program() { # main_program NODE
    if [ -z "$RAY" ] || [ -n "$SOLO" ]; then
        printf '%s' "sh -c 'trap \"exit 0\" TERM; while :; do sleep 1 & wait; done'"
    elif [ "$1" = "$head" ]; then
        printf 'ray start --head --block --node-ip-address=%s' "$1"
    else
        printf 'ray start --block --address=%s:6379' "$head"
    fi
}

environment() { # environment NODE
    printf -- '-e VLLM_HOST_IP=%s -e RAY_NODE_IP_ADDRESS=%s -e NCCL_SOCKET_IFNAME=%s -e GLOO_SOCKET_IFNAME=%s ' "$1" "$1" "$ETH" "$ETH"
    printf -- '-e NCCL_IB_HCA=%s -e NCCL_IB_DISABLE=0 -e RAY_memory_monitor_refresh_ms=0' "$IB"
}

start_all() {
    local node tries
    for node in "$head" "${workers[@]}"; do
        if runs_on "$node"; then echo "Container '$NAME' is already running on $node. Skipping launch."; return; fi
    done
    for node in "$head" "${workers[@]}"; do
        echo "Starting container on $node"
        on "$node" "docker run -d --rm --privileged --gpus all --network host --ipc=host --name $NAME $(environment "$node") \
            -v \$HOME/.cache/huggingface:/root/.cache/huggingface $VLLM_SPARK_EXTRA_DOCKER_ARGS $IMAGE $(main_program "$node")"
    done
    if [ -z "$RAY" ] || [ -n "$SOLO" ]; then return; fi
    for ((tries = 0; tries < 30; tries++)); do
        if [ "$(docker exec "$NAME" ray status 2>/dev/null | grep -c node_)" = $((1 + ${#workers[@]})) ]; then
            echo "Cluster is ready."
            return
        fi
        sleep 0.2
    done
    echo "Error: Ray did not become ready." >&2
    stop_all
    exit 1
}

# Without Ray each node runs the command for itself, the head last.
ranked() { # ranked RANK
    printf ' --nnodes %s --node-rank %s --master-addr %s --master-port %s' $((1 + ${#workers[@]})) "$1" "$head" "$MASTER_PORT"
    if [ "$1" != 0 ]; then printf ' --headless'; fi
}

run_words() {
    local line rank=0 node
    case $AGE in
        joined) line="${WORDS[*]}" ;;
        escaped) line=$(printf '%q ' "${WORDS[@]}") ;;
    esac
    if [ -z "$RAY" ] && [ ${#workers[@]} -gt 0 ]; then
        for node in "${workers[@]}"; do
            rank=$((rank + 1))
            on "$node" "docker exec -d $NAME sh -c $(printf %q "exec $line$(ranked $rank) >/proc/1/fd/1 2>&1")"
        done
        line+=$(ranked 0)
    fi
    if [ "$AGE" = escaped ] && [ -n "$DETACHED" ]; then
        docker exec -d "$NAME" sh -c "exec $line >/proc/1/fd/1 2>&1"
        echo "Command is running in the background: docker logs -f $NAME"
        return
    fi
    trap stop_all EXIT
    docker exec "$NAME" sh -c "$line"
}

case $ACTION in
    start)
        start_all
        if [ -z "$DETACHED" ]; then trap stop_all EXIT; while runs_on "$head"; do sleep 1; done; fi
        ;;
    stop) stop_all ;;
    status) for node in "$head" "${workers[@]}"; do echo "$node: $(runs_on "$node" && echo running || echo stopped)"; done ;;
    exec) start_all; run_words ;;
esac
