//! The line protocol between [`super::Sampler`] and the script that it runs on a host: words and tags, both directions.
//! The near side parses in `reader`; `far` writes the host's side for a simulated host.

use std::fmt::Write as _;
use std::time::Duration;

/// `$0` of the script: what makes its exec recognisable.
pub const NAME: &str = "pilothouse-sampler";

/// Version of this protocol, the script's first argument.
pub const VERSION: u32 = 1;

/// The script's arguments. The whole exec reads `sh -c 'SCRIPT' pilothouse-sampler VERSION NONCE PERIOD_MS`.
///
/// The host answers only in lines of the form `NONCE TAG rest`; whatever else comes (a banner, a MOTD, a stray message
/// of the login shell) is noise and is skipped. After the start it says `NONCE hello 1 TOOL…` once, with the tools
/// that it has (see [`Tool`]). Then each line that we send is one beat (see [`Request`]), which it answers at once with
///
/// ```text
/// NONCE beat SEQ
/// NONCE load 0.52 0.40 0.31 2/1201 99812          /proc/loadavg
/// NONCE cpu 1 0 2 97 0 0 0 0 0 0                  the first line of /proc/stat without its name
/// NONCE cpus 20                                   logical processors
/// NONCE mem MemTotal 127600748 MemFree 1 …        kB, from /proc/meminfo
/// NONCE psi cpu some avg10=0.00                   one line of /proc/pressure/cpu; then memory and io
/// NONCE net eth0 RECEIVED SENT                    bytes since boot, one line per physical interface
/// NONCE up 8123.42 …                              /proc/uptime
/// NONCE end SEQ
/// ```
///
/// Lines may be left out where the kernel has no such file. The end of our lines (EOF) ends the script and its children.
/// Slow things run beside the beats as *jobs* and their lines come at any time between two lines of the above:
/// `NONCE JOB line-of-the-tool`, and `NONCE exit JOB STATUS` once the tool ended (see [`Job`]).
/// `NONCE stuck PID` says that an nvidia-smi of ours already hangs in the kernel and that therefore none was started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WireArgs {
    /// Marks every line that is ours: hexadecimal digits, new for each start.
    pub nonce: String,
    /// Time between two rows of the vendor's tool.
    pub period: Duration,
}

/// Whether a command line that reached a host is the sampler's exec, and its arguments.
pub fn is_sampler_command(command: &str) -> Option<WireArgs> {
    let command = command.trim();
    let script = command.strip_prefix("sh -c ")?;
    let (_, arguments) = script.rsplit_once(&format!(" {NAME} "))?;
    let mut words = arguments.split_ascii_whitespace();
    let version: u32 = words.next()?.parse().ok()?;
    let nonce = words.next()?;
    let period = words.next()?.parse().ok()?;
    let sound = version == VERSION
        && words.next().is_none()
        && !nonce.is_empty()
        && nonce.bytes().all(|b| b.is_ascii_hexdigit());
    sound.then(|| WireArgs {
        nonce: nonce.to_owned(),
        period: Duration::from_millis(period),
    })
}

/// A tool that a host has, by the name it has in `hello`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tool {
    /// `pilothouse probe`.
    Pilothouse,
    /// `nvidia-smi`.
    NvidiaSmi,
    /// `rocm-smi`.
    RocmSmi,
    /// `docker`.
    Docker,
    /// `podman`.
    Podman,
}

impl Tool {
    const ALL: [Self; 5] = [
        Self::Pilothouse,
        Self::NvidiaSmi,
        Self::RocmSmi,
        Self::Docker,
        Self::Podman,
    ];

    /// Its name in `hello`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pilothouse => "pilothouse",
            Self::NvidiaSmi => "nvidia-smi",
            Self::RocmSmi => "rocm-smi",
            Self::Docker => "docker",
            Self::Podman => "podman",
        }
    }

    /// The tool of this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|tool| tool.name() == name)
    }
}

/// Something that runs beside the beats, and whose lines carry its name as their tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Job {
    /// `nvidia-smi --query-gpu=… --format=csv,nounits -lms N`: lives as long as the stream.
    Gpu,
    /// `nvidia-smi --query-compute-apps=… --format=csv,nounits -lms N`: lives as long as the stream.
    App,
    /// `nvidia-smi -L`: once.
    List,
    /// `nvidia-smi --version`: once.
    Cuda,
    /// `pilothouse probe`, one JSON object per line: lives as long as the stream.
    Probe,
    /// `rocm-smi … --json`: each time it is wished for.
    Rocm,
    /// `df -kP`: each time it is wished for.
    Disk,
    /// `PID START UID USER CGROUP COMMAND…` for each process asked for; `-` for a cgroup that is no container's.
    Who,
    /// `ID NAME` of each running container of docker.
    Docker,
    /// `ID NAME` of each running container of podman.
    Podman,
}

impl Job {
    const ALL: [Self; 10] = [
        Self::Gpu,
        Self::App,
        Self::List,
        Self::Cuda,
        Self::Probe,
        Self::Rocm,
        Self::Disk,
        Self::Who,
        Self::Docker,
        Self::Podman,
    ];

    /// Its tag, which is also the word that starts it.
    pub fn tag(self) -> &'static str {
        match self {
            Self::Gpu => "gpu",
            Self::App => "app",
            Self::List => "list",
            Self::Cuda => "cuda",
            Self::Probe => "probe",
            Self::Rocm => "rocm",
            Self::Disk => "disk",
            Self::Who => "who",
            Self::Docker => "docker",
            Self::Podman => "podman",
        }
    }

    /// The job with this tag.
    pub fn parse(tag: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|job| job.tag() == tag)
    }
}

/// A job to start with this beat. One that still runs is not started a second time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wish {
    /// [`Job::Gpu`] with these fields: `gpu=index,uuid,…`.
    Gpu(Vec<String>),
    /// [`Job::Who`] for these process ids: `who=41,42`.
    Who(Vec<u32>),
    /// Any other job: its tag alone.
    Start(Job),
}

impl Wish {
    /// The job it starts.
    pub fn job(&self) -> Job {
        match self {
            Self::Gpu(_) => Job::Gpu,
            Self::Who(_) => Job::Who,
            Self::Start(job) => *job,
        }
    }

    fn parse(word: &str) -> Option<Self> {
        let (tag, list) = word.split_once('=').unwrap_or((word, ""));
        Some(match Job::parse(tag)? {
            Job::Gpu => Self::Gpu(list.split(',').map(str::to_owned).collect()),
            Job::Who => Self::Who(list.split(',').filter_map(|pid| pid.parse().ok()).collect()),
            job => Self::Start(job),
        })
    }
}

/// One beat as it is asked for: `SEQ WISH…` and a newline.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Request {
    /// Comes back in `beat` and `end`: an answer that comes too late is told apart.
    pub seq: u64,
    /// What to start with it.
    pub wishes: Vec<Wish>,
}

impl Request {
    /// The line, with its newline.
    pub fn encode(&self) -> String {
        let mut line = self.seq.to_string();
        for wish in &self.wishes {
            let _ = match wish {
                Wish::Gpu(fields) => write!(line, " gpu={}", fields.join(",")),
                Wish::Who(pids) => {
                    let pids: Vec<String> = pids.iter().map(u32::to_string).collect();
                    write!(line, " who={}", pids.join(","))
                }
                Wish::Start(job) => write!(line, " {}", job.tag()),
            };
        }
        line.push('\n');
        line
    }

    /// Reads the line; words that it doesn't know are skipped, as the script does.
    pub fn parse(line: &str) -> Option<Self> {
        let mut words = line.split_ascii_whitespace();
        let seq = words.next()?.parse().ok()?;
        let wishes = words.filter_map(Wish::parse).collect();
        Some(Self { seq, wishes })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exec_is_recognised_and_nothing_else_is() {
        let args = is_sampler_command(
            "sh -c 'echo a\npilothouse-sampler b' pilothouse-sampler 1 00ff00ff00ff00ff 1000",
        );
        assert_eq!(
            args,
            Some(WireArgs {
                nonce: "00ff00ff00ff00ff".into(),
                period: Duration::from_secs(1)
            })
        );
        for other in [
            "",
            "uptime",
            "sh -c 'x' pilothouse-sampler 2 00ff 1000",
            "sh -c 'x' pilothouse-sampler 1 zz 1000",
            "sh -c 'x' pilothouse-sampler 1 00ff",
            "sh -c 'x' pilothouse-sampler 1 00ff 1000 more",
        ] {
            assert_eq!(is_sampler_command(other), None, "{other}");
        }
    }

    #[test]
    fn requests_come_back_as_they_went() {
        let request = Request {
            seq: 7,
            wishes: vec![
                Wish::Gpu(vec!["index".into(), "uuid".into()]),
                Wish::Who(vec![1, 4242]),
                Wish::Start(Job::Disk),
            ],
        };
        assert_eq!(request.encode(), "7 gpu=index,uuid who=1,4242 disk\n");
        assert_eq!(Request::parse(&request.encode()), Some(request));
        assert_eq!(Request::parse("x"), None);
        assert_eq!(
            Request::parse("3 later=1"),
            Some(Request {
                seq: 3,
                wishes: vec![]
            })
        );
    }
}
