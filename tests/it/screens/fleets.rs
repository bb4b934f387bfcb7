//! Fleets built by hand, with numbers as real machines show them and a past that is the same every time.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use pilothouse::domain::{
    At, Bytes, BytesPerSecond, Celsius, Disk, Ecc, Endpoint, GpuCondition, GpuHealth, GpuId,
    GpuMemory, GpuProcess, GpuReading, GpuReport, GpuSourceChoice, GpuSourceKind, HealthChange,
    HealthWord, HostAddress, HostId, HostKeyFacts, HostSpec, MachineReading, Memory, Metric, Mhz,
    Mib, MigInstance, Missing, Network, Percent, Port, Pressure, Prompt, Question, QuestionId,
    Rung, Severity, SshSpec, Thresholds, Throttle, Wall, Watts,
};
use pilothouse::engine::{
    Alert, Fleet, History, Host, Ladder, Link, Notice, Outcome, PendingQuestion, SeriesKey, Timed,
};
use pilothouse::text::SafeText;

/// An hour and a little after the start.
pub(crate) const NOW: At = At(4_000_000);

/// 2026-11-21 21:04:11 UTC.
pub(crate) const WALL: Wall = Wall(1_795_295_051_000);

/// A fleet of these hosts.
pub(crate) fn fleet(name: &str, hosts: Vec<Host>) -> Fleet {
    Fleet {
        name: name.into(),
        at: NOW,
        wall: WALL,
        read_only: false,
        period: Duration::from_secs(1),
        thresholds: Thresholds::default(),
        hosts: hosts.into_iter().map(Arc::new).collect(),
        questions: Arc::default(),
        alerts: Arc::default(),
        ledger: Arc::default(),
        ledger_read: true,
        arming: Arc::default(),
        armed: Arc::default(),
        power: Arc::default(),
        doubts: Arc::default(),
        catalog: Arc::default(),
        menu: Arc::default(),
        preflights: Arc::default(),
        clusters: Arc::default(),
        schedule: Arc::default(),
        proposals: Arc::default(),
        notices: Arc::default(),
    }
}

/// No host at all.
pub(crate) fn empty() -> Fleet {
    fleet("home", Vec::new())
}

/// Two DGX Sparks, eight H200, a plain box: all at work.
pub(crate) fn busy() -> Fleet {
    let mut all = fleet(
        "home",
        vec![
            spark("spark-1", 1, 62),
            tight(spark("spark-2", 2, 113)),
            h200("h200-a"),
            plain("plain-1"),
        ],
    );
    all.alerts = Arc::new(VecDeque::from([
        alert(
            "h200-a",
            HealthWord::Hot,
            "gpu 3 at 91 °C",
            2_900_000,
            Some(3_100_000),
        ),
        alert("spark-2", HealthWord::Tight, "6 GiB left", 3_640_000, None),
    ]));
    all
}

/// Wedged, a driver that does not fit, a lost GPU, stale values, an unknown key.
pub(crate) fn broken() -> Fleet {
    let mut all = fleet(
        "home",
        vec![
            spark("spark-1", 1, 62),
            wedged(spark("spark-3", 3, 96)),
            mismatch(spark("rtx-a", 4, 20)),
            lost(h200("h200-a")),
            stale(spark("rtx-b", 5, 30)),
            down("nas-1"),
            asking("new-1"),
            connecting("new-2"),
        ],
    );
    all.alerts = Arc::new(VecDeque::from([
        alert("rtx-b", HealthWord::Stale, "", 3_988_000, None),
        alert("nas-1", HealthWord::Down, "tcp", 3_280_000, None),
        alert(
            "rtx-a",
            HealthWord::Driver,
            "driver and library versions differ",
            3_300_000,
            None,
        ),
        alert(
            "h200-a",
            HealthWord::Driver,
            "gpu 5 fell off the bus",
            3_700_000,
            None,
        ),
        alert(
            "spark-3",
            HealthWord::Wedged,
            "ssh banner silent",
            3_810_000,
            None,
        ),
    ]));
    all.notices = Arc::new(VecDeque::from([Notice {
        at: At(3_810_000),
        severity: Severity::Error,
        host: Some(HostId::new("spark-3")),
        sentence: "spark-3 wedged: tcp ok, ssh banner silent".into(),
        hint: Some(
            "the kernel answers and sshd does not: free memory or use the power switch".into(),
        ),
    }]));
    all.questions = Arc::new(questions());
    all
}

/// Fifty hosts, most of them well.
pub(crate) fn many() -> Fleet {
    let hosts = (0..50_u32)
        .map(|n| {
            let host = spark(&format!("node-{n:02}"), n, 20 + u64::from(n * 13 % 80));
            match n {
                7 | 31 => tight(host),
                12 => wedged(host),
                40 => stale(host),
                _ => host,
            }
        })
        .collect();
    fleet("cluster", hosts)
}

/// Names that are longer than their columns, and wide ones.
pub(crate) fn long() -> Fleet {
    let mut host = spark(
        "a-very-long-host-name-that-no-column-can-hold.rack-17.example",
        1,
        62,
    );
    if let Some(processes) = &mut host.processes {
        let all = Arc::make_mut(&mut processes.value);
        all.push(GpuProcess {
            user: Metric::Is("usuário-com-nome-comprido".into()),
            command: "/opt/モデル/サーバー/実行 --重み=/data/大きい/モデル --引数 とても長いコマンドライン".into(),
            container: Metric::Is("コンテナの名前がとても長い".into()),
            ..process(99_999, "index:0", 512, "x", "x", None)
        });
    }
    let mut wide = plain("kanji");
    wide.detail = "日本語の詳細な説明がここに入ります".into();
    wide.word = HealthWord::Hot;
    fleet(
        "a-fleet-with-a-name-of-its-own-that-goes-on-and-on",
        vec![host, wide],
    )
}

/// What four new connections ask.
pub(crate) fn questions() -> Vec<PendingQuestion> {
    let key = |id: u64, host: &str, fingerprint: &str| PendingQuestion {
        id: QuestionId(id),
        host: HostId::new(host),
        at: At(3_995_000),
        question: Question::UnknownHostKey(HostKeyFacts {
            endpoint: endpoint(host),
            algorithm: "ssh-ed25519".into(),
            fingerprint: fingerprint.into(),
            file: "~/.ssh/known_hosts".into(),
        }),
    };
    vec![
        key(
            1,
            "new-1",
            "SHA256:uNiVztksCsDhcc0u9e8BgrJXVGDJsWvoHUmEw7jbQkU",
        ),
        key(
            2,
            "new-2",
            "SHA256:p2QAMXNIC1TJYWeIOttrVc98/R1BUFWu3/LiyKgUfQM",
        ),
        PendingQuestion {
            id: QuestionId(3),
            host: HostId::new("new-1"),
            at: At(3_996_000),
            question: Question::Prompts {
                from: endpoint("new-1"),
                instructions: "This system is for authorised use only.".into(),
                prompts: vec![
                    Prompt {
                        text: "Password:".into(),
                        echo: false,
                    },
                    Prompt {
                        text: "Verification code:".into(),
                        echo: true,
                    },
                ],
            },
        },
        PendingQuestion {
            id: QuestionId(4),
            host: HostId::new("new-2"),
            at: At(3_996_000),
            question: Question::Passphrase {
                key: "~/.ssh/id_ed25519".into(),
                again: true,
            },
        },
    ]
}

fn endpoint(host: &str) -> Endpoint {
    Endpoint {
        host: host.parse().unwrap(),
        port: Port::SSH,
    }
}

fn alert(host: &str, word: HealthWord, detail: &str, since: u64, until: Option<u64>) -> Alert {
    Alert {
        host: HostId::new(host),
        word,
        detail: detail.into(),
        since: At(since),
        until: until.map(At),
    }
}

fn timed<T>(value: T) -> Timed<Arc<T>> {
    Timed {
        at: At(NOW.0 - 400),
        value: Arc::new(value),
    }
}

/// A host that answers, with nothing read yet.
fn host(name: &str) -> Host {
    Host {
        id: HostId::new(name),
        spec: Arc::new(HostSpec {
            id: HostId::new(name),
            address: HostAddress::Ssh(SshSpec::new("10.0.0.7".parse().unwrap())),
            tags: vec!["lab".into()],
            gpu: GpuSourceChoice::Auto,
            power: None,
        }),
        link: Link::Up { since: At(4_000) },
        ladder: ladder(&Rung::ALL.map(|_| Outcome::Holds { since: At(4_000) })),
        word: HealthWord::Ok,
        detail: SafeText::default(),
        since: At(4_000),
        seen: Some(At(NOW.0 - 400)),
        round_trip: Some(Duration::from_micros(1_840)),
        machine: None,
        gpus: None,
        processes: None,
        disks: None,
        containers: Arc::default(),
        models: Arc::default(),
        services: Arc::default(),
        history: History::default(),
        changes: Arc::new(VecDeque::from([change(-3_900, HealthWord::Ok, None, "")])),
    }
}

fn change(seconds: i64, word: HealthWord, rung: Option<Rung>, detail: &str) -> HealthChange {
    HealthChange {
        wall: Wall(WALL.0 + seconds * 1000),
        word,
        rung,
        detail: detail.into(),
    }
}

/// A ladder with these outcomes; it is read as a recording would be.
fn ladder(outcomes: &[Outcome]) -> Ladder {
    serde_json::from_value(serde_json::json!({ "outcomes": outcomes })).unwrap()
}

fn broken_ladder(at: Rung, silent: bool, why: &str, hint: Option<&str>, since: u64) -> Ladder {
    let outcomes = Rung::ALL.map(|rung| match rung.cmp(&at) {
        std::cmp::Ordering::Less => Outcome::Holds { since: At(4_000) },
        std::cmp::Ordering::Equal => Outcome::Failed {
            since: At(since),
            silent,
            why: why.into(),
            hint: hint.map(SafeText::from),
        },
        std::cmp::Ordering::Greater => Outcome::Untried,
    });
    ladder(&outcomes)
}

fn machine(total: u64, used: u64, cache: u64, cpu: f32, cpus: u32) -> MachineReading {
    let cache = cache.min((total - used) * 3 / 4);
    MachineReading {
        load: Metric::Is([cpu * cpus as f32 / 100.0 + 0.4, 3.92, 3.70]),
        cpu: Metric::Is(Percent(cpu)),
        processors: Metric::Is(cpus),
        memory: Metric::Is(Memory {
            total: Mib(total),
            available: Mib(total - used),
            free: Mib(total - used - cache),
            cache: Mib(cache),
            swap_total: Mib(16 * 1024),
            swap_used: Mib(312),
        }),
        pressure: Metric::Is(Pressure {
            cpu_some: Percent(0.4),
            memory_some: Percent(1.2),
            memory_full: Percent(0.0),
            io_full: Percent(0.1),
        }),
        network: Metric::Is(Network {
            received: BytesPerSecond(1_240_000),
            sent: BytesPerSecond(318_000),
        }),
        uptime: Metric::Is(41 * 86_400 + 3 * 3_600),
    }
}

fn disks() -> Vec<Disk> {
    let disk = |mount: &str, device: &str, total: u64, used: u64| Disk {
        mount: mount.into(),
        device: device.into(),
        total: Bytes(total * 1_000_000_000),
        used: Bytes(used * 1_000_000_000),
        available: Bytes((total - used) * 1_000_000_000),
    };
    vec![
        disk("/", "/dev/nvme0n1p2", 982, 412),
        disk("/data", "/dev/nvme1n1", 3_840, 3_510),
    ]
}

fn reading(index: u32, name: &str) -> GpuReading {
    let wave = index as f32;
    GpuReading {
        id: GpuId::new(format!("index:{index}")),
        index,
        name: name.into(),
        bus_id: Metric::Is(format!("00000000:{:02X}:00.0", index + 1).into()),
        health: GpuHealth::Ok,
        utilisation: Metric::Is(Percent(97.0 - wave * 3.0)),
        memory: GpuMemory::Dedicated {
            used: Mib(123_400 - u64::from(index) * 900),
            total: Mib(143_771),
        },
        temperature: Metric::Is(Celsius(61.0 + wave * 2.0)),
        power: Metric::Is(Watts(612.4 - wave * 11.0)),
        power_limit: Metric::Is(Watts(700.0)),
        clock_sm: Metric::Is(Mhz(1_980)),
        clock_memory: Metric::Is(Mhz(3_201)),
        fan: Metric::Missing(Missing::NotSupported),
        pstate: Metric::Is(0),
        throttle: Metric::Is(Throttle(0)),
        ecc: Metric::Is(Ecc::default()),
        mig: Vec::new(),
    }
}

fn gb10() -> GpuReading {
    GpuReading {
        utilisation: Metric::Is(Percent(97.0)),
        memory: GpuMemory::Unified,
        temperature: Metric::Is(Celsius(68.0)),
        power: Metric::Is(Watts(41.3)),
        power_limit: Metric::Missing(Missing::NotSupported),
        clock_sm: Metric::Is(Mhz(2_418)),
        clock_memory: Metric::Missing(Missing::NotSupported),
        ecc: Metric::Missing(Missing::NotSupported),
        ..reading(0, "NVIDIA GB10")
    }
}

fn report(source: GpuSourceKind, gpus: Vec<GpuReading>) -> GpuReport {
    GpuReport {
        condition: GpuCondition::Working,
        source,
        driver: Metric::Is("580.95.05".into()),
        cuda: Metric::Is("13.0".into()),
        gpus,
    }
}

fn process(
    pid: u32,
    gpu: &str,
    mib: u64,
    user: &str,
    command: &str,
    container: Option<&str>,
) -> GpuProcess {
    GpuProcess {
        pid,
        gpu: GpuId::new(gpu),
        memory: Metric::Is(Mib(mib)),
        user: Metric::Is(user.into()),
        command: command.into(),
        container: container.map(SafeText::from).into(),
        started: Metric::Is(u64::from(pid) * 100),
    }
}

/// A wave that is the same every time: slow, with a ripple, between two values.
fn wave(second: u64, phase: u64, low: f32, high: f32) -> f32 {
    let t = second as f32 + phase as f32 * 17.0;
    let slow = (t / 41.0).sin() * 0.5 + 0.5;
    let ripple = (t / 3.7).sin() * 0.12 + (t / 1.3).cos() * 0.06;
    low + (high - low) * (slow * 0.8 + 0.1 + ripple).clamp(0.0, 1.0)
}

fn past(host: &mut Host, gpus: u32, phase: u64, until: u64) {
    // An hour for the one host that is looked at so; for the others what two minutes show.
    let from = if gpus == 0 { 400 } else { NOW.0 / 1000 - 140 };
    for second in from..until {
        let at = At(second * 1000);
        // A load at 120 s ago fills memory step by step.
        let filled = (second.saturating_sub(3_890) as f32 / 60.0).min(1.0);
        host.history
            .record(SeriesKey::Cpu, at, wave(second, phase, 5.0, 45.0));
        host.history
            .record(SeriesKey::Memory, at, 40.0 + 52.0 * filled);
        for gpu in 0..gpus {
            let turn = phase + u64::from(gpu);
            host.history.record(
                SeriesKey::GpuUtilisation(gpu),
                at,
                wave(second, turn, 8.0, 100.0),
            );
            host.history
                .record(SeriesKey::GpuMemory(gpu), at, 60.0 + 26.0 * filled);
            host.history.record(
                SeriesKey::GpuTemperature(gpu),
                at,
                wave(second, turn, 48.0, 72.0),
            );
            host.history.record(
                SeriesKey::GpuPower(gpu),
                at,
                wave(second, turn, 12.0, 600.0) / if gpus == 1 { 10.0 } else { 1.0 },
            );
        }
    }
}

/// A DGX Spark with this much of its memory held, in GiB.
pub(crate) fn spark(name: &str, phase: u32, used: u64) -> Host {
    let mut host = host(name);
    host.machine = Some(timed(machine(122_571, used * 1024, 7_300, 23.0, 20)));
    host.gpus = Some(timed(report(
        GpuSourceKind::NvidiaSmi,
        vec![GpuReading {
            utilisation: Metric::Is(Percent((41 + phase * 29 % 57) as f32)),
            ..gb10()
        }],
    )));
    let gpu = used * 1024 * 8 / 10;
    host.processes = Some(timed(vec![
        process(
            4121,
            "index:0",
            gpu * 9 / 10,
            "anna",
            "VLLM::EngineCore --model Qwen/Qwen3-Next-80B-A3B-Instruct-FP8 --gpu-memory-utilization 0.80",
            Some("vllm_node"),
        ),
        process(
            90_233,
            "index:0",
            gpu / 10,
            "jupyter",
            "/usr/bin/python3 -m ipykernel_launcher -f /tmp/kernel-1.json",
            None,
        ),
        process(
            2_210,
            "index:0",
            187,
            "gdm",
            "/usr/lib/xorg/Xorg vt1 -displayfd 3",
            None,
        ),
    ]));
    host.disks = Some(timed(disks()));
    past(&mut host, 1, u64::from(phase), NOW.0 / 1000);
    host
}

fn tight(mut host: Host) -> Host {
    host.word = HealthWord::Tight;
    host.detail = "6 GiB left".into();
    host.since = At(3_640_000);
    host.changes = Arc::new(VecDeque::from([
        change(
            -86_400,
            HealthWord::Down,
            Some(Rung::Tcp),
            "connection refused",
        ),
        change(-86_000, HealthWord::Ok, None, ""),
        change(-360, HealthWord::Tight, None, "6 GiB left"),
    ]));
    host
}

/// Eight H200 with one at work harder than is good for it.
pub(crate) fn h200(name: &str) -> Host {
    let mut host = host(name);
    host.machine = Some(timed(machine(2_063_000, 412_000, 980_000, 31.0, 192)));
    let mut gpus: Vec<GpuReading> = (0..8).map(|n| reading(n, "NVIDIA H200")).collect();
    if let Some(third) = gpus.get_mut(3) {
        third.temperature = Metric::Is(Celsius(89.0));
        third.throttle = Metric::Is(Throttle(0x4 | 0x20));
    }
    if let Some(last) = gpus.get_mut(7) {
        last.mig = ["3g.71gb", "1g.18gb"]
            .into_iter()
            .enumerate()
            .map(|(n, profile)| MigInstance {
                id: GpuId::new(format!("MIG-{n}")),
                profile: profile.into(),
                memory: GpuMemory::Dedicated {
                    used: Mib(11_000),
                    total: Mib(71_000),
                },
            })
            .collect();
    }
    host.gpus = Some(timed(report(GpuSourceKind::Probe, gpus)));
    host.processes = Some(timed(
        (0..8_u32)
            .map(|n| {
                process(
                    7_001 + n,
                    &format!("index:{n}"),
                    121_000 - u64::from(n) * 880,
                    "train",
                    "torchrun --nproc-per-node 8 pretrain.py --config llama-70b.yaml",
                    Some("pretrain-70b"),
                )
            })
            .collect(),
    ));
    host.disks = Some(timed(disks()));
    past(&mut host, 8, 3, NOW.0 / 1000);
    host
}

/// A machine without a GPU.
pub(crate) fn plain(name: &str) -> Host {
    let mut host = host(name);
    host.machine = Some(timed(machine(64_000, 9_100, 38_000, 4.0, 16)));
    host.gpus = Some(timed(GpuReport {
        condition: GpuCondition::NoTool,
        source: GpuSourceKind::NvidiaSmi,
        driver: Metric::default(),
        cuda: Metric::default(),
        gpus: Vec::new(),
    }));
    host.disks = Some(timed(disks()));
    past(&mut host, 0, 9, NOW.0 / 1000);
    host
}

/// Its clocks stopped `seconds` ago.
fn aged(mut host: Host, seconds: u64) -> Host {
    let at = At(NOW.0 - seconds * 1000);
    if let Some(read) = &mut host.machine {
        read.at = at;
    }
    if let Some(read) = &mut host.gpus {
        read.at = at;
    }
    if let Some(read) = &mut host.processes {
        read.at = at;
    }
    if let Some(read) = &mut host.disks {
        read.at = at;
    }
    host.seen = Some(at);
    host.history = History::default();
    let stop = at.0 / 1000;
    past(&mut host, 1, 3, stop);
    host
}

fn wedged(host: Host) -> Host {
    let mut host = aged(host, 190);
    host.word = HealthWord::Wedged;
    host.detail = "ssh banner".into();
    host.since = At(3_810_000);
    host.link = Link::Waiting {
        until: At(4_012_000),
        why: "no ssh banner within 10 s".into(),
    };
    host.ladder = broken_ladder(
        Rung::Banner,
        true,
        "tcp is taken, then silence for 10 s",
        Some(
            "the kernel answers and sshd does not: out of memory is the usual cause; a power cycle may be needed",
        ),
        3_810_000,
    );
    host.round_trip = None;
    host.changes = Arc::new(VecDeque::from([
        change(-3_900, HealthWord::Ok, None, ""),
        change(-400, HealthWord::Tight, None, "2 GiB left"),
        change(
            -190,
            HealthWord::Wedged,
            Some(Rung::Banner),
            "silent for 10 s",
        ),
    ]));
    host
}

fn mismatch(mut host: Host) -> Host {
    host.word = HealthWord::Driver;
    host.detail = "driver and library versions differ".into();
    host.since = At(3_300_000);
    host.gpus = Some(timed(GpuReport {
        condition: GpuCondition::VersionMismatch {
            detail: "NVML library version: 580.95".into(),
        },
        source: GpuSourceKind::NvidiaSmi,
        driver: Metric::default(),
        cuda: Metric::default(),
        gpus: Vec::new(),
    }));
    host.ladder = broken_ladder(
        Rung::Driver,
        false,
        "driver and library versions differ",
        Some("reboot, or unload and load the nvidia modules"),
        3_300_000,
    );
    host.processes = None;
    host
}

fn lost(mut host: Host) -> Host {
    host.word = HealthWord::Driver;
    host.detail = "gpu 5 fell off the bus".into();
    host.since = At(3_700_000);
    if let Some(read) = &mut host.gpus
        && let Some(gpu) = Arc::make_mut(&mut read.value).gpus.get_mut(5)
    {
        let gone = || Missing::Lost;
        gpu.health = GpuHealth::Lost;
        gpu.utilisation = Metric::Missing(gone());
        gpu.memory = GpuMemory::Missing(gone());
        gpu.temperature = Metric::Missing(gone());
        gpu.power = Metric::Missing(gone());
        gpu.clock_sm = Metric::Missing(gone());
    }
    host
}

fn stale(host: Host) -> Host {
    let mut host = aged(host, 12);
    host.word = HealthWord::Stale;
    host.since = At(3_990_000);
    host
}

fn down(name: &str) -> Host {
    let mut host = host(name);
    host.word = HealthWord::Down;
    host.detail = "tcp".into();
    host.since = At(3_280_000);
    host.seen = None;
    host.round_trip = None;
    host.link = Link::Waiting {
        until: At(4_021_000),
        why: "connection refused".into(),
    };
    host.ladder = broken_ladder(
        Rung::Tcp,
        false,
        "connection refused by 10.0.0.7 port 22",
        Some("is sshd running there? is the port right?"),
        3_280_000,
    );
    host.changes = Arc::new(VecDeque::from([change(
        -720,
        HealthWord::Down,
        Some(Rung::Tcp),
        "connection refused",
    )]));
    host
}

fn asking(name: &str) -> Host {
    let mut host = connecting(name);
    host.word = HealthWord::Asking;
    host.detail = "host key".into();
    host
}

fn connecting(name: &str) -> Host {
    let mut host = host(name);
    host.word = HealthWord::Connecting;
    host.since = At(3_995_000);
    host.seen = None;
    host.round_trip = None;
    host.link = Link::Dialing {
        attempt: 1,
        since: At(3_995_000),
    };
    host.ladder = ladder(&Rung::ALL.map(|rung| {
        if rung <= Rung::Tcp {
            Outcome::Holds {
                since: At(3_995_000),
            }
        } else {
            Outcome::Untried
        }
    }));
    host.changes = Arc::default();
    host
}
