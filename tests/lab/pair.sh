# Two Sparks, side by side: spark-a and spark-b. Each has a network, a home, a container engine and a hub's cache of its own, and
# the two see each other on a network of their own, as over their QSFP ports. Sourced by lib.sh; root only.
# shellcheck shell=bash
#
# What they run as models is spark/engine, in an image that holds nothing but Python; it is started by `docker run` or by
# spark/launch-cluster.sh, in both of its ages. The hub that they fetch from is bin/hub, over $GROUND/hub.

# NAME  LETTER  OUTSIDE-HERE  OUTSIDE-THERE  FAST-ADDRESS
#
# The outside is between this machine and the host; on the fast network there are only the two.
pair_hosts() {
    cat <<PAIR
spark-a a 198.18.$SLOT.5 198.18.$SLOT.6 192.168.177.11
spark-b b 198.18.$SLOT.9 198.18.$SLOT.10 192.168.177.12
PAIR
}

PAIR_INTERFACE=enp1s0f1np1
PAIR_HUB_PORT=8090

pair_network_of() { printf 'pilothouse-%s-%s\n' "$SLOT" "${1#spark-}"; }

# What stands before a program that runs in the network of a Spark, with its home, as the array `inside`.
in_spark() { # in_spark NAME
    # shellcheck disable=SC2016 # for the shell over there
    inside=(ip netns exec "$(pair_network_of "$1")" sh -c 'mount --bind "$0" "$1" && shift && exec "$@"'
        "$GROUND/pair/$1/home" "$GROUND/home/spark")
}

make_pair_networks() {
    local name letter here there fast
    while read -r name letter here there fast; do
        ip netns add "$(pair_network_of "$name")" >/dev/null 2>&1 &&
            ip link add "pilot$SLOT$letter" type veth peer name outside netns "$(pair_network_of "$name")" 2>/dev/null &&
            ip addr add "$here/30" dev "pilot$SLOT$letter" && ip link set "pilot$SLOT$letter" up &&
            ip -n "$(pair_network_of "$name")" addr add "$there/30" dev outside &&
            ip -n "$(pair_network_of "$name")" link set outside up &&
            ip -n "$(pair_network_of "$name")" link set lo up || return 1
    done < <(pair_hosts)
    ip link add "$PAIR_INTERFACE" netns "$(pair_network_of spark-a)" type veth peer name "$PAIR_INTERFACE" netns "$(pair_network_of spark-b)" || return 1
    while read -r name _ _ _ fast; do
        ip -n "$(pair_network_of "$name")" addr add "$fast/24" dev "$PAIR_INTERFACE" &&
            ip -n "$(pair_network_of "$name")" link set "$PAIR_INTERFACE" up || return 1
    done < <(pair_hosts)
}

remove_pair_networks() {
    local name letter
    while read -r name letter _; do
        ip netns del "$(pair_network_of "$name")" 2>/dev/null || true
        ip link del "pilot$SLOT$letter" 2>/dev/null || true
    done < <(pair_hosts)
}

# The containers' side: an image with the engine under each of its names. What a container runs carries the lab's mark.
make_pair_image() {
    local root=$GROUND/pair/root name
    mkdir -p "$root"/{bin,dev,etc,proc,root,sys,tmp,usr/bin}
    "$LAB_DIR/spark/root" "$root"
    cp "$(command -v busybox)" "$root/bin/busybox"
    for name in sh cat ls seq sleep env tail; do ln -s busybox "$root/bin/$name"; done
    for name in vllm ray llama-server; do cp "$LAB_DIR/spark/engine" "$root/usr/bin/$name"; done
    tar -C "$root" -cf "$GROUND/pair/image.tar" .
    rm -rf "$root"
}

load_pair_image() { # load_pair_image NAME
    local socket=$GROUND/pair/$1/docker/docker.sock mark="ENV%20PILOTHOUSE_LAB_GROUND=$GROUND%20HOME=/root" entry
    entry='ENTRYPOINT%20%5B%22/usr/bin/llama-server%22%5D'
    engine_takes "$socket" POST "/images/create?fromSrc=-&repo=vllm-node&tag=latest&changes=$mark" application/x-tar "$GROUND/pair/image.tar" &&
        engine_takes "$socket" POST "/images/create?fromSrc=-&repo=llama.cpp&tag=server&changes=$mark&changes=$entry" application/x-tar "$GROUND/pair/image.tar"
}

write_spark_home() { # write_spark_home NAME LETTER
    local home=$GROUND/pair/$1/home age folder
    mkdir -p "$home/.ssh" "$home/.cache/huggingface/hub"
    cp "$GROUND/pair/key" "$home/.ssh/id_ed25519"
    cp "$GROUND/pair/known_hosts" "$home/.ssh/known_hosts"
    for age in joined escaped; do
        folder=$home/spark-vllm-docker-$age
        mkdir "$folder"
        cp "$LAB_DIR/spark/launch-cluster.sh" "$folder/"
        printf '%s\n' $age >"$folder/age"
    done
    ln -s spark-vllm-docker-escaped "$home/spark-vllm-docker"
    chmod 700 "$home/.ssh"
    chmod 600 "$home/.ssh/id_ed25519"
    chown -R "$PAIR_USER" "$home"
}

write_spark() { # write_spark NAME OUTSIDE FAST
    local name=$1 outside=$2 fast=$3
    {
        cat <<CONF
ListenAddress $outside:$PORT
ListenAddress $fast:22
HostKey $GROUND/etc/$name.key
PidFile none
UsePAM no
UseDNS no
StrictModes no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin no
AllowUsers $PAIR_USER
AuthorizedKeysFile $GROUND/auth/pair
MaxStartups 200
LogLevel VERBOSE
PrintMotd no
PrintLastLog no
SetEnv PATH=$GROUND/bin:/usr/local/bin:/usr/bin:/bin PILOTHOUSE_STUB_FILE=$GROUND/stub/$name PILOTHOUSE_STUB_DATA=$GROUND/smi PILOTHOUSE_LAB_GROUND=$GROUND PILOTHOUSE_LAB_HOST=$name PILOTHOUSE_STUB_AHEAD=0 DOCKER_HOST=unix://$GROUND/pair/$name/docker/docker.sock
$(penalties)
CONF
    } >"$GROUND/etc/$name.conf"
    echo gb10 >"$GROUND/stub/$name"
    printf '[%s]:%s %s\n' "$outside" "$PORT" "$(cut -d' ' -f1,2 "$GROUND/etc/$name.key.pub")" >>"$LAB_RUN/known_hosts"
    printf 'Host lab-%s\n    HostName %s\n    Port %s\n    User %s\n    IdentityFile "%s"\n' \
        "$name" "$outside" "$PORT" "$PAIR_USER" "$LAB_RUN/keys/plain" >>"$LAB_RUN/ssh_config"
}

# The configuration of the two; tests write their own catalogue beside it.
write_pair_config() {
    local name outside
    {
        printf 'fleet: lab, pair\nhosts:\n'
        while read -r name _ _ outside _; do
            printf '  - name: %s\n    address: %s\n    port: %s\n    user: %s\n    identity: "%s"\n' "$name" "$outside" "$PORT" "$PAIR_USER" "$LAB_RUN/keys/plain"
            printf '    known_hosts: "%s"\n    ssh_config: false\n    host_keys: refuse\n' "$LAB_RUN/known_hosts"
        done < <(pair_hosts)
        cat <<MODELS
models:
  hub: http://127.0.0.1:$PAIR_HUB_PORT
  clusters:
    - name: pair
      nodes: {spark-a: 192.168.177.11, spark-b: 192.168.177.12}
      interface: $PAIR_INTERFACE
MODELS
    } >"$LAB_RUN/pair.yaml"
}

# A repository of the hub: as many shards of so many KiB.
new_repository() { # new_repository ORG/NAME SHARDS KIB
    local folder=$GROUND/hub/$1 shard file map='' header='{"a":{"dtype":"U8","shape":[%d],"data_offsets":[0,%d]}}'
    mkdir -p "$folder"
    for shard in $(seq "$2"); do
        file=$(printf 'model-%05d-of-%05d.safetensors' "$shard" "$2")
        {
            # The length of the header, then the header, then what it describes; different in each shard.
            # shellcheck disable=SC2059 # a header with its numbers
            printf "%-64s" "$(printf "$header" $(($3 * 1024)) $(($3 * 1024)))" >"$GROUND/hub/header"
            printf '\100\0\0\0\0\0\0\0'
            cat "$GROUND/hub/header"
            head -c $(($3 * 1024)) < <(yes "$1 $shard")
        } >"$folder/$file"
        map+="${map:+,}\"t$shard\":\"$file\""
    done
    rm "$GROUND/hub/header"
    printf '{"metadata":{},"weight_map":{%s}}' "$map" >"$folder/model.safetensors.index.json"
    printf '{"architectures":["LlamaForCausalLM"],"model_type":"llama","max_position_embeddings":32768,"hidden_size":64,"num_hidden_layers":2,"num_attention_heads":4,"num_key_value_heads":2,"torch_dtype":"bfloat16"}' >"$folder/config.json"
    printf '{}' >"$folder/tokenizer.json"
}

make_hub() {
    mkdir "$GROUND/hub"
    new_repository lab/tiny 4 16
    new_repository lab/other 3 16
    new_repository lab/large 4 4096
    mkdir -p "$GROUND/hub/lab/tiny-gguf"
    # Version 3, no tensors, no keys.
    printf 'GGUF\3\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0' >"$GROUND/hub/lab/tiny-gguf/tiny.gguf"
    if [ -n "${LAB_OWNER-}" ]; then chown -R "$LAB_OWNER" "$GROUND/hub"; fi
}

start_hub() { # start_hub NAME
    local inside=()
    in_spark "$1"
    PILOTHOUSE_LAB_GROUND=$GROUND setsid "${inside[@]}" "$GROUND/bin/hub" "$GROUND/hub" $PAIR_HUB_PORT </dev/null >>"$GROUND/log/hub-$1.log" 2>&1 &
    remember "hub-$1" $!
}

start_spark_docker() { # start_spark_docker NAME
    local name=$1 dir=$GROUND/pair/$1/docker inside=()
    if pid_of "docker-$name" >/dev/null; then return 0; fi
    mkdir -p "$dir"
    in_spark "$name"
    # `ip netns exec` mounts /sys anew, without the control groups below it.
    inside=(nsenter "--net=/run/netns/$(pair_network_of "$name")" unshare --mount "${inside[@]:4}")
    PILOTHOUSE_LAB_GROUND=$GROUND PATH=$GROUND/pair/bin:$PATH setsid "${inside[@]}" dockerd --bip 10.77.0.1/24 --iptables=false \
        --ip6tables=false --shutdown-timeout 2 --add-runtime "lab=$LAB_DIR/spark/runc" --default-runtime lab --data-root "$dir/data" --exec-root "$dir/exec" --pidfile "$dir/pid" \
        --group "$DOCKERS" -H "unix://$dir/docker.sock" </dev/null >>"$GROUND/log/docker-$name.log" 2>&1 &
    remember "docker-$name" $!
}

# Begins what takes long: both container engines, and the image that they get.
begin_pair() {
    local name
    PAIR=none
    if [ "$ENGINE" = none ]; then say "no container engine: no pair of Sparks"; return; fi
    if ! make_pair_networks; then remove_pair_networks; say "no network namespaces here: no pair of Sparks"; return; fi
    PAIR=$LAB_RUN/pair.yaml
    mkdir -p "$GROUND/pair/bin" "$GROUND/home/spark"
    # With it there, dockerd takes --gpus; it has nothing to do for GPUs that are not there.
    printf '#!/bin/sh\nexit 0\n' >"$GROUND/pair/bin/nvidia-container-runtime-hook"
    chmod 755 "$GROUND/pair/bin/nvidia-container-runtime-hook"
    PAIR_USER=pilot$SLOT-spark
    if ! id "$PAIR_USER" >/dev/null 2>&1; then
        useradd --home-dir "$GROUND/home/spark" --shell "$(command -v bash)" --no-create-home --no-log-init --gid nogroup --groups "$DOCKERS" \
            --password '*' "$PAIR_USER" 2>&1 | grep -v '^useradd warning' || true
    fi
    while read -r name _; do mkdir -p "$GROUND/pair/$name/home"; start_spark_docker "$name"; done < <(pair_hosts)
}

# The rest of it, once the others are there.
finish_pair() {
    local name letter outside fast
    [ "$PAIR" != none ] || return 0
    make_pair_image
    make_hub
    new_key "$GROUND/pair/key" ed25519 ''
    cat "$LAB_RUN/keys/plain.pub" "$GROUND/pair/key.pub" >"$GROUND/auth/pair"
    while read -r name _ _ _ fast; do
        new_key "$GROUND/etc/$name.key" ed25519 ''
        printf '%s %s\n' "$fast" "$(cut -d' ' -f1,2 "$GROUND/etc/$name.key.pub")" >>"$GROUND/pair/known_hosts"
    done < <(pair_hosts)
    while read -r name letter _ outside fast; do
        write_spark_home "$name" "$letter"
        write_spark "$name" "$outside" "$fast"
        start_hub "$name"
    done < <(pair_hosts)
    write_pair_config
    while read -r name _; do
        engine_answers "docker-$name" "$GROUND/pair/$name/docker/docker.sock" || die "the container engine of '$name' did not start"
        load_pair_image "$name"
        start_host "$name" || die "the sshd of '$name' did not start"
    done < <(pair_hosts)
}
