//! What the answers of a runbook add up to, in words (pure). An answer that can't be read says nothing; one that failed is
//! told as failed, never as fine.

use super::ask::Answer;
use super::catalogue::Question;
use super::findings_kernel::{kernel, oom_kills};
use super::runbook::Runbook;
use crate::text::SafeText;

/// From here on a file system is told as full, in percent.
const FULL: f64 = 90.0;
/// Less memory than this is told as short, in percent of all.
const SHORT: f64 = 8.0;
/// More swap in use than this is told, in percent.
const SWAPPED: f64 = 80.0;
/// From here on pressure is told: percent of the last ten seconds in which all work stood still.
const STALLED: f64 = 10.0;
/// A process that holds more of all memory is named, in percent.
const HOG: f64 = 40.0;
/// Hotter than this is told, in °C.
const HOT: f64 = 90.0;
/// Status of a shell that did not find the program.
const NOT_FOUND: i32 = 127;
/// Names in one finding.
const MOST_NAMES: usize = 8;

/// What the answers add up to, the most telling line of each question. Answers stand in the order of the steps; a runbook
/// that was stopped has fewer of them.
pub fn findings(runbook: &Runbook, answers: &[Answer]) -> Vec<SafeText> {
    let mut found = Vec::new();
    let mut answered = 0;
    let mut failed: Vec<(&SafeText, Vec<String>)> = Vec::new();
    for (question, answer) in runbook.steps.iter().zip(answers) {
        match &answer.failed {
            // What isn't there can't be asked; that is no sign of trouble.
            Some(why) if answer.exit == Some(NOT_FOUND) => {
                found.push(format!("{}: {why}", question.words()));
            }
            Some(why) => fail(&mut failed, why, question.words()),
            None => {
                answered += 1;
                read(question, answer, &mut found);
            }
        }
    }
    found.extend(
        failed
            .iter()
            .map(|(why, all)| unanswered(why, all, answers.len())),
    );
    let left = runbook.steps.len().saturating_sub(answers.len());
    if left > 0 {
        found.push(format!(
            "{left} of {} questions were not asked",
            runbook.steps.len()
        ));
    }
    if found.is_empty() {
        found.push(format!(
            "nothing conspicuous in {}",
            counted(answered, "answer", "answers")
        ));
    }
    // Two questions may tell the same, such as pressure.
    let mut told = Vec::with_capacity(found.len());
    for line in found.iter().map(|line| SafeText::new(line)) {
        if !told.contains(&line) {
            told.push(line);
        }
    }
    told
}

/// Questions that failed alike are told of together: one cause is one line.
fn fail<'a>(failed: &mut Vec<(&'a SafeText, Vec<String>)>, why: &'a SafeText, question: String) {
    match failed.iter_mut().find(|(of, _)| *of == why) {
        Some((_, all)) => all.push(question),
        None => failed.push((why, vec![question])),
    }
}

fn unanswered(why: &SafeText, questions: &[String], asked: usize) -> String {
    match questions {
        [one] => format!("{one}: no answer ({why})"),
        all if all.len() == asked => format!("no answer to any of {asked} questions: {why}"),
        all => {
            let names: Vec<&str> = all.iter().map(String::as_str).collect();
            format!("no answer to {}: {why}", named(&names))
        }
    }
}

fn read(question: &Question, answer: &Answer, found: &mut Vec<String>) {
    let lines: Vec<&str> = answer.lines.iter().map(SafeText::as_str).collect();
    match question {
        Question::Disk => full(&lines, found, |mount, percent, free| {
            format!("{mount} is {percent} full, {free} are free")
        }),
        Question::Inodes => full(&lines, found, |mount, percent, _| {
            format!("{mount} has used {percent} of its inodes")
        }),
        Question::Memory => {
            memory(&lines, found);
            pressure(&lines, found);
        }
        Question::Pressure => pressure(&lines, found),
        Question::FailedUnits => failed_units(&lines, found),
        Question::HungTasks => hung(&lines, found),
        Question::OomKills => oom_kills(&lines, found),
        Question::Kernel { .. } => kernel(&lines, found),
        Question::Mounts => read_only(&lines, found),
        Question::Containers => containers(&lines, found),
        Question::Gpu => gpus(&lines, found),
        Question::Processes { .. } => hogs(&lines, found),
        Question::TimeSync => clock(&lines, found),
        Question::BlockDevices
        | Question::Uptime
        | Question::GpuProcesses
        | Question::Sockets(_)
        | Question::UnitStatus { .. }
        | Question::Journal { .. }
        | Question::Network
        | Question::LogFile { .. } => {}
    }
}

/// `1 unit`, `3 units`.
pub(super) fn counted(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

/// The first names, and how many more there are.
pub(super) fn named(names: &[&str]) -> String {
    let shown: Vec<&str> = names.iter().take(MOST_NAMES).copied().collect();
    match names.len().saturating_sub(shown.len()) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

/// Rows of `df -P…T`: file system, type, size, used, free, percent, mount point (which may hold blanks).
fn full(lines: &[&str], found: &mut Vec<String>, words: impl Fn(&str, &str, &str) -> String) {
    for line in lines.iter().skip(1) {
        let mut fields = line.split_whitespace();
        let (Some(free), Some(used)) = (fields.nth(4), fields.next()) else {
            continue;
        };
        let mount = fields.collect::<Vec<_>>().join(" ");
        let percent = used
            .strip_suffix('%')
            .and_then(|used| used.parse::<f64>().ok());
        if let Some(percent) = percent
            && percent >= FULL
            && !mount.is_empty()
        {
            found.push(words(&mount, &format!("{percent:.0} %"), free));
        }
    }
}

/// A number of `/proc/meminfo`, in kB.
fn kib(lines: &[&str], name: &str) -> Option<f64> {
    let row = lines
        .iter()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
    row.split_whitespace().next()?.parse().ok()
}

fn memory(lines: &[&str], found: &mut Vec<String>) {
    let gib = |kib: f64| kib / 1024.0 / 1024.0;
    if let (Some(total), Some(left)) = (kib(lines, "MemTotal"), kib(lines, "MemAvailable"))
        && total > 0.0
        && left / total * 100.0 < SHORT
    {
        found.push(format!(
            "memory is short: {:.1} of {:.1} GiB are available",
            gib(left),
            gib(total)
        ));
    }
    if let (Some(total), Some(free)) = (kib(lines, "SwapTotal"), kib(lines, "SwapFree"))
        && total > 0.0
        && (total - free) / total * 100.0 >= SWAPPED
    {
        found.push(format!(
            "swap is {:.0} % used",
            (total - free) / total * 100.0
        ));
    }
}

/// `head` names each file before its lines: `==> /proc/pressure/io <==`, then `full avg10=12.34 …`.
fn pressure(lines: &[&str], found: &mut Vec<String>) {
    let mut of = "";
    for line in lines {
        if let Some(file) = line.strip_prefix("==> /proc/pressure/") {
            of = file.trim_end_matches(" <==");
        }
        let stalled = line
            .strip_prefix("full avg10=")
            .and_then(|rest| rest.split_whitespace().next()?.parse::<f64>().ok());
        let what = match of {
            "memory" => "memory",
            "io" => "disks",
            _ => continue,
        };
        if let Some(percent) = stalled.filter(|percent| *percent >= STALLED) {
            found.push(format!(
                "all work waited for {what} during {percent:.0} % of the last 10 s"
            ));
        }
    }
}

/// `UNIT LOAD ACTIVE SUB DESCRIPTION`, sometimes behind a mark.
fn failed_units(lines: &[&str], found: &mut Vec<String>) {
    let units: Vec<&str> = lines
        .iter()
        .filter_map(|line| {
            line.trim_start_matches(['●', '*', ' '])
                .split_whitespace()
                .next()
        })
        .collect();
    if !units.is_empty() {
        found.push(format!(
            "{} failed: {}",
            counted(units.len(), "unit", "units"),
            named(&units)
        ));
    }
}

/// `PID PPID USER STAT WCHAN ELAPSED COMMAND`
fn hung(lines: &[&str], found: &mut Vec<String>) {
    let tasks: Vec<String> = lines
        .iter()
        .skip(1)
        .filter_map(|line| {
            let mut fields = line.split_whitespace();
            let (pid, state) = (fields.next()?, fields.nth(2)?);
            let (place, _) = (fields.next()?, fields.next()?);
            let name = fields.collect::<Vec<_>>().join(" ");
            state.contains('D').then(|| match place {
                "-" | "0" => format!("{name} ({pid})"),
                _ => format!("{name} ({pid}, in {place})"),
            })
        })
        .collect();
    if !tasks.is_empty() {
        let names: Vec<&str> = tasks.iter().map(String::as_str).collect();
        let verb = if tasks.len() == 1 { "hangs" } else { "hang" };
        found.push(format!(
            "{} {verb} in D state: {}",
            counted(tasks.len(), "process", "processes"),
            named(&names)
        ));
    }
}

/// `TARGET SOURCE FSTYPE OPTIONS`
fn read_only(lines: &[&str], found: &mut Vec<String>) {
    for line in lines.iter().skip(1) {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let [target, .., kind, options] = fields.as_slice() else {
            continue;
        };
        let writable = matches!(*kind, "ext4" | "ext3" | "xfs" | "btrfs" | "zfs" | "f2fs");
        if writable && options.split(',').any(|option| option == "ro") {
            found.push(format!("{target} ({kind}) is mounted read-only"));
        }
    }
}

/// `NAMES IMAGE STATUS PORTS`, with blanks inside the status.
fn containers(lines: &[&str], found: &mut Vec<String>) {
    let mut tell = |mark: &str, one: &str, many: &str| {
        let names: Vec<&str> = lines
            .iter()
            .skip(1)
            .filter(|line| line.contains(mark))
            .filter_map(|line| line.split_whitespace().next())
            .collect();
        if !names.is_empty() {
            found.push(format!(
                "{} {}: {}",
                counted(names.len(), "container", "containers"),
                if names.len() == 1 { one } else { many },
                named(&names)
            ));
        }
    };
    tell("(unhealthy)", "is unhealthy", "are unhealthy");
    tell(
        " Restarting (",
        "is started again and again",
        "are started again and again",
    );
    tell(" Exited (137)", "was killed (137)", "were killed (137)");
}

/// `index, name, load %, used MiB, total MiB, °C, W, state, uncorrected errors`
fn gpus(lines: &[&str], found: &mut Vec<String>) {
    for line in lines.iter().skip(1) {
        let fields: Vec<&str> = line.split(',').map(str::trim).collect();
        let [index, .., heat, _, _, errors] = fields.as_slice() else {
            continue;
        };
        if heat.parse::<f64>().is_ok_and(|heat| heat >= HOT) {
            found.push(format!("GPU {index} is at {heat} °C"));
        }
        if errors.parse::<u64>().is_ok_and(|errors| errors > 0) {
            found.push(format!(
                "GPU {index} has {errors} uncorrected memory errors"
            ));
        }
    }
}

/// `PID USER STAT %CPU %MEM RSS ELAPSED COMMAND`
fn hogs(lines: &[&str], found: &mut Vec<String>) {
    for line in lines.iter().skip(1) {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let [pid, user, _, _, memory, _, _, program, ..] = fields.as_slice() else {
            continue;
        };
        if memory.parse::<f64>().is_ok_and(|memory| memory >= HOG) {
            found.push(format!(
                "{program} ({pid}, of {user}) holds {memory} % of memory"
            ));
        }
    }
}

fn clock(lines: &[&str], found: &mut Vec<String>) {
    let out = lines
        .iter()
        .any(|line| line.trim() == "System clock synchronized: no");
    if out {
        found.push("the host's clock is not in step with any other".into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnose::built_in;
    use serde_json::{Value, json};

    fn told(question: &str, arguments: &Value, output: &str) -> Vec<String> {
        let runbook = Runbook {
            name: "x".into(),
            what: "x".into(),
            steps: vec![Question::parse(question, arguments).unwrap()],
        };
        let answer = Answer {
            lines: output.lines().map(SafeText::new).collect(),
            exit: Some(0),
            ..Answer::default()
        };
        findings(&runbook, &[answer])
            .iter()
            .map(|line| line.as_str().to_owned())
            .collect()
    }

    const NOTHING: &str = "nothing conspicuous in 1 answer";

    #[test]
    fn answers_by_rows() {
        let df = "Filesystem Type Size Used Avail Use% Mounted on\n\
            /dev/sda1 ext4 100G 98G 2.0G 98% /\n/dev/sdb1 xfs 1T 1G 1023G 1% /data\n\
            /dev/sdc1 ext4 10G 9.5G 0.5G 95% /mnt/old disk\n";
        let inodes = "Filesystem Type Inodes IUsed IFree IUse% Mounted on\n/dev/sda1 ext4 100 97 3 97% /\nnone vfat - - - - /boot\n";
        let memory = "==> /proc/meminfo <==\nMemTotal: 131923456 kB\nMemFree: 1 kB\nMemAvailable: 2097152 kB\nSwapTotal: 1000 kB\nSwapFree: 50 kB\n\
            ==> /proc/pressure/memory <==\nsome avg10=60.00 avg60=1 avg300=1 total=1\nfull avg10=34.20 avg60=1 avg300=1 total=1\n";
        let fine = "==> /proc/meminfo <==\nMemTotal: 1000 kB\nMemAvailable: 900 kB\nSwapTotal: 0 kB\nSwapFree: 0 kB\n";
        let hung = "PID PPID USER STAT WCHAN ELAPSED COMMAND\n 7 1 root D nfs_wait_bit_killable 12:01 df\n 9 1 a D+ - 01:00 my tool\n";
        let units = "nvidia-persistenced.service loaded failed failed NVIDIA\n● vllm.service loaded failed failed vLLM\n";
        let mounts = "TARGET SOURCE FSTYPE OPTIONS\n/ /dev/sda1 ext4 rw,relatime\n/data /dev/sdb1 ext4 ro,relatime\n/snap/x /dev/loop0 squashfs ro\n";
        let containers = "NAMES IMAGE STATUS PORTS\na x Up 3 hours (unhealthy)\nb x Restarting (1) 3 seconds ago\nc x Exited (137) 4 minutes ago\nd x Exited (0) 4 minutes ago\n";
        let gpus = "index, name, utilization.gpu [%], memory.used [MiB], memory.total [MiB], temperature.gpu, power.draw [W], pstate, ecc\n0, H100, 3 %, 1 MiB, 80 MiB, 93, 70 W, P0, 2\n1, GB10, 3 %, [N/A], [N/A], 40, 70 W, P0, [N/A]\n";
        let hogs = "PID USER STAT %CPU %MEM RSS ELAPSED COMMAND\n42 ann Rl 100 61.2 99 01:00 python serve.py\n1 root S 0 0.1 1 02:00 init\n";
        let none = json!({});
        for (question, output, expected) in [
            (
                "disk",
                df,
                vec![
                    "/ is 98 % full, 2.0G are free",
                    "/mnt/old disk is 95 % full, 0.5G are free",
                ],
            ),
            ("inodes", inodes, vec!["/ has used 97 % of its inodes"]),
            (
                "memory",
                memory,
                vec![
                    "memory is short: 2.0 of 125.8 GiB are available",
                    "swap is 95 % used",
                    "all work waited for memory during 34 % of the last 10 s",
                ],
            ),
            ("memory", fine, vec![NOTHING]),
            (
                "hung_tasks",
                hung,
                vec!["2 processes hang in D state: df (7, in nfs_wait_bit_killable), my tool (9)"],
            ),
            (
                "hung_tasks",
                "PID PPID USER STAT WCHAN ELAPSED COMMAND\n",
                vec![NOTHING],
            ),
            (
                "failed_units",
                units,
                vec!["2 units failed: nvidia-persistenced.service, vllm.service"],
            ),
            ("failed_units", "", vec![NOTHING]),
            ("mounts", mounts, vec!["/data (ext4) is mounted read-only"]),
            (
                "containers",
                containers,
                vec![
                    "1 container is unhealthy: a",
                    "1 container is started again and again: b",
                    "1 container was killed (137): c",
                ],
            ),
            (
                "gpu",
                gpus,
                vec!["GPU 0 is at 93 °C", "GPU 0 has 2 uncorrected memory errors"],
            ),
            (
                "processes",
                hogs,
                vec!["python (42, of ann) holds 61.2 % of memory"],
            ),
            (
                "time_sync",
                "System clock synchronized: no\n",
                vec!["the host's clock is not in step with any other"],
            ),
            ("uptime", "anything", vec![NOTHING]),
        ] {
            assert_eq!(told(question, &none, output), expected, "{question}");
        }
    }

    #[test]
    fn the_kernel_log_by_rows() {
        let kill = "2026-11-21T03:00:00,123456+00:00 Out of memory: Killed process 4242 (python) total-vm:1kB, anon-rss:57671680kB, file-rss:0kB";
        let oom = format!(
            "now 2026-11-21T03:04:10+0000\n2026-11-21T01:00:00+0000 h kernel: Killed process 7 (ray) x\n{kill}\n"
        );
        assert_eq!(
            told("oom_kills", &Value::Null, &oom),
            [
                "the kernel killed python, which held 55.0 GiB, for want of memory 4m ago",
                "2 processes were killed for want of memory since the boot: python, ray",
            ]
        );
        let log = "x kernel: NVRM: Xid (PCI:0000:01:00): 79, pid=1, GPU has fallen off the bus.\n\
            x XFS (sda1): Mounting V5 Filesystem\nx INFO: task df:7 blocked for more than 120 seconds.\n\
            x INFO: task ls:9 blocked for more than 120 seconds.\n";
        let told = told("kernel", &Value::Null, log);
        assert_eq!(told.len(), 3, "{told:?}");
        assert!(told[0].starts_with("the GPU driver reported an error (Xid); last: "));
        assert_eq!(
            told[2],
            "the kernel found tasks that hang, 2 lines; last: x INFO: task ls:9 blocked for more than 120 seconds."
        );
    }

    #[test]
    fn no_answer_is_never_told_as_fine() {
        let wedge = &built_in()[0];
        let failed = Answer {
            failed: Some("no answer within 10 s".into()),
            ..Answer::default()
        };
        let told = findings(wedge, &[failed]);
        assert_eq!(
            told.iter().map(SafeText::as_str).collect::<Vec<_>>(),
            [
                "uptime and load: no answer (no answer within 10 s)",
                "7 of 8 questions were not asked",
            ]
        );
    }

    #[test]
    fn what_failed_alike_is_told_once() {
        let disk = built_in().into_iter().find(|of| of.name == "disk").unwrap();
        let failed = |why: &str| Answer {
            failed: Some(why.into()),
            ..Answer::default()
        };
        let all = vec![failed("the host hung up"); disk.steps.len()];
        let told = findings(&disk, &all);
        let many = disk.steps.len();
        assert_eq!(
            told,
            [SafeText::new(&format!(
                "no answer to any of {many} questions: the host hung up"
            ))]
        );
        let mut mixed = all;
        mixed[0] = failed("no answer within 10 s");
        let told = findings(&disk, &mixed);
        assert_eq!(told.len(), 2, "{told:?}");
        assert!(
            told[0]
                .as_str()
                .ends_with(": no answer (no answer within 10 s)")
        );
        assert!(told[1].as_str().starts_with("no answer to "));
        assert!(told[1].as_str().ends_with(": the host hung up"));
    }

    #[test]
    fn a_program_that_is_not_there_is_no_missing_answer() {
        let runbook = Runbook {
            name: "x".into(),
            what: "x".into(),
            steps: vec![Question::Gpu],
        };
        let missing = Answer {
            exit: Some(127),
            failed: Some("nvidia-smi is not installed there".into()),
            ..Answer::default()
        };
        assert_eq!(
            findings(&runbook, &[missing])[0].as_str(),
            "GPUs: nvidia-smi is not installed there"
        );
    }

    #[test]
    fn nonsense_is_read_without_harm() {
        for text in [
            "",
            "\n\n",
            "% % %",
            "==> x <==",
            "a b c d e f%",
            "é".repeat(300).as_str(),
            "now",
            "Killed process (",
        ] {
            for book in built_in() {
                let answer = Answer {
                    lines: vec![SafeText::new(text); 3],
                    ..Answer::default()
                };
                let answers = vec![answer; book.steps.len()];
                assert!(!findings(&book, &answers).is_empty());
            }
        }
    }
}
