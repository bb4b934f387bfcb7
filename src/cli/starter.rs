//! The configuration that `config init` writes (pure): every key, commented, and the hosts that ssh knows as an offer.

use std::collections::BTreeSet;

/// Most ssh names that are offered.
const MOST_OFFERED: usize = 50;

const HEAD: &str = "\
# The fleet of pilothouse. Check it with `pilothouse config validate`.
# Precedence: flag, environment (PILOTHOUSE_…), this file, default.

# Name of the fleet, on the first line of the screen.
fleet: home

# Refuse every change on every host.
# read_only: true

# Time between two samples: 200ms to 1h.
# period: 1s

# dark, light, high-contrast, colour-blind, ansi, mono, or a file. Without it: as the terminal's background is.
# theme: dark

# The mouse at the start; M switches it.
# mouse: true

# When a host is tight (the smaller of the two counts) and when it is hot (degrees Celsius).
# thresholds:
#   tight_percent: 10
#   tight_left: 8 GiB
#   hot: 90

# What an alert does beside showing itself.
# alerts:
#   bell: true
#   webhook: https://alerts.example/hook

# How much of the logs is kept in memory, all sources together, and how many lines each source begins with.
# logs:
#   buffer: 64 MiB
#   tail: 1000

# What a host has to be armed for (power always has to be; also restart, deploy, swap), for how long it then is, how long
# nobody may touch a key meanwhile, how long a hard power verb waits for a change of mind, and how long a machine that went
# down to restart by itself is waited for before a power cycle cuts its power.
# arming:
#   needed: [power]
#   minutes: 15
#   idle: 5m
#   window: 10s
#   restart: 5m

# Claude in the breakglass pane: the `claude` program of this machine. Its login: environment (ANTHROPIC_API_KEY or
# CLAUDE_CODE_OAUTH_TOKEN), own (your own login of the program), or one of api_key_file, oauth_token_file (mode 0600),
# api_key_command, oauth_token_command. ask_for names checks that may not run without being asked for.
# assistant:
#   program: claude
#   model: sonnet
#   budget: 5
#   turns: 40
#   limit: 30m
#   base_url: https://api.anthropic.com
#   login: {api_key_file: ~/.config/pilothouse/api-key}
#   ask_for: []

# Each line of the ledger is also sent to the log of this host.
# ledger:
#   sink: here

# The models that hosts serve. catalogs are files over the one that comes with pilothouse, beside those in models/ next to this
# file. clusters are hosts that serve one model together, the head first, with their addresses on the fast network. folders lie
# on the hosts, beside the hub's cache; each folder in them is a model. hub is where weights are downloaded from. hub_token,
# ngc_key (of NVIDIA's registry, for installs of NIMs; the variable NGC_API_KEY otherwise) and the key that signs the webhook
# are {file: …} (mode 0600), {command: […]} or {variable: NAME}. The webhook is told of each swap, watched engines are somebody
# else's, and schedule is what others intend to run; it is only shown.
# models:
#   catalogs: [~/.config/pilothouse/our-models.yaml]
#   clusters:
#     - name: pair
#       nodes: {spark-1: 192.168.177.11, spark-2: 192.168.177.12}
#       interface: enp1s0f1np1
#       devices: [rocep1s0f1, roceP2p1s0f1]
#   folders: [/srv/models]
#   hub: https://huggingface.co
#   hub_token: {file: ~/.config/pilothouse/hub-token}
#   ngc_key: {variable: NGC_API_KEY}
#   webhook: {url: https://hooks.example/swaps, key: {variable: SWAP_KEY}}
#   watched: ['spark-2:8001']
#   schedule:
#     - {holder: cron, when: 02:00 daily, what: nightly index, place: pair}

# The services that are watched: each a container, a unit, a checkout (git) or only looked at. kind says what is usual: vllm,
# speech-to-text, text-to-speech, embeddings, qdrant, git. probe is the quick look (container, unit, tcp, http, command), deep
# the real request (completion, embedding, transcription, speech, collections, none), heals whether a wedge is mended by a
# restart, overlays files that are put into the container again by `reapply`. install is what `services install` runs anew under
# that name of container, on that port: an image that is pulled (image), a NIM (nim), or one that is built on the host from a
# folder of this machine (build; `embeddings` comes with pilothouse). inside is the port in the container, health the path that
# answers once it works, volume a volume or a folder of the host and its place; env never holds a secret.
# services:
#   - kind: embeddings
#     host: spark-2
#     container: spark-embed
#     heals: true
#     overlays:
#       - {from: ~/embed/fix.py, to: /app/fix.py}
#     install: {build: embeddings, volume: spark-embed-models:/models}
#   - name: parakeet
#     kind: speech-to-text
#     host: spark-2
#     container: parakeet
#     port: 9001
#     install:
#       nim: nvcr.io/nim/nvidia/parakeet-ctc-1.1b-asr:1.3.0
#       inside: 9000
#       volume: nim-cache:/opt/nim/.cache
#       env: {NIM_HTTP_API_PORT: 9000}
#       memory: 32 GiB
#       gpus: true
#       health: /v1/health/ready
#   - name: whisper
#     host: spark-2
#     unit: whisper.service
#     port: 9000
#     probe: {http: /health}
#     deep: transcription
#   - name: bot
#     host: spark-1
#     git: {folder: /srv/bot, container: bot}
#   - name: vllm-2
#     kind: vllm
#     host: spark-2
#     port: 8001
#     hidden: false

# Keys that differ from the defaults: an action and its key, or several. `?` lists the actions.
# keys:
#   palette: [ctrl-p, f2]

# The hosts in the order they are shown. Without any, pilothouse shows this machine.
# A name of your ssh configuration or user@host:port is enough; everything else is optional:
#
#   - name: spark-1               # what it is called on the screen
#     address: 10.0.0.11          # name, address or ssh alias; the name otherwise
#     user: ops
#     port: 22
#     jump: bastion               # a host of this file or an ssh destination; a list for several
#     identity: ~/.ssh/id_ed25519
#     known_hosts: ~/.ssh/known_hosts
#     host_keys: ask              # or refuse: what happens with unknown keys
#     ssh_config: true            # ask `ssh -G` what your ssh configuration says
#     tags: [gb10, rack-1]
#     gpu: auto                   # or probe, nvidia-smi, rocm-smi, nvml (this machine only), none
#     power:                      # the switch beside the machine: `pilothouse power install` prints the far side
#       method: forced-command
#       host: root@10.0.0.2       # an address: names may be gone when it matters
#       identity: ~/.ssh/id_power # a key that can do nothing else
#       wake: {mac: 3c:6d:66:01:02:03, to: 10.0.0.255:9}
#   - name: spark-2
#     power:
#       method: command           # or a fixed command for each verb, here or on another host
#       on: spark-1
#       verbs: {status: [ipmitool, -H, 10.0.0.3, power, status], cycle: [ipmitool, -H, 10.0.0.3, power, cycle]}
#   - name: here
#     local: true                 # this machine, without SSH
#
hosts:
";

/// The text of a starter file.
pub(super) fn starter(aliases: &BTreeSet<String>) -> String {
    let mut text = HEAD.to_owned();
    if !aliases.is_empty() {
        text.push_str(
            "  # Your ssh configuration knows these; remove the # of those you want to see.\n",
        );
    }
    for alias in aliases.iter().take(MOST_OFFERED) {
        text = format!("{text}  # - {alias}\n");
    }
    text.push_str("  - local\n");
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Environment, Flags, Resolved, Source, resolve};

    fn read(text: String) -> Resolved {
        let source = Source {
            file: "config.yaml".into(),
            text,
        };
        resolve(
            Some(&source),
            &Environment::default(),
            &Flags::default(),
            None,
        )
        .unwrap()
    }

    /// The examples: comments that are `key: value` lines.
    fn examples(text: &str) -> String {
        let example = regex::Regex::new(r"^#( +(?:- )?(?:[a-z_]+:|\{).*)$").unwrap();
        text.lines()
            .filter_map(|line| example.captures(line))
            .map(|found| found[1].strip_prefix(' ').unwrap().to_owned())
            .collect::<Vec<_>>()
            .join("\n")
    }

    #[test]
    fn the_starter_holds_as_it_is() {
        let text = starter(&BTreeSet::from(["bastion".to_owned(), "rtx".to_owned()]));
        assert!(text.contains("  # - bastion\n  # - rtx\n  - local\n"));
        let resolved = read(text.replace("# - rtx", "- rtx"));
        assert_eq!(resolved.config.problems, []);
        assert_eq!(resolved.config.hosts.len(), 2);
    }

    #[test]
    fn every_example_in_it_holds() {
        let (settings, hosts) = HEAD.split_once("# The hosts in the order").unwrap();
        let settings = examples(settings);
        let resolved = read(format!(
            "{settings}\nhosts:\n  - {{name: here, local: true}}\n  - spark-1\n  - spark-2\n"
        ));
        assert_eq!(resolved.config.problems, []);
        let origins = &resolved.origins;
        for origin in [
            origins.read_only,
            origins.period,
            origins.theme,
            origins.mouse,
            origins.hot,
            origins.bell,
            origins.webhook,
            origins.buffer,
            origins.tail,
            origins.arming.window,
            origins.arming.restart,
            origins.assistant.login,
            origins.models.clusters,
            origins.models.schedule,
            origins.services,
        ] {
            assert_ne!(origin, crate::config::Origin::Default);
        }
        let resolved = read(format!("hosts:\n  - bastion\n{}", examples(hosts)));
        assert_eq!(resolved.config.problems, []);
        assert_eq!(resolved.config.hosts.len(), 4);
    }
}
