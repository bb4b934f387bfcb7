//! The kinds of machine that the demo has (pure data), with numbers as seen on real ones.

use super::load::Pattern;
use super::profile::{DiskKind, GpuKind, Nic, Profile, WorkKind};

const MB: f32 = 1_000_000.0;

/// GB10 as seen on real machines: no memory of its own, no power limit, no memory clock, no fan, no ECC; P8 at rest.
const GB10: GpuKind = GpuKind {
    count: 1,
    name: "NVIDIA GB10",
    driver: "580.95.05",
    cuda: "13.0",
    bus_ids: &["0000000F:01:00.0"],
    memory_mib: None,
    reserved_mib: 0,
    power: (4.2, 52.0),
    power_limit: None,
    clock_sm: (208.0, 2418.0),
    clock_memory: None,
    ambient: 35.0,
    resistance: 0.72,
    inertia: 35.0,
    pstate_idle: 8,
    ecc: false,
};

const SPARK_DISKS: &[DiskKind] = &[DiskKind {
    device: "/dev/nvme0n1p2",
    mount: "/",
    total_kb: 3_843_000_000,
    used_kb: 1_412_000_000,
    growth_kb: 22.0,
}];

const fn spark(works: &'static [WorkKind], cache_mib: u64, uptime: u64) -> Profile {
    Profile {
        tags: &["spark", "gb10"],
        kernel: "6.11.0-1016-nvidia",
        arch: "aarch64",
        processors: 20,
        memory_kb: 127_600_748,
        swap_kb: 16_777_212,
        system_mib: 5_200,
        cache_mib,
        system_cores: 0.3,
        gpus: Some(GB10),
        disks: SPARK_DISKS,
        network: Nic {
            name: "enP7s7",
            driver: "r8127 0007:01:00.0",
            idle: (9_000.0, 6_000.0),
        },
        uptime,
        docker: true,
        works,
    }
}

/// A DGX Spark that serves a small model and draws pictures, with room to spare.
pub(super) static SPARK_SERVING: Profile = spark(
    &[
        WorkKind {
            pid: 4121,
            user: "root",
            command: "VLLM::EngineCore --model openai/gpt-oss-20b --gpu-memory-utilization 0.38",
            container: Some("vllm_node"),
            gpus: &[0],
            gpu_mib: 44_310,
            resting: 1.0,
            rss_mib: 3_480,
            pattern: Pattern::Serving {
                level: 0.44,
                swing: 0.26,
                period: 140.0,
            },
            cores: 2.6,
            traffic: (0.09 * MB, 0.42 * MB),
        },
        WorkKind {
            pid: 5208,
            user: "maria",
            command: "python3 main.py --listen 0.0.0.0 --port 8188",
            container: Some("comfyui"),
            gpus: &[0],
            gpu_mib: 9_870,
            resting: 0.34,
            rss_mib: 2_260,
            pattern: Pattern::Bursts {
                busy: 34.0,
                rest: 210.0,
                level: 0.93,
            },
            cores: 1.4,
            traffic: (0.02 * MB, 1.1 * MB),
        },
        WorkKind {
            pid: 2977,
            user: "ollama",
            command: "/usr/local/bin/ollama runner --model nomic-embed-text --port 41233",
            container: None,
            gpus: &[0],
            gpu_mib: 866,
            resting: 0.2,
            rss_mib: 412,
            pattern: Pattern::Bursts {
                busy: 6.0,
                rest: 75.0,
                level: 0.2,
            },
            cores: 0.8,
            traffic: (0.05 * MB, 0.02 * MB),
        },
    ],
    31_400,
    1_918_233,
);

/// A DGX Spark that one big model fills almost to the brim.
pub(super) static SPARK_FULL: Profile = spark(
    &[
        WorkKind {
            pid: 3904,
            user: "root",
            command: "VLLM::EngineCore --model openai/gpt-oss-120b --gpu-memory-utilization 0.85 --max-model-len 131072",
            container: Some("vllm_node"),
            gpus: &[0],
            gpu_mib: 102_260,
            resting: 1.0,
            rss_mib: 5_640,
            pattern: Pattern::Serving {
                level: 0.88,
                swing: 0.09,
                period: 95.0,
            },
            cores: 3.8,
            traffic: (0.16 * MB, 0.7 * MB),
        },
        WorkKind {
            pid: 3122,
            user: "root",
            command: "/app/whisper-server --model large-v3-turbo --port 9000",
            container: Some("whisper"),
            gpus: &[0],
            gpu_mib: 3_790,
            resting: 0.82,
            rss_mib: 1_130,
            pattern: Pattern::Bursts {
                busy: 11.0,
                rest: 64.0,
                level: 0.34,
            },
            cores: 1.1,
            traffic: (0.3 * MB, 0.01 * MB),
        },
    ],
    4_300,
    604_127,
);

/// H200 SXM: passive, so no fan of its own; HBM always at full clock; P0 even at rest.
const H200_SXM: GpuKind = GpuKind {
    count: 8,
    name: "NVIDIA H200",
    driver: "570.172.08",
    cuda: "12.8",
    bus_ids: &[
        "00000000:18:00.0",
        "00000000:2A:00.0",
        "00000000:3A:00.0",
        "00000000:5D:00.0",
        "00000000:9A:00.0",
        "00000000:AB:00.0",
        "00000000:BA:00.0",
        "00000000:DB:00.0",
    ],
    memory_mib: Some(143_771),
    reserved_mib: 4,
    power: (76.0, 668.0),
    power_limit: Some(700.0),
    clock_sm: (345.0, 1_980.0),
    clock_memory: Some(3_201),
    ambient: 25.0,
    resistance: 0.058,
    inertia: 22.0,
    pstate_idle: 0,
    ecc: true,
};

const TRAINING: Pattern = Pattern::Training {
    level: 0.985,
    checkpoint_every: 420.0,
    checkpoint_for: 14.0,
};

/// One rank of the training job: a process per GPU, all in step because they share a pattern and a phase.
const fn rank(gpu: &'static [usize], pid: u32, gpu_mib: u64) -> WorkKind {
    WorkKind {
        pid,
        user: "wei",
        command: "/opt/conda/bin/python -u train.py --config llama-8b-sft.yaml (torchrun --nproc-per-node 4)",
        container: Some("sft-llama-8b"),
        gpus: gpu,
        gpu_mib,
        resting: 1.0,
        rss_mib: 31_200,
        pattern: TRAINING,
        cores: 7.5,
        traffic: (62.0 * MB, 3.4 * MB),
    }
}

/// A rack machine with eight H200: four train, three serve, one is a notebook's.
pub(super) static H200: Profile = Profile {
    tags: &["h200", "rack"],
    kernel: "6.8.0-79-generic",
    arch: "x86_64",
    processors: 192,
    memory_kb: 2_113_407_400,
    swap_kb: 0,
    system_mib: 24_600,
    cache_mib: 912_000,
    system_cores: 2.2,
    gpus: Some(H200_SXM),
    disks: &[
        DiskKind {
            device: "/dev/md0",
            mount: "/",
            total_kb: 1_843_000_000,
            used_kb: 311_000_000,
            growth_kb: 40.0,
        },
        DiskKind {
            device: "/dev/md1",
            mount: "/raid",
            total_kb: 30_002_000_000,
            used_kb: 21_940_000_000,
            growth_kb: 9_400.0,
        },
    ],
    network: Nic {
        name: "eno1",
        driver: "ixgbe 0000:16:00.0",
        idle: (60_000.0, 45_000.0),
    },
    uptime: 3_511_904,
    docker: true,
    works: &[
        rank(&[0], 71_820, 121_946),
        rank(&[1], 71_821, 121_310),
        rank(&[2], 71_822, 121_310),
        rank(&[3], 71_823, 121_118),
        WorkKind {
            pid: 40_377,
            user: "root",
            command: "VLLM::Worker_TP --model Qwen/Qwen3-235B-A22B-Instruct-2507-FP8 --tensor-parallel-size 2",
            container: Some("vllm-qwen3"),
            gpus: &[4, 5],
            gpu_mib: 129_404,
            resting: 1.0,
            rss_mib: 18_900,
            pattern: Pattern::Serving {
                level: 0.71,
                swing: 0.2,
                period: 170.0,
            },
            cores: 6.0,
            traffic: (0.9 * MB, 3.1 * MB),
        },
        WorkKind {
            pid: 52_903,
            user: "root",
            command: "sglang::scheduler --model-path meta-llama/Llama-3.3-70B-Instruct --port 30000",
            container: Some("sglang-llama"),
            gpus: &[6],
            gpu_mib: 124_880,
            resting: 1.0,
            rss_mib: 12_400,
            pattern: Pattern::Serving {
                level: 0.46,
                swing: 0.31,
                period: 110.0,
            },
            cores: 3.2,
            traffic: (0.4 * MB, 1.6 * MB),
        },
        WorkKind {
            pid: 60_114,
            user: "amir",
            command: "/home/amir/venv/bin/python -m ipykernel_launcher -f kernel-8c1e.json",
            container: None,
            gpus: &[7],
            gpu_mib: 18_262,
            resting: 0.71,
            rss_mib: 9_100,
            pattern: Pattern::Bursts {
                busy: 22.0,
                rest: 160.0,
                level: 0.62,
            },
            cores: 1.0,
            traffic: (0.1 * MB, 0.1 * MB),
        },
    ],
};

/// A Linux machine without a GPU and without containers: a database, and backups now and then.
pub(super) static PLAIN: Profile = Profile {
    tags: &["plain"],
    kernel: "6.12.43+deb13-amd64",
    arch: "x86_64",
    processors: 8,
    memory_kb: 32_768_512,
    swap_kb: 8_388_604,
    system_mib: 1_180,
    cache_mib: 17_900,
    system_cores: 0.12,
    gpus: None,
    disks: &[
        DiskKind {
            device: "/dev/nvme0n1p2",
            mount: "/",
            total_kb: 478_000_000,
            used_kb: 92_000_000,
            growth_kb: 6.0,
        },
        DiskKind {
            device: "/dev/sda1",
            mount: "/srv",
            total_kb: 15_624_000_000,
            used_kb: 11_890_000_000,
            growth_kb: 310.0,
        },
    ],
    network: Nic {
        name: "enp3s0",
        driver: "igc 0000:03:00.0",
        idle: (32_000.0, 41_000.0),
    },
    uptime: 8_020_411,
    docker: false,
    works: &[
        WorkKind {
            pid: 911,
            user: "postgres",
            command: "postgres: 16/main: checkpointer",
            container: None,
            gpus: &[],
            gpu_mib: 0,
            resting: 1.0,
            rss_mib: 2_900,
            pattern: Pattern::Serving {
                level: 0.22,
                swing: 0.14,
                period: 80.0,
            },
            cores: 1.9,
            traffic: (0.6 * MB, 2.4 * MB),
        },
        WorkKind {
            pid: 1404,
            user: "backup",
            command: "restic backup /srv --limit-upload 20000",
            container: None,
            gpus: &[],
            gpu_mib: 0,
            resting: 1.0,
            rss_mib: 640,
            pattern: Pattern::Bursts {
                busy: 90.0,
                rest: 400.0,
                level: 0.9,
            },
            cores: 1.6,
            traffic: (0.2 * MB, 18.0 * MB),
        },
    ],
};
