//! Who a process is, asked of its host: so that a signal that a person allows reaches that process and no other (pure, save
//! for the asking).

use super::room::Room;
use crate::domain::HostId;
use crate::engine::remote;
use crate::exec::{Exit, RunLimits};
use crate::text::SafeText;

/// A process as its host knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Identity {
    /// Its owner.
    pub(super) user: SafeText,
    /// What it calls itself.
    pub(super) name: SafeText,
    /// When it was started, in the kernel's ticks since the boot.
    pub(super) started: u64,
}

/// Asks the host; why not, in words.
pub(super) async fn ask(room: &Room, host: &HostId, pid: u32) -> Result<Identity, String> {
    let exec = room.shared.links.exec(host);
    let exec = exec.ok_or_else(|| format!("{host} is not connected"))?;
    let said = exec.run(&remote::identity(pid), RunLimits::default()).await;
    let said =
        said.map_err(|error| format!("{host} does not tell who process {pid} is: {error}"))?;
    if said.exit != Exit::Status(0) {
        return Err(format!("{host} has no process {pid}"));
    }
    parse(&String::from_utf8_lossy(&said.stdout))
        .ok_or_else(|| format!("{host} does not tell when process {pid} was started"))
}

/// The owner on a line of its own, then `/proc/PID/stat`: the name in it may hold anything, also `)` and line breaks, and
/// ends at the last `) `; the start is the twentieth field behind it (`man 5 proc_pid_stat`).
fn parse(said: &str) -> Option<Identity> {
    let (user, stat) = said.split_once('\n')?;
    let (head, fields) = stat.rsplit_once(") ")?;
    let (_, name) = head.split_once('(')?;
    Some(Identity {
        user: user.into(),
        name: name.into(),
        started: fields.split_whitespace().nth(19)?.parse().ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIELDS: &str = "S 1 4242 4242 0 -1 4194560 9 0 0 0 1 2 0 0 20 0 1 0 987654 1000 20";

    #[test]
    fn a_process_is_known_by_its_start_whatever_it_calls_itself() {
        for name in ["ollama", "a b", "x) S 1 2 (y", "line\nbreak", ""] {
            let found = parse(&format!("ops\n4242 ({name}) {FIELDS}\n")).unwrap();
            assert_eq!(found.started, 987_654, "{name}");
            assert_eq!(found.user.as_str(), "ops");
            assert_eq!(found.name, SafeText::from(name));
        }
    }

    #[test]
    fn what_tells_no_start_is_no_identity() {
        for said in [
            "",
            "ops\n",
            "ops\n4242 (x) S 1 2",
            "4242 (x",
            "ops\n4242 (x) S x",
        ] {
            assert_eq!(parse(said), None, "{said}");
        }
    }
}
