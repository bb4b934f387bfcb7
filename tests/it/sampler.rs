//! The sampler's own script on this machine, over the local Exec, with a stand-in for nvidia-smi: every state of a driver,
//! five login shells, five kinds of `sh`, hang, drop, kill, and what it leaves behind.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use pilothouse::clock::Clock;
use pilothouse::domain::{
    GpuCondition, GpuMemory, GpuSourceChoice, GpuSourceKind, Metric, Mib, Missing, Percent, Sample,
    Throttle,
};
use pilothouse::exec::{
    BoxedIo, Exec, ExecError, HostSocket, LineStream, LocalExec, Output, RunLimits,
};
use pilothouse::machine::{Beat, Sampler, SamplerError, SamplerSettings};
use pilothouse::shell::{EnvName, RemotePath, ShellCommand, ShellWord};
use pilothouse::tasks::Tasks;
use rustix::process::{Pid, Signal, kill_process};

use crate::quoting::{SHELLS, by_login_shell};

/// Between two beats of a test.
const PERIOD: Duration = Duration::from_millis(20);
/// Far more than anything here takes.
const LONG: Duration = Duration::from_secs(30);
/// How long the host may still show something after the channel closed: two seconds, and room for a loaded machine.
const FAREWELL: Duration = Duration::from_secs(5);

/// This machine, with a login shell between and the stub first on its path. Every process that starts here carries a
/// mark in its environment, so that what is left can be counted.
struct Host {
    exec: LocalExec,
    clock: Clock,
    shell: &'static [&'static str],
    banner: &'static str,
    folder: tempfile::TempDir,
    env: Vec<(&'static str, String)>,
}

impl Host {
    fn new(stub: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let state = folder.path().join("state");
        fs::write(&state, format!("{stub}\n")).unwrap();
        let bin = folder.path().join("bin");
        fs::create_dir(&bin).unwrap();
        let tool = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/lab/bin/nvidia-smi");
        symlink(tool, bin.join("nvidia-smi")).unwrap();
        let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/fixtures/smi");
        let path = format!("{}:/usr/local/bin:/usr/bin:/bin", bin.display());
        let env = vec![
            ("PATH", path),
            ("HOME", folder.path().display().to_string()),
            ("PILOTHOUSE_STUB_FILE", state.display().to_string()),
            ("PILOTHOUSE_STUB_DATA", data.display().to_string()),
            ("PILOTHOUSE_STUB_PID", std::process::id().to_string()),
        ];
        Self {
            exec: LocalExec::new(Tasks::new()),
            clock: Clock::system(),
            shell: SHELLS[2],
            banner: "",
            folder,
            env,
        }
    }

    fn stub(&self, stub: &str) {
        let state = self.folder.path().join("state");
        let new = self.folder.path().join("state.new");
        fs::write(&new, format!("{stub}\n")).unwrap();
        fs::rename(new, state).unwrap();
    }

    /// Makes `sh` on this host's path another shell.
    fn sh_is(&self, program: &str) {
        let found = ["/usr/bin", "/bin"]
            .iter()
            .map(|folder| Path::new(folder).join(program))
            .find(|path| path.exists());
        let found = found.unwrap_or_else(|| panic!("{program} is not installed"));
        symlink(found, self.folder.path().join("bin/sh")).unwrap();
    }

    async fn sampler(&self, gpu: GpuSourceChoice) -> Sampler {
        let settings = SamplerSettings {
            period: PERIOD,
            gpu,
        };
        Sampler::start(self, &settings).await.unwrap()
    }

    async fn beat(&self, sampler: &mut Sampler) -> Result<Beat, SamplerError> {
        sampler.beat(self.clock.at()).await
    }

    /// Beats at the period until everything that was read together says yes.
    async fn until(
        &self,
        sampler: &mut Sampler,
        what: &str,
        done: impl Fn(&Sample) -> bool,
    ) -> Sample {
        let mut all = Sample::default();
        let beats = async {
            let mut pace = tokio::time::interval(PERIOD);
            while !done(&all) {
                pace.tick().await;
                all.absorb(self.beat(sampler).await.unwrap().sample);
            }
        };
        let in_time = tokio::time::timeout(LONG, beats).await.is_ok();
        assert!(in_time, "{what} did not come: {all:#?}");
        all
    }

    /// Processes that this host started and that still run, zombies left out.
    fn left(&self) -> BTreeMap<i32, String> {
        let mark = format!("HOME={}", self.folder.path().display());
        processes()
            .filter(|(_, folder)| {
                fs::read(folder.join("environ"))
                    .is_ok_and(|environ| environ.split(|b| *b == 0).any(|v| v == mark.as_bytes()))
            })
            .map(|(pid, folder)| {
                let words = fs::read(folder.join("cmdline")).unwrap_or_default();
                (pid, String::from_utf8_lossy(&words).replace('\0', " "))
            })
            .collect()
    }

    async fn all_gone(&self) {
        let gone = async {
            let mut pace = tokio::time::interval(PERIOD);
            while !self.left().is_empty() {
                pace.tick().await;
            }
        };
        let in_time = tokio::time::timeout(FAREWELL, gone).await.is_ok();
        assert!(in_time, "still there: {:#?}", self.left());
    }
}

fn processes() -> impl Iterator<Item = (i32, PathBuf)> {
    fs::read_dir("/proc").unwrap().filter_map(|entry| {
        let path = entry.ok()?.path();
        let pid = path.file_name()?.to_str()?.parse().ok()?;
        Some((pid, path))
    })
}

#[async_trait]
impl Exec for Host {
    async fn run(&self, command: &ShellCommand, limits: RunLimits) -> Result<Output, ExecError> {
        self.exec.run(command, limits).await
    }

    async fn stream(&self, command: &ShellCommand) -> Result<LineStream, ExecError> {
        let line = format!("{}{}", self.banner, command.render());
        let mut command = by_login_shell(self.shell, &line);
        for (name, value) in &self.env {
            let value = ShellWord::new(value.clone()).unwrap();
            command = command.env(EnvName::new(*name).unwrap(), value);
        }
        self.exec.stream(&command).await
    }

    async fn upload(&self, path: &RemotePath, mode: u32, content: Bytes) -> Result<(), ExecError> {
        self.exec.upload(path, mode, content).await
    }

    async fn connect(&self, socket: &HostSocket) -> Result<BoxedIo, ExecError> {
        self.exec.connect(socket).await
    }
}

fn condition(sample: &Sample) -> Option<&GpuCondition> {
    sample.gpus.as_ref().map(|report| &report.condition)
}

fn has_gpus(sample: &Sample) -> bool {
    let gpus = sample.gpus.as_ref().map(|report| report.gpus.len());
    condition(sample) == Some(&GpuCondition::Working) && gpus > Some(0)
}

#[tokio::test]
async fn the_machine_itself() {
    let host = Host::new("h200x8");
    let mut sampler = host.sampler(GpuSourceChoice::None).await;
    let sample = host
        .until(&mut sampler, "rates and disks", |sample| {
            sample.disks.is_some()
                && sample.machine.as_ref().is_some_and(|machine| {
                    machine.cpu.value().is_some() && machine.network.value().is_some()
                })
        })
        .await;
    let machine = sample.machine.unwrap();
    let memory = machine.memory.value().unwrap();
    assert!(memory.total > Mib(0) && memory.available <= memory.total);
    assert!(machine.cpu.value().unwrap().0 <= 100.0);
    let processors = std::thread::available_parallelism().unwrap().get();
    assert!(*machine.processors.value().unwrap() as usize >= processors);
    let uptime = fs::read_to_string("/proc/uptime").unwrap();
    let uptime: f64 = uptime.split(' ').next().unwrap().parse().unwrap();
    assert!(machine.uptime.value().unwrap().abs_diff(uptime as u64) <= 60);
    let disks = sample.disks.unwrap();
    assert!(
        disks.iter().any(|disk| disk.mount.as_str() == "/"),
        "{disks:#?}"
    );
    assert!(sample.gpus.is_none());
}

#[tokio::test]
async fn eight_gpus_with_their_processes() {
    let host = Host::new("h200x8");
    let mut sampler = host.sampler(GpuSourceChoice::Auto).await;
    let me = std::process::id();
    let sample = host
        .until(&mut sampler, "a process with its owner", |sample| {
            let report = sample.gpus.as_ref();
            report.is_some_and(|r| r.gpus.len() == 8 && r.cuda.value().is_some())
                && sample.processes.as_ref().is_some_and(|processes| {
                    processes.len() == 3 && processes.iter().any(|p| p.user.value().is_some())
                })
        })
        .await;
    let report = sample.gpus.unwrap();
    assert_eq!(report.driver, Metric::Is("570.133.20".into()));
    assert_eq!(report.cuda, Metric::Is("12.8".into()));
    assert_eq!(report.gpus[3].utilisation, Metric::Is(Percent(99.0)));
    assert_eq!(report.gpus[0].throttle, Metric::Is(Throttle(4)));
    assert_eq!(report.gpus[0].fan, Metric::Missing(Missing::NotSupported));
    let processes = sample.processes.unwrap();
    let mine = processes.iter().find(|p| p.pid == me).unwrap();
    assert_eq!(mine.memory, Metric::Is(Mib(131_000)));
    assert_eq!(mine.gpu, report.gpus[0].id);
    let stat = fs::read_to_string("/proc/self/stat").unwrap();
    let started = stat
        .rsplit_once(") ")
        .unwrap()
        .1
        .split(' ')
        .nth(19)
        .unwrap();
    assert_eq!(mine.started, Metric::Is(started.parse().unwrap()));
    let program = std::env::args().next().unwrap();
    assert!(mine.command.as_str().starts_with(&program), "{mine:?}");
}

#[tokio::test]
async fn what_a_driver_may_say() {
    let lost = "Unable to determine the device handle for GPU 0000:02:00.0: GPU is lost.  Reboot the system to recover this GPU";
    for (stub, wanted) in [
        ("driver-error", GpuCondition::NoDriver),
        ("no-devices", GpuCondition::NoDevices),
        (
            "mismatch",
            GpuCondition::VersionMismatch {
                detail: "library 580.95".into(),
            },
        ),
        (
            "lost",
            GpuCondition::Lost {
                detail: lost.into(),
            },
        ),
    ] {
        let host = Host::new(stub);
        let mut sampler = host.sampler(GpuSourceChoice::Auto).await;
        host.until(&mut sampler, stub, |sample| {
            condition(sample) == Some(&wanted)
        })
        .await;
    }
}

#[tokio::test]
async fn a_driver_that_comes_back_is_found_again() {
    let host = Host::new("driver-error");
    let mut sampler = host.sampler(GpuSourceChoice::Auto).await;
    host.until(&mut sampler, "no driver", |sample| {
        condition(sample) == Some(&GpuCondition::NoDriver)
    })
    .await;
    host.stub("rtx");
    let sample = host.until(&mut sampler, "the gpu", has_gpus).await;
    assert_eq!(
        sample.gpus.unwrap().gpus[0].name.as_str(),
        "NVIDIA GeForce RTX 4090"
    );
}

#[tokio::test]
async fn unified_memory_mig_and_an_old_driver() {
    let host = Host::new("gb10");
    let mut sampler = host.sampler(GpuSourceChoice::NvidiaSmi).await;
    let sample = host.until(&mut sampler, "gb10", has_gpus).await;
    assert_eq!(sample.gpus.unwrap().gpus[0].memory, GpuMemory::Unified);

    let host = Host::new("mig");
    let mut sampler = host.sampler(GpuSourceChoice::Auto).await;
    host.until(&mut sampler, "mig instances", |sample| {
        has_gpus(sample) && {
            let profiles = sample.gpus.as_ref().unwrap().gpus[0].mig.iter();
            profiles
                .map(|m| m.profile.as_str())
                .eq(["3g.71gb", "1g.18gb"])
        }
    })
    .await;

    let host = Host::new("unknown-field");
    let mut sampler = host.sampler(GpuSourceChoice::Auto).await;
    let sample = host.until(&mut sampler, "an old driver", has_gpus).await;
    let gpu = &sample.gpus.unwrap().gpus[0];
    assert_eq!(gpu.throttle, Metric::Is(Throttle(1)));
    assert_eq!(gpu.fan, Metric::Missing(Missing::NotSupported));
}

#[tokio::test]
async fn a_tool_that_hangs_stops_nothing() {
    let host = Host::new("hang");
    let mut sampler = host.sampler(GpuSourceChoice::Auto).await;
    host.until(&mut sampler, "hung from the start", |sample| {
        condition(sample) == Some(&GpuCondition::Hung)
    })
    .await;
    // The rest goes on, and nothing was started beside it.
    let sample = host.beat(&mut sampler).await.unwrap().sample;
    assert!(sample.machine.is_some());
    let hanging = |host: &Host| {
        host.left()
            .values()
            .filter(|c| c.starts_with("sleep 86400"))
            .count()
    };
    assert_eq!(hanging(&host), 1);

    let host = Host::new("rtx");
    let mut sampler = host.sampler(GpuSourceChoice::Auto).await;
    host.until(&mut sampler, "rows", has_gpus).await;
    host.stub("hang");
    let sample = host
        .until(&mut sampler, "hung while it ran", |sample| {
            condition(sample) == Some(&GpuCondition::Hung)
        })
        .await;
    assert_eq!(sample.gpus.unwrap().gpus.len(), 1, "the last reading stays");
    drop(sampler);
    host.all_gone().await;
}

#[tokio::test]
async fn no_tool_is_a_state() {
    let host = Host::new("h200x8");
    fs::remove_file(host.folder.path().join("bin/nvidia-smi")).unwrap();
    let mut sampler = host.sampler(GpuSourceChoice::Auto).await;
    host.until(&mut sampler, "no tool", |sample| {
        condition(sample) == Some(&GpuCondition::NoTool)
    })
    .await;
}

#[tokio::test]
async fn nvml_here_answers_or_says_why() {
    let host = Host::new("h200x8");
    let settings = SamplerSettings {
        period: PERIOD,
        gpu: GpuSourceChoice::Nvml,
    };
    let mut sampler = Sampler::start_here(&host, &settings).await.unwrap();
    let sample = host
        .until(&mut sampler, "an answer", |sample| sample.gpus.is_some())
        .await;
    let report = sample.gpus.unwrap();
    assert_eq!(report.source, GpuSourceKind::Nvml);
    let works = report.condition == GpuCondition::Working;
    assert_eq!(works, !report.gpus.is_empty(), "{report:?}");
}

#[tokio::test]
async fn five_login_shells_and_a_chatty_one() {
    for shell in SHELLS {
        let mut host = Host::new("rtx");
        host.shell = shell;
        host.banner = "printf 'Welcome\\nto \\033[2J\\033]0;x\\007 cpu 1 2 3 no newline'; ";
        let mut sampler = host.sampler(GpuSourceChoice::Auto).await;
        let sample = host.until(&mut sampler, shell[0], has_gpus).await;
        assert!(sample.machine.unwrap().memory.value().is_some());
        drop(sampler);
        host.all_gone().await;
    }
}

#[tokio::test]
async fn four_kinds_of_sh_leave_nothing_behind() {
    for sh in ["dash", "bash", "zsh", "busybox"] {
        let host = Host::new("h200x8");
        host.sh_is(sh);
        let mut sampler = host.sampler(GpuSourceChoice::Auto).await;
        host.until(&mut sampler, sh, |sample| {
            has_gpus(sample) && sample.processes.as_ref().is_some_and(|p| p.len() == 3)
        })
        .await;
        assert!(host.left().len() > 5, "{:#?}", host.left());
        drop(sampler);
        host.all_gone().await;
    }
}

#[tokio::test]
async fn killing_the_shell_that_reads_our_beats_leaves_nothing_behind() {
    for sh in ["dash", "bash", "zsh", "busybox"] {
        for stub in ["h200x8", "hang"] {
            let host = Host::new(stub);
            host.sh_is(sh);
            let mut sampler = host.sampler(GpuSourceChoice::Auto).await;
            host.until(&mut sampler, "the first beat", |sample| {
                sample.machine.is_some()
            })
            .await;
            let body = reader_of_beats(&host);
            kill_process(Pid::from_raw(body).unwrap(), Signal::KILL).unwrap();
            let ended = async {
                loop {
                    if let Err(error) = host.beat(&mut sampler).await {
                        return error;
                    }
                }
            };
            let error = tokio::time::timeout(LONG, ended).await.unwrap();
            assert!(matches!(error, SamplerError::Ended { .. }), "{error:?}");
            host.all_gone().await;
        }
    }
}

/// The process that holds the keeper's pipe (descriptor 3), which its parent does not: a job that is just being started
/// has it from there.
fn reader_of_beats(host: &Host) -> i32 {
    let holds = |pid: i32| fs::read_link(format!("/proc/{pid}/fd/3")).is_ok();
    let parent = |pid: i32| -> Option<i32> {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        stat.rsplit_once(") ")?.1.split(' ').nth(1)?.parse().ok()
    };
    host.left()
        .into_keys()
        .find(|pid| holds(*pid) && parent(*pid).is_some_and(|parent| !holds(parent)))
        .unwrap()
}

#[tokio::test]
async fn a_beat_starts_no_process() {
    let host = Host::new("h200x8");
    let mut sampler = host.sampler(GpuSourceChoice::None).await;
    host.until(&mut sampler, "disks", |sample| sample.disks.is_some())
        .await;
    let started = || {
        let stat = fs::read_to_string("/proc/stat").unwrap();
        let line = stat.lines().find(|l| l.starts_with("processes ")).unwrap();
        line[10..].parse::<u64>().unwrap()
    };
    // Others start processes too; one quiet window is proof. df runs once in thirty beats.
    let quiet = async {
        loop {
            let before = started();
            for _ in 0..20 {
                host.beat(&mut sampler).await.unwrap();
            }
            if started() - before < 10 {
                return;
            }
        }
    };
    assert!(tokio::time::timeout(LONG, quiet).await.is_ok());
}

#[tokio::test]
async fn an_nvidia_smi_that_hangs_in_the_kernel_is_not_joined_by_another() {
    let host = Host::new("h200x8");
    let (source, program) = (
        host.folder.path().join("d.c"),
        host.folder.path().join("nvidia-smi"),
    );
    // The parent of a vfork waits uninterruptibly (state D) until its child runs a program or ends.
    fs::write(
        &source,
        "#include <unistd.h>\nint main(void) { if (vfork() == 0) { pause(); _exit(0); } return 0; }\n",
    )
    .unwrap();
    let word = |path: &Path| ShellWord::new(path.display().to_string()).unwrap();
    let cc = ShellCommand::new("cc")
        .arg("-o")
        .word(word(&program))
        .word(word(&source));
    let built = host
        .exec
        .run(
            &cc,
            RunLimits {
                timeout: LONG,
                output: 65536,
            },
        )
        .await
        .unwrap();
    assert!(built.exit.is_success(), "{built:?}");
    let hanging = host
        .exec
        .stream(&ShellCommand::from_word(word(&program)))
        .await
        .unwrap();
    let name = program.display().to_string();
    let in_state = |state: &str| {
        processes().any(|(_, folder)| {
            fs::read_to_string(folder.join("cmdline")).is_ok_and(|c| c.starts_with(&name))
                && fs::read_to_string(folder.join("stat")).is_ok_and(|s| s.contains(state))
        })
    };
    let stands = async {
        let mut pace = tokio::time::interval(PERIOD);
        while !in_state(") D ") {
            pace.tick().await;
        }
    };
    tokio::time::timeout(LONG, stands).await.unwrap();
    let mut sampler = host.sampler(GpuSourceChoice::Auto).await;
    host.until(&mut sampler, "hung", |sample| {
        condition(sample) == Some(&GpuCondition::Hung)
    })
    .await;
    assert!(
        !host
            .left()
            .values()
            .any(|c| c.contains("--query-gpu=index")),
        "{:#?}",
        host.left()
    );
    // It is let go: the next try finds the way free.
    drop(hanging);
    host.until(&mut sampler, "the gpus", has_gpus).await;
}
