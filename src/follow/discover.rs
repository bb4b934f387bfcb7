//! What a host offers to follow: units of its journal, the kernel, files that are written to. Containers are told by their
//! engine.

use std::sync::Arc;
use std::time::Duration;

use super::error::FollowError;
use super::source::{SourceOffer, SourceSpec};
use crate::exec::{Exec, RunLimits};
use crate::shell::{RemotePath, ShellCommand};
use crate::text::SafeText;

const OFFERS: &str = include_str!("offers.sh");

const LIMITS: RunLimits = RunLimits {
    timeout: Duration::from_secs(20),
    output: 256 * 1024,
};

/// Files that hold records, not lines.
const BINARY: [&str; 4] = ["wtmp", "btmp", "utmp", ".db"];

/// Asks a host what it offers; units that run or have failed first.
///
/// # Errors
/// When the host can't be asked.
pub async fn discover(exec: &Arc<dyn Exec>) -> Result<Vec<SourceOffer>, FollowError> {
    let command = ShellCommand::new("sh").arg("-c").arg(OFFERS);
    let output = exec.run(&command, LIMITS).await?;
    Ok(read(&String::from_utf8_lossy(&output.stdout)))
}

fn read(text: &str) -> Vec<SourceOffer> {
    let mut units = Vec::new();
    let mut files = Vec::new();
    let mut kernel = None;
    let mut journal = None;
    for line in text.lines() {
        let (kind, rest) = line.split_once(' ').unwrap_or((line, ""));
        match kind {
            "u" => units.extend(unit(rest)),
            "j" if is_refused(rest) => journal = Some(no_journal()),
            "k" if kernel
                .as_ref()
                .is_none_or(|offer: &SourceOffer| offer.refused.is_some()) =>
            {
                kernel = Some(kernel_offer(rest));
            }
            "f" => files.extend(file(rest, None)),
            "r" => files.extend(file(rest, Some(no_file()))),
            _ => {}
        }
    }
    units.sort_by(|(a, one), (b, two)| a.cmp(b).then_with(|| one.spec.cmp(&two.spec)));
    let units = units.into_iter().map(|(_, offer)| SourceOffer {
        refused: journal.clone(),
        ..offer
    });
    units.chain(kernel).chain(files).collect()
}

/// `active running docker.service`, and its rank.
fn unit(text: &str) -> Option<(u8, SourceOffer)> {
    let mut words = text.split(' ');
    let (active, sub, name) = (words.next()?, words.next()?, words.next()?);
    let spec: SourceSpec = format!("unit:{name}").parse().ok()?;
    let rank = match (active, sub) {
        ("failed", _) => 0,
        (_, "running") => 1,
        ("active", _) => 2,
        _ => 3,
    };
    let detail = SafeText::new(sub);
    Some((
        rank,
        SourceOffer {
            spec,
            detail,
            refused: None,
        },
    ))
}

fn kernel_offer(said: &str) -> SourceOffer {
    let refused = said.contains("denied") || said.contains("not permitted");
    SourceOffer {
        spec: SourceSpec::Kernel,
        detail: SafeText::default(),
        refused: refused.then(|| {
            (
                "this login may not read the kernel's ring".into(),
                Some("add it to the group systemd-journal or adm, or log in as root".into()),
            )
        }),
    }
}

fn file(text: &str, refused: Option<(SafeText, Option<SafeText>)>) -> Option<SourceOffer> {
    let (size, name) = text.split_once(' ')?;
    if BINARY.iter().any(|end| name.ends_with(end)) {
        return None;
    }
    Some(SourceOffer {
        spec: SourceSpec::File(RemotePath::new(name).ok()?),
        detail: amount(size.parse().ok()?).into(),
        refused,
    })
}

/// A size in words.
fn amount(bytes: u64) -> String {
    let units = ["KiB", "MiB", "GiB", "TiB"];
    let mut size = bytes as f64;
    let mut unit = "B";
    for next in units {
        if size < 1000.0 {
            break;
        }
        (size, unit) = (size / 1024.0, next);
    }
    if unit == "B" || size >= 10.0 {
        format!("{size:.0} {unit}")
    } else {
        format!("{size:.1} {unit}")
    }
}

fn is_refused(said: &str) -> bool {
    said.contains("not seeing messages") || said.contains("insufficient permissions")
}

fn no_journal() -> (SafeText, Option<SafeText>) {
    (
        "this login may not read the system's journal".into(),
        Some("add it to the group systemd-journal or adm, then log in again".into()),
    )
}

fn no_file() -> (SafeText, Option<SafeText>) {
    (
        "this login may not read it".into(),
        Some("add the login to the file's group, often adm, or log in as root".into()),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offers_by_rows() {
        let text = "u active exited a.service\nu active running z.service\nu failed failed x.service\nu junk\n\
                    j Hint: You are currently not seeing messages from other users and the system.\n\
                    k dd: failed to open '/dev/kmsg': Operation not permitted\nf 2048 /var/log/a b\nr 0 /var/log/auth.log\n\
                    f 9 /var/log/wtmp\nf x /y\n\nwhat";
        let offers = read(text);
        let told: Vec<String> = offers
            .iter()
            .map(|offer| {
                format!(
                    "{} {} {}",
                    offer.spec,
                    offer.detail,
                    offer.refused.is_some()
                )
            })
            .collect();
        assert_eq!(
            told,
            [
                "unit:x.service failed true",
                "unit:z.service running true",
                "unit:a.service exited true",
                "kernel  true",
                "file:/var/log/a b 2.0 KiB false",
                "file:/var/log/auth.log 0 B true",
            ]
        );
        assert!(
            read("k dd: no\nk journal\n")
                .iter()
                .all(|offer| offer.refused.is_none())
        );
    }
}
