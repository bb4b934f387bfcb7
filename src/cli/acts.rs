//! The ledger as acts (pure): each intent with what became of it, as a table, as JSON, as rows for a spreadsheet.

use std::collections::HashMap;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Serialize;

use super::print;
use crate::domain::{ActId, ActOutcome, HostId, LedgerEntry, LedgerEvent, Wall};
use crate::text::{SafeText, cut};

/// Cells of a row; what was done is cut to fit.
const WIDTH: usize = 80;

/// One act, or a note that the ledger was put right.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Act {
    /// Number of its record.
    pub(super) number: u64,
    /// When it was announced.
    pub(super) time: String,
    #[serde(skip)]
    wall: Wall,
    /// Who.
    pub(super) who: SafeText,
    /// From where.
    pub(super) from: SafeText,
    /// On which host.
    pub(super) host: Option<HostId>,
    /// What.
    pub(super) what: SafeText,
    /// The exact request.
    pub(super) request: SafeText,
    /// How it was confirmed.
    pub(super) confirmed: SafeText,
    /// Who proposed it, where that was not the person who confirmed it.
    pub(super) proposed: Option<SafeText>,
    /// Since when the host was armed for it, where it had to be.
    pub(super) armed: Option<String>,
    /// `done`, `failed`, `unknown`, `open`, or `note`.
    pub(super) outcome: &'static str,
    /// Why it failed or is not known.
    pub(super) why: Option<SafeText>,
    /// What was looked at afterwards.
    pub(super) verification: Option<SafeText>,
    /// When its outcome was written.
    pub(super) ended: Option<String>,
}

impl Act {
    /// An act of which nothing but its number is known.
    fn bare(number: u64, wall: Wall) -> Self {
        Self {
            number,
            time: rfc3339(wall),
            wall,
            who: SafeText::default(),
            from: SafeText::default(),
            host: None,
            what: SafeText::default(),
            request: SafeText::default(),
            confirmed: SafeText::default(),
            proposed: None,
            armed: None,
            outcome: "open",
            why: None,
            verification: None,
            ended: None,
        }
    }
}

/// The acts of these entries, oldest first. An outcome without its intent is verification's affair.
pub(super) fn of(entries: Vec<LedgerEntry>) -> Vec<Act> {
    let mut acts: Vec<Act> = Vec::new();
    let mut places: HashMap<ActId, usize> = HashMap::new();
    for entry in entries {
        let bare = Act::bare(entry.number, entry.wall);
        match entry.event {
            LedgerEvent::Intent(intent) => {
                places.insert(ActId(entry.number), acts.len());
                acts.push(Act {
                    who: intent.who,
                    from: intent.from,
                    host: intent.host,
                    what: intent.what,
                    request: intent.request,
                    confirmed: intent.confirmed,
                    proposed: intent.proposed,
                    armed: intent.armed.map(rfc3339),
                    ..bare
                });
            }
            LedgerEvent::Recovered { what } => acts.push(Act {
                what,
                outcome: "note",
                ..bare
            }),
            LedgerEvent::Outcome {
                act,
                outcome,
                verification,
            } => {
                let place = places.get(&act).copied();
                let Some(act) = place.and_then(|place| acts.get_mut(place)) else {
                    continue;
                };
                (act.outcome, act.why) = match outcome {
                    ActOutcome::Done => ("done", None),
                    ActOutcome::Failed(why) => ("failed", Some(why)),
                    ActOutcome::Unknown(why) => ("unknown", Some(why)),
                };
                act.verification = verification;
                act.ended = Some(bare.time);
            }
        }
    }
    acts
}

/// A row per act; who proposed it and why it went wrong stand below it.
pub(super) fn table(acts: &[Act]) -> String {
    let rows: Vec<Vec<String>> = acts
        .iter()
        .map(|act| {
            vec![
                act.number.to_string(),
                local(act.wall),
                act.who.to_string(),
                act.outcome.to_owned(),
                act.what.to_string(),
            ]
        })
        .collect();
    let text = print::table(&["NO", "WHEN", "WHO", "OUTCOME", "WHAT"], &rows);
    let mut lines = text.lines();
    let mut all: Vec<String> = lines.next().map(str::to_owned).into_iter().collect();
    for (line, act) in lines.zip(acts) {
        all.push(cut(line, WIDTH).to_string());
        if let Some(proposed) = &act.proposed {
            let words = format!("      proposed by {proposed}; {}", act.confirmed);
            all.push(cut(&words, WIDTH).to_string());
        }
        if let Some(why) = &act.why {
            all.push(cut(&format!("      {why}"), WIDTH).to_string());
        }
    }
    all.join("\n")
}

/// One row per act under a head; cells that a spreadsheet would calculate are kept from it.
pub(super) fn csv(acts: &[Act]) -> String {
    let head = "number,time,who,from,host,what,request,confirmed,outcome,why,verification,ended,\
                proposed,armed";
    let rows = acts.iter().map(|act| {
        let text = |text: &Option<SafeText>| text.as_ref().map(ToString::to_string);
        [
            act.number.to_string(),
            act.time.clone(),
            act.who.to_string(),
            act.from.to_string(),
            act.host
                .as_ref()
                .map(ToString::to_string)
                .unwrap_or_default(),
            act.what.to_string(),
            act.request.to_string(),
            act.confirmed.to_string(),
            act.outcome.to_owned(),
            text(&act.why).unwrap_or_default(),
            text(&act.verification).unwrap_or_default(),
            act.ended.clone().unwrap_or_default(),
            text(&act.proposed).unwrap_or_default(),
            act.armed.clone().unwrap_or_default(),
        ]
        .map(|cell| field(&cell))
        .join(",")
    });
    std::iter::once(head.to_owned())
        .chain(rows)
        .collect::<Vec<_>>()
        .join("\n")
}

fn field(cell: &str) -> String {
    let formula = cell.starts_with(['=', '+', '-', '@']);
    let cell = if formula {
        format!("'{cell}")
    } else {
        cell.to_owned()
    };
    if cell.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", cell.replace('"', "\"\""))
    } else {
        cell
    }
}

/// A moment for machines.
pub(super) fn rfc3339(wall: Wall) -> String {
    Timestamp::from_millisecond(wall.0).map_or_else(|_| wall.0.to_string(), |at| at.to_string())
}

/// A moment as the person's clock shows it.
pub(super) fn local(wall: Wall) -> String {
    match Timestamp::from_millisecond(wall.0) {
        Ok(at) => at
            .to_zoned(TimeZone::system())
            .strftime("%Y-%m-%d %H:%M:%S")
            .to_string(),
        Err(_) => wall.0.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Intent;

    fn entries() -> Vec<LedgerEntry> {
        let intent = |number, host: &str, what: &str| LedgerEntry {
            number,
            wall: Wall(1_800_000_000_000),
            event: LedgerEvent::Intent(Intent {
                who: "ops".into(),
                from: "console, /dev/pts/3".into(),
                host: Some(HostId::new(host)),
                what: what.into(),
                request: "=cmd|' /C calc'!A0".into(),
                confirmed: "typed \"web\", really".into(),
                proposed: (number == 2).then(|| "Claude, session 7, proposal 1".into()),
                armed: (number == 2).then_some(Wall(1_799_999_940_000)),
            }),
        };
        let outcome = |number, act, outcome| LedgerEntry {
            number,
            wall: Wall(1_800_000_001_000),
            event: LedgerEvent::Outcome {
                act: ActId(act),
                outcome,
                verification: Some("it is exited".into()),
            },
        };
        vec![
            intent(
                1,
                "spark-1",
                "stop container web on spark-1 (image nginx:1.27, compose project shop)",
            ),
            intent(2, "spark-2", "open a shell on spark-2"),
            outcome(3, 1, ActOutcome::Failed("the container is gone".into())),
            outcome(4, 9, ActOutcome::Done),
        ]
    }

    #[test]
    fn the_table_fits_into_eighty_columns() {
        let table = table(&of(entries()));
        let lines: Vec<&str> = table.lines().collect();
        assert_eq!(lines.len(), 5, "{table}");
        assert!(
            lines.iter().all(|line| crate::text::width(line) <= WIDTH),
            "{table}"
        );
        assert!(lines[1].contains("failed   stop container web"), "{table}");
        assert!(lines[2].contains("the container is gone"), "{table}");
        assert!(lines[3].contains("open     open a shell"), "{table}");
        assert_eq!(
            lines[4],
            "      proposed by Claude, session 7, proposal 1; typed \"web\", really"
        );
    }

    #[test]
    fn a_spreadsheet_gets_text_and_nothing_to_calculate() {
        let csv = csv(&of(entries()));
        let row = csv.lines().nth(1).unwrap();
        assert!(row.contains(",'=cmd|' /C calc'!A0,"), "{row}");
        assert!(row.contains(r#","typed ""web"", really","#), "{row}");
        assert!(
            row.ends_with("failed,the container is gone,it is exited,2027-01-15T08:00:01Z,,"),
            "{row}"
        );
        let row = csv.lines().nth(2).unwrap();
        assert!(
            row.ends_with(",\"Claude, session 7, proposal 1\",2027-01-15T07:59:00Z"),
            "{row}"
        );
    }
}
