//! What is armed: for a while, and only while somebody is there. It ends by itself.

use std::sync::Arc;
use std::time::Duration;

use super::notes;
use crate::domain::{ActClass, Age, Armed, HostId, Severity};
use crate::engine::{Effect, Fleet, Notice, READ_ONLY_MEND, Refusal, Reply};

/// Nothing stays armed for longer, in minutes: half a day.
const LONGEST: u16 = 720;

/// Arms a host for a class of acts. What is armed already is armed anew.
pub(super) fn arm(fleet: &mut Fleet, host: HostId, class: ActClass, minutes: Option<u16>) -> Reply {
    let minutes = minutes.unwrap_or(fleet.arming.minutes);
    if fleet.read_only {
        return refused("read-only: nothing is armed".into(), READ_ONLY_MEND.into());
    }
    if !(1..=LONGEST).contains(&minutes) {
        let why = format!("nothing is armed for {minutes} minutes");
        return refused(why, format!("between 1 and {LONGEST} minutes"));
    }
    if fleet.host(&host).is_none() {
        return Reply::Failed(Refusal {
            why: format!("no host is named {host}"),
            hint: None,
        });
    }
    let armed = Armed {
        since: fleet.wall,
        until: fleet.at.plus(Duration::from_mins(minutes.into())),
        idle: fleet.at.plus(fleet.arming.idle),
        host,
        class,
    };
    let all = Arc::make_mut(&mut fleet.armed);
    all.retain(|old| old.host != armed.host || old.class != class);
    all.push(armed);
    Reply::Done
}

/// Disarms a host, or all.
pub(super) fn disarm(fleet: &mut Fleet, host: Option<&HostId>) {
    Arc::make_mut(&mut fleet.armed).retain(|armed| host.is_some_and(|host| armed.host != *host));
}

/// Somebody is at the keys.
pub(super) fn present(fleet: &mut Fleet) {
    if fleet.armed.is_empty() {
        return;
    }
    let idle = fleet.at.plus(fleet.arming.idle);
    for armed in Arc::make_mut(&mut fleet.armed) {
        armed.idle = idle;
    }
}

/// Disarms what has been armed long enough, or left alone.
pub(super) fn settle(fleet: &mut Fleet, effects: &mut Vec<Effect>) {
    let at = fleet.at;
    let over = |armed: &Armed| at >= armed.until || at >= armed.idle;
    if !fleet.armed.iter().any(over) {
        return;
    }
    let ended: Vec<Armed> = fleet
        .armed
        .iter()
        .filter(|armed| over(armed))
        .cloned()
        .collect();
    Arc::make_mut(&mut fleet.armed).retain(|armed| !over(armed));
    for armed in ended {
        let why = if at >= armed.until {
            "its time is over".to_owned()
        } else {
            let idle = Age::from(fleet.arming.idle).words();
            format!("nobody touched a key for {idle}")
        };
        let sentence = format!(
            "{} is no longer armed for {}: {why}",
            armed.host, armed.class
        );
        let notice = Notice {
            at,
            severity: Severity::Info,
            host: Some(armed.host),
            sentence: sentence.into(),
            hint: None,
        };
        notes::tell(fleet, notice, effects);
    }
}

fn refused(why: String, hint: String) -> Reply {
    Reply::Refused(Refusal {
        why,
        hint: Some(hint),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Settings;
    use crate::domain::{At, GpuSourceChoice, HostAddress, HostSpec, RequestId, Wall};
    use crate::engine::{Actor, Command, Msg, update};

    fn fleet(read_only: bool) -> Fleet {
        let settings = Settings {
            read_only,
            ..Settings::default()
        };
        let mut fleet = Fleet::new("home", &settings);
        let spec = HostSpec {
            id: HostId::new("spark-1"),
            address: HostAddress::Local,
            tags: Vec::new(),
            gpu: GpuSourceChoice::None,
            power: None,
        };
        let at = At(0);
        let specs = vec![Arc::new(spec)];
        drop(update(&mut fleet, Msg::Hosts { at, specs }));
        fleet
    }

    fn ask(fleet: &mut Fleet, actor: Actor, command: Command) -> Option<Reply> {
        let asked = Msg::Asked {
            at: fleet.at,
            request: RequestId(1),
            actor,
            command,
        };
        update(fleet, asked)
            .into_iter()
            .find_map(|effect| match effect {
                Effect::Reply { reply, .. } => Some(reply),
                _ => None,
            })
    }

    fn arm(host: &str, class: ActClass, minutes: Option<u16>) -> Command {
        Command::Arm {
            host: HostId::new(host),
            class,
            minutes,
        }
    }

    fn pass(fleet: &mut Fleet, seconds: u64) -> Vec<Effect> {
        let at = fleet.at.plus(Duration::from_secs(seconds));
        let wall = Wall(1_000);
        update(fleet, Msg::Tick { at, wall })
    }

    fn holds(fleet: &Fleet, class: ActClass) -> bool {
        fleet.armed(&HostId::new("spark-1"), class).is_some()
    }

    #[test]
    fn who_may_arm_what_by_rows() {
        use ActClass::Power;
        let rows = [
            (false, Actor::Terminal, arm("spark-1", Power, None), true),
            (
                false,
                Actor::Terminal,
                arm("spark-1", Power, Some(720)),
                true,
            ),
            (
                false,
                Actor::Terminal,
                arm("spark-1", Power, Some(721)),
                false,
            ),
            (
                false,
                Actor::Terminal,
                arm("spark-1", Power, Some(0)),
                false,
            ),
            (false, Actor::Terminal, arm("spark-9", Power, None), false),
            (true, Actor::Terminal, arm("spark-1", Power, None), false),
            (false, Actor::Assistant, arm("spark-1", Power, None), false),
        ];
        for (read_only, actor, command, right) in rows {
            let mut fleet = fleet(read_only);
            let reply = ask(&mut fleet, actor, command.clone());
            assert_eq!(reply == Some(Reply::Done), right, "{actor:?} {command:?}");
            assert_eq!(holds(&fleet, Power), right, "{actor:?} {command:?}");
        }
    }

    #[test]
    fn it_ends_with_its_time_or_when_nobody_is_there() {
        use ActClass::{Power, Restart};
        let mut fleet = fleet(false);
        ask(&mut fleet, Actor::Terminal, arm("spark-1", Power, Some(8)));
        assert!(holds(&fleet, Power) && !holds(&fleet, Restart));
        pass(&mut fleet, 299);
        assert!(holds(&fleet, Power));
        ask(&mut fleet, Actor::Terminal, Command::Present);
        pass(&mut fleet, 180);
        assert!(holds(&fleet, Power), "somebody was there");
        let told = pass(&mut fleet, 1);
        assert!(!holds(&fleet, Power) && fleet.armed.is_empty());
        assert!(format!("{told:?}").contains("no longer armed for power: its time is over"));
        ask(
            &mut fleet,
            Actor::Terminal,
            arm("spark-1", Restart, Some(60)),
        );
        let told = pass(&mut fleet, 300);
        assert!(fleet.armed.is_empty());
        assert!(
            format!("{told:?}").contains("nobody touched a key for 5m"),
            "{told:?}"
        );
    }

    #[test]
    fn armed_anew_it_is_one_and_it_can_be_disarmed() {
        use ActClass::{Power, Restart};
        let mut fleet = fleet(false);
        for (class, minutes) in [(Power, 1), (Power, 30), (Restart, 30)] {
            ask(
                &mut fleet,
                Actor::Terminal,
                arm("spark-1", class, Some(minutes)),
            );
        }
        assert_eq!(fleet.armed.len(), 2);
        pass(&mut fleet, 61);
        assert!(holds(&fleet, Power));
        let one = |name: &str| Command::Disarm {
            host: Some(HostId::new(name)),
        };
        ask(&mut fleet, Actor::Terminal, one("spark-2"));
        assert_eq!(fleet.armed.len(), 2);
        ask(&mut fleet, Actor::Terminal, Command::Disarm { host: None });
        assert!(fleet.armed.is_empty());
    }
}
