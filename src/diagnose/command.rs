//! The exact command behind each question (pure). Fixed programs and fixed scripts; what was given stands in words of its
//! own, as a positional argument of a script, never inside one.

use crate::shell::{ShellCommand, ShellWord};

use super::catalogue::{Order, Question, Sockets};
use super::values::Priority;

/// Not `args`: reading another process's command line waits for its memory lock, which a hung process may hold for ever.
const HUNG: &str = r"ps -eo pid,ppid,user,stat,wchan:32,etime,comm | awk 'NR == 1 || $4 ~ /D/'";

const UPTIME: &str =
    "date '+now %Y-%m-%dT%H:%M:%S%z'; uptime; uname -srm; cat /proc/sys/kernel/random/boot_id";

const CONTAINERS: &str = r#"
if command -v docker >/dev/null 2>&1; then engine=docker
elif command -v podman >/dev/null 2>&1; then engine=podman
else echo 'neither docker nor podman is installed' >&2; exit 127; fi
exec "$engine" ps -a --format 'table {{.Names}}\t{{.Image}}\t{{.Status}}\t{{.Ports}}'"#;

/// The ring itself is asked first: it answers when the journal's daemon does not. Many hosts let only root read it.
const KERNEL: &str = r#"
log=$(dmesg --time-format iso 2>/dev/null) ||
log=$(journalctl -k -b --no-pager -o short-iso -n "$1") || exit
printf '%s\n' "$log" | tail -n "$1""#;

const OOM: &str = r#"
date '+now %Y-%m-%dT%H:%M:%S%z'
log=$(dmesg --time-format iso 2>/dev/null) ||
log=$(journalctl -k -b --no-pager -o short-iso) || exit
printf '%s\n' "$log" | grep -E 'Out of memory|oom-kill|oom_reaper|Memory cgroup out of memory' | tail -n 100
exit 0"#;

const NETWORK: &str = "ip -br address; ip route show; ip -6 route show default; ip -s link";

const TIME: &str = r"
date '+now %Y-%m-%dT%H:%M:%S%z'
timedatectl status --no-pager
if command -v chronyc >/dev/null 2>&1; then chronyc -n tracking; fi";

/// A link in a folder that a service may write to could lead anywhere that our login may read.
const LOG_FILE: &str = r#"
file=$(readlink -f -- "$1") || { echo "$1 is not there" >&2; exit 1; }
case $file in /var/log/*) ;; *) echo "$1 leads out of /var/log" >&2; exit 1 ;; esac
[ -f "$file" ] || { echo "$1 is no file" >&2; exit 1; }
exec tail -n "$2" -- "$file""#;

impl Question {
    /// The command that answers it. It changes nothing.
    pub fn command(&self) -> ShellCommand {
        match self {
            Self::Uptime => script(UPTIME),
            Self::Memory => ShellCommand::new("head")
                .arg("-n")
                .arg("60")
                .arg("/proc/meminfo")
                .arg("/proc/swaps")
                .arg("/proc/pressure/memory"),
            Self::Pressure => ShellCommand::new("head")
                .arg("-n")
                .arg("3")
                .arg("/proc/pressure/cpu")
                .arg("/proc/pressure/memory")
                .arg("/proc/pressure/io"),
            Self::Disk => local_file_systems(ShellCommand::new("df").arg("-PhT")),
            Self::Inodes => local_file_systems(ShellCommand::new("df").arg("-PiT")),
            Self::BlockDevices => ShellCommand::new("lsblk")
                .arg("-o")
                .arg("NAME,TYPE,SIZE,FSTYPE,RO,STATE,MODEL,MOUNTPOINT"),
            Self::Mounts => ShellCommand::new("findmnt")
                .arg("--real")
                .arg("-l")
                .arg("-o")
                .arg("TARGET,SOURCE,FSTYPE,OPTIONS"),
            Self::Processes { by, rows } => processes(*by, *rows),
            Self::HungTasks => script(HUNG),
            Self::Gpu => ShellCommand::new("nvidia-smi")
                .arg("--query-gpu=index,name,utilization.gpu,memory.used,memory.total,temperature.gpu,power.draw,pstate,ecc.errors.uncorrected.volatile.total")
                .arg("--format=csv"),
            Self::GpuProcesses => ShellCommand::new("nvidia-smi")
                .arg("--query-compute-apps=pid,process_name,used_gpu_memory,gpu_uuid")
                .arg("--format=csv"),
            Self::Containers => script(CONTAINERS),
            Self::Sockets(which) => sockets(*which),
            Self::FailedUnits => ShellCommand::new("systemctl")
                .arg("--failed")
                .arg("--no-legend")
                .arg("--plain")
                .arg("--no-pager"),
            Self::UnitStatus { unit, lines } => ShellCommand::new("systemctl")
                .arg("status")
                .arg("--no-pager")
                .arg("--full")
                .word(word(format!("--lines={lines}")))
                .arg("--")
                .word(unit.word()),
            Self::Journal { .. } => self.journal(),
            Self::Kernel { lines } => script(KERNEL).word(u64::from(*lines)),
            Self::OomKills => script(OOM),
            Self::Network => script(NETWORK),
            Self::TimeSync => script(TIME),
            Self::LogFile { path, lines } => {
                script(LOG_FILE).word(path.word()).word(u64::from(*lines))
            }
        }
    }

    fn journal(&self) -> ShellCommand {
        let command = ShellCommand::new("journalctl")
            .arg("--no-pager")
            .arg("-o")
            .arg("short-iso");
        let Self::Journal {
            unit,
            since,
            lines,
            priority,
        } = self
        else {
            return command;
        };
        let command = command
            .word(word(since.word()))
            .word(word(format!("--lines={lines}")));
        let command = match priority.map(Priority::word) {
            Some(least) => command.word(word(format!("--priority={least}"))),
            None => command,
        };
        match unit {
            Some(unit) => command.word(word(format!("--unit={unit}"))),
            None => command,
        }
    }

    /// Whether this exit status is an answer and no failure: `systemctl status` tells a unit's state by it.
    pub(super) fn accepts(&self, status: u32) -> bool {
        status == 0 || matches!((self, status), (Self::UnitStatus { .. }, 1..=3))
    }
}

/// A fixed script; what is added behind it are its `$1`, `$2` …
fn script(text: &'static str) -> ShellCommand {
    ShellCommand::new("sh")
        .arg("-c")
        .arg(text)
        .arg("pilothouse")
}

fn word(checked: String) -> ShellWord {
    // Made of checked values, which hold no NUL.
    ShellWord::new(checked).unwrap_or_else(|_| ShellWord::literal(""))
}

/// Not the remote ones: a file server that is gone would hold up the answer for ever.
fn local_file_systems(df: ShellCommand) -> ShellCommand {
    ["tmpfs", "devtmpfs", "efivarfs", "squashfs", "overlay"]
        .into_iter()
        .fold(df.arg("-l"), |df, kind| df.arg("-x").arg(kind))
}

/// No `args`, for the reason of [`HUNG`]: the words of a few at the top are read one by one, each for a second at most.
macro_rules! processes {
    ($by:literal) => {
        concat!(
            "ps -eo pid,user,stat,pcpu,pmem,rss,etime,comm --sort=-",
            $by,
            r#" | head -n "$1" | {
place=0
while IFS= read -r row; do
  words=
  if [ "$place" -gt 0 ] && [ "$place" -le 5 ]; then
    pid=${row#"${row%%[! ]*}"}
    pid=${pid%% *}
    words=$(timeout -s KILL 1 head -c 400 "/proc/$pid/cmdline" 2>/dev/null | tr '\000\n' '  ' | cut -c 1-160)
  fi
  place=$((place + 1))
  printf '%s%s\n' "$row" "${words:+ $words}"
done
}"#
        )
    };
}

fn processes(by: Order, rows: u32) -> ShellCommand {
    let text = match by {
        Order::Memory => processes!("rss"),
        Order::Cpu => processes!("pcpu"),
    };
    // One line more: the titles.
    script(text).word(u64::from(rows) + 1)
}

fn sockets(which: Sockets) -> ShellCommand {
    match which {
        Sockets::Listening => ShellCommand::new("ss").arg("-tulnp"),
        Sockets::Connected => ShellCommand::new("ss")
            .arg("-tunp")
            .arg("state")
            .arg("connected"),
        Sockets::Summary => ShellCommand::new("ss").arg("-s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn argv(question: &str, arguments: &serde_json::Value) -> Vec<String> {
        Question::parse(question, arguments)
            .unwrap()
            .command()
            .argv()
    }

    #[test]
    fn what_is_given_stands_in_words_of_its_own() {
        assert_eq!(
            argv(
                "journal",
                &json!({"unit": "ssh.service", "since": "2h", "lines": 5, "priority": "err"})
            ),
            [
                "journalctl",
                "--no-pager",
                "-o",
                "short-iso",
                "--since=-7200s",
                "--lines=5",
                "--priority=err",
                "--unit=ssh.service"
            ]
        );
        assert_eq!(
            argv("unit_status", &json!({"unit": "a\\x2db.mount"}))
                .last()
                .unwrap(),
            "a\\x2db.mount"
        );
        let log = argv("log_file", &json!({"path": "/var/log/syslog", "lines": 7}));
        assert_eq!(log[4..], ["/var/log/syslog", "7"]);
        assert_eq!(log[2], LOG_FILE);
        assert_eq!(argv("processes", &json!({"rows": 5})).last().unwrap(), "6");
    }

    #[test]
    fn no_question_waits_for_the_memory_of_a_process_that_hangs() {
        for by in [Order::Memory, Order::Cpu] {
            let argv = Question::Processes { by, rows: 5 }.command().argv();
            let ps = argv[2].lines().next().unwrap();
            assert!(ps.starts_with("ps -eo ") && !ps.contains("args"), "{ps}");
            for line in argv[2].lines().filter(|line| line.contains("/proc/")) {
                assert!(line.contains("timeout -s KILL 1 "), "{line}");
            }
        }
    }

    #[test]
    fn scripts_are_the_same_whatever_is_given() {
        for entry in super::super::catalogue() {
            let given = json!({"unit": "x.service", "path": "/var/log/x"});
            let known = entry.argument_words();
            let given: serde_json::Map<_, _> = given
                .as_object()
                .unwrap()
                .iter()
                .filter(|(name, _)| known.contains(name.as_str()))
                .map(|(name, value)| (name.clone(), value.clone()))
                .collect();
            let question = Question::parse(entry.name, &given.into()).unwrap();
            assert_eq!(question.name(), entry.name);
            let argv = question.command().argv();
            if argv[0] == "sh" {
                assert_eq!((argv[1].as_str(), argv[3].as_str()), ("-c", "pilothouse"));
                assert!(!argv[2].contains("x.service") && !argv[2].contains("/var/log/x"));
            }
        }
    }
}
