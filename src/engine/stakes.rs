//! What is at stake in a change: the sentence and the exact request that a person sees first, and what has to be done to
//! confirm it. Pure; whether it may be done at all is the policy's.

use super::command::{Challenge, Plan, Refusal, Reply, Signal};
use super::containers::DaemonState;
use super::host_state::Host;
use super::policy::{Change, Wish};
use crate::docker;
use crate::domain::{
    ActClass, Container, ContainerAct, ContainerId, GpuProcess, HostId, Metric, PrunePreview,
};
use crate::shell::{ShellCommand, ShellWord, quote};
use crate::text::{Masking, SafeText, cut, escape_json, mask_command};

/// Digits of an identity that a person knows a container by.
const SHORT_ID: usize = 12;

/// Names of users that a plan tells.
const USERS: usize = 4;

/// Cells that one foreign word takes in a plan: what matters is never pushed out of sight.
const LONGEST: usize = 64;

/// What is run in a container where nobody says: the best shell that is there.
const SHELL: [&str; 3] = [
    "sh",
    "-c",
    "command -v bash >/dev/null 2>&1 && exec bash -l; exec sh -l",
];

/// Something with a container.
pub(super) fn container(
    host: &Host,
    id: &ContainerId,
    act: ContainerAct,
    login: Option<&SafeText>,
) -> Result<Wish, Reply> {
    let container = find(host, id)?;
    let users = gpu_users(host, container);
    Ok(Wish {
        host: host.id.clone(),
        class: ActClass::Restart,
        challenge: challenge(act, container, &users, login),
        plan: Plan {
            what: format!("{} {}", act.word(), words(host, container, &users)),
            command: request(act, id),
            notes: Vec::new(),
        },
        name: typed_name(container),
        change: Change::Container {
            host: host.id.clone(),
            id: id.clone(),
            name: container.name.clone(),
            act,
        },
    })
}

/// What a preview named goes, and nothing else.
pub(super) fn prune(host: &Host, agreed: &PrunePreview) -> Result<Wish, Reply> {
    answering(host)?;
    let id = host.id.clone();
    let requests: Vec<String> = docker::removals(agreed)
        .map(|path| format!("DELETE {path}"))
        .collect();
    Ok(Wish {
        class: ActClass::Restart,
        challenge: Some(Challenge::TypeName(id.to_string())),
        plan: Plan {
            what: format!(
                "remove from {id} the {} containers that have ended, whoever made them, and the {} images without a name \
                 that no container uses ({} bytes)",
                agreed.containers.len(),
                agreed.images.len(),
                agreed.bytes.0
            ),
            command: requests.join("\n"),
            notes: Vec::new(),
        },
        name: id.to_string(),
        change: Change::Prune {
            host: id.clone(),
            agreed: agreed.clone(),
        },
        host: id,
    })
}

/// A terminal in a container.
pub(super) fn terminal(
    host: &Host,
    id: &ContainerId,
    argv: &[String],
    size: (u16, u16),
) -> Result<Wish, Reply> {
    let container = find(host, id)?;
    let argv: Vec<String> = match argv {
        [] => SHELL.map(str::to_owned).into(),
        argv => argv.to_vec(),
    };
    let body = serde_json::json!({"Tty": true, "Cmd": argv}).to_string();
    let body = escape_json(&body);
    let users = gpu_users(host, container);
    Ok(Wish {
        host: host.id.clone(),
        class: ActClass::Restart,
        challenge: Some(Challenge::YesNo),
        plan: Plan {
            what: format!("open a terminal in {}", words(host, container, &users)),
            command: format!("POST /containers/{id}/exec {body}"),
            notes: Vec::new(),
        },
        name: typed_name(container),
        change: Change::Terminal {
            host: host.id.clone(),
            id: id.clone(),
            argv,
            size,
        },
    })
}

/// One command, word by word. Nobody knows what it does, so it takes the name of the host.
pub(super) fn run(host: &Host, argv: &[String]) -> Result<Wish, Refusal> {
    let id = &host.id;
    let command = program(argv)?;
    let shown = mask_command(argv.iter().map(String::as_str), Masking::Sparing);
    let shown: Vec<String> = shown.iter().map(|word| quote(word)).collect();
    let shown = shown.join(" ");
    Ok(Wish {
        host: id.clone(),
        class: ActClass::Restart,
        challenge: Some(Challenge::TypeName(id.to_string())),
        plan: Plan {
            what: format!("run on {id}: {}", cut(&shown, LONGEST * 2)),
            command: shown,
            notes: Vec::new(),
        },
        name: id.to_string(),
        change: Change::Run {
            host: id.clone(),
            command,
        },
    })
}

/// Words of a login shell that are no programs: behind SSH they would give the words after them to that shell.
const SHELL_WORDS: [&str; 14] = [
    ".", "alias", "builtin", "cd", "command", "eval", "exec", "exit", "export", "set", "source",
    "time", "trap", "unset",
];

/// A program and its words.
fn program(argv: &[String]) -> Result<ShellCommand, Refusal> {
    let refused = |why: &str, hint: &str| Refusal {
        why: why.to_owned(),
        hint: Some(hint.to_owned()),
    };
    let Some((program, words)) = argv
        .split_first()
        .filter(|(program, _)| !program.is_empty())
    else {
        return Err(refused(
            "no program is named",
            "name a program and its words",
        ));
    };
    if SHELL_WORDS.contains(&program.as_str()) || program.starts_with('-') {
        return Err(refused(
            &format!("{program} is no program"),
            "name a program; for a line of shell: sh -c 'LINE'",
        ));
    }
    let word = |text: &String| {
        ShellWord::new(text.as_str()).map_err(|error| refused(&error.to_string(), "leave it out"))
    };
    let mut command = ShellCommand::from_word(word(program)?);
    for text in words {
        command = command.word(word(text)?);
    }
    Ok(command)
}

/// The exact request of the Engine API, without its version prefix.
fn request(act: ContainerAct, id: &ContainerId) -> String {
    let (method, path) = docker::order(id, act);
    format!("{method} {path}")
}

/// What a person types to confirm: the name where it is one that can be seen and typed, else the first digits of the identity.
fn typed_name(container: &Container) -> String {
    let name = container.name.as_str();
    if is_plain(name) {
        name.to_owned()
    } else {
        container.id.as_str().chars().take(SHORT_ID).collect()
    }
}

/// Whether a name is one that container engines allow: nothing in it can be mistaken for the words around it.
fn is_plain(name: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
    name.len() <= LONGEST
        && name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name.chars().all(allowed)
}

/// A foreign word among ours: in quotes where it could be taken for more than one word, blanks counted, and of bounded length.
fn word(foreign: &SafeText) -> String {
    let text = foreign.as_str();
    if text.chars().all(|c| c.is_ascii_graphic() && c != '"') && !text.is_empty() {
        return cut(text, LONGEST).into_owned();
    }
    let mut told = String::new();
    let mut rest = text;
    while let Some(at) = rest.find("  ") {
        let (before, blanks) = rest.split_at(at);
        let after = blanks.trim_start_matches(' ');
        told.push_str(before);
        let count = (blanks.len() - after.len()).to_string();
        told.extend(["‹", &count, " blanks›"]);
        rest = after;
    }
    told.push_str(rest);
    format!("\"{}\"", cut(&told.replace('"', "'"), LONGEST))
}

/// Nothing for what is undone as easily; a Yes for what interrupts; the name for what destroys or disturbs others.
fn challenge(
    act: ContainerAct,
    container: &Container,
    users: &[SafeText],
    login: Option<&SafeText>,
) -> Option<Challenge> {
    let name = || Some(Challenge::TypeName(typed_name(container)));
    match act {
        ContainerAct::Start | ContainerAct::Pause | ContainerAct::Unpause => None,
        ContainerAct::Kill | ContainerAct::Remove => name(),
        ContainerAct::Stop | ContainerAct::Restart if disturbs(container, users, login) => name(),
        ContainerAct::Stop | ContainerAct::Restart => Some(Challenge::YesNo),
    }
}

/// Whether it is, or serves, somebody else. Whose it says it is counts for more than under which name its processes run:
/// inside a container that is mostly root.
fn disturbs(container: &Container, users: &[SafeText], login: Option<&SafeText>) -> bool {
    match &container.owner {
        Some(owner) => Some(owner) != login,
        None => users.iter().any(|user| Some(user) != login),
    }
}

/// A container by its name, and by its identity where the name alone would not do.
fn named(container: &Container) -> String {
    if is_plain(container.name.as_str()) {
        return container.name.to_string();
    }
    format!("{} ({})", word(&container.name), typed_name(container))
}

/// The container with what a person has to know of it before something happens to it.
fn words(host: &Host, container: &Container, users: &[SafeText]) -> String {
    let mut facts = vec![format!("image {}", word(&container.image))];
    if let Some(place) = &container.project {
        facts.push(format!("compose project {}", word(&place.project)));
    }
    if let Some(owner) = &container.owner {
        facts.push(format!("of {}", word(owner)));
    }
    match users {
        [] => {}
        [user] => facts.push(format!("1 GPU process of {}", word(user))),
        users => {
            let mut names: Vec<String> = users.iter().map(word).collect();
            names.sort_unstable();
            names.dedup();
            names.truncate(USERS);
            facts.push(format!(
                "{} GPU processes of {}",
                users.len(),
                names.join(", ")
            ));
        }
    }
    format!(
        "container {} on {} ({})",
        named(container),
        host.id,
        facts.join(", ")
    )
}

/// Whose processes of this container are on a GPU, one name per process.
fn gpu_users(host: &Host, container: &Container) -> Vec<SafeText> {
    let processes = host.processes.as_ref().map(|timed| timed.value.as_slice());
    let mut found: Vec<&GpuProcess> = processes
        .unwrap_or_default()
        .iter()
        .filter(|process| container.holds(process))
        .collect();
    // One process on several GPUs is listed once for each.
    found.sort_by_key(|process| process.pid);
    found.dedup_by_key(|process| process.pid);
    found
        .into_iter()
        .map(|process| match &process.user {
            Metric::Is(user) => user.clone(),
            Metric::Missing(_) => "an unknown user".into(),
        })
        .collect()
}

fn find<'a>(host: &'a Host, id: &ContainerId) -> Result<&'a Container, Reply> {
    answering(host)?;
    let found = host.containers.list.iter().find(|known| known.id == *id);
    found.map(AsRef::as_ref).ok_or_else(|| {
        Reply::Failed(Refusal {
            why: format!("{} has no such container any more", host.id),
            hint: Some("look at the list again".into()),
        })
    })
}

/// Whether the container engine there answers now: what is shown of one that does not is old.
fn answering(host: &Host) -> Result<(), Reply> {
    let (why, hint) = match &host.containers.daemon {
        DaemonState::Up { .. } => return Ok(()),
        DaemonState::Unknown => (
            format!("nothing is known yet of the containers on {}", host.id),
            Some("wait a moment, and ask again".to_owned()),
        ),
        DaemonState::Absent { why, hint } | DaemonState::Lost { why, hint, .. } => (
            format!("the container engine of {} does not answer: {why}", host.id),
            hint.as_ref().map(ToString::to_string),
        ),
    };
    Err(Reply::Failed(Refusal { why, hint }))
}

/// What a signal is for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Target {
    pub(super) pid: u32,
    pub(super) started: Option<u64>,
    pub(super) signal: Signal,
}

impl Target {
    pub(super) fn new(pid: u32, started: Option<u64>, signal: Signal) -> Self {
        Self {
            pid,
            started,
            signal,
        }
    }

    pub(super) fn find(self, host: &Host) -> Option<&GpuProcess> {
        let processes = &host.processes.as_ref()?.value;
        processes.iter().find(|process| process.pid == self.pid)
    }

    pub(super) fn words(self, host: &HostId, process: Option<&GpuProcess>) -> String {
        let name = self.signal.name();
        let pid = self.pid;
        match process {
            Some(process) => {
                let owner = match &process.user {
                    Metric::Is(user) => format!("of {user}"),
                    Metric::Missing(_) => "of an unknown user".into(),
                };
                let command = crate::text::cut(process.command.as_str(), 60);
                format!("send {name} to process {pid} {owner} on {host}: {command}")
            }
            None => format!("send {name} to process {pid} on {host}"),
        }
    }

    /// Whether it destroys, or may hit somebody else: then a Yes is not enough.
    pub(super) fn disturbs(self, process: Option<&GpuProcess>, login: Option<&SafeText>) -> bool {
        let own = match (process.map(|process| &process.user), login) {
            (Some(Metric::Is(owner)), Some(login)) => owner == login,
            _ => false,
        };
        self.signal == Signal::Kill || self.started.is_none() || !own
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::domain::{At, Bytes, GpuId, GpuSourceChoice, HostAddress, HostSpec, Missing, Wall};
    use crate::engine::host_state::Timed;
    use crate::engine::sim;

    /// A host whose first container is `web`: whose it says it is, and whose process of it is on the GPU.
    fn host(owner: Option<&str>, user: Option<&str>) -> Host {
        let spec = HostSpec {
            id: HostId::new("spark-1"),
            address: HostAddress::Local,
            tags: Vec::new(),
            gpu: GpuSourceChoice::None,
            power: None,
        };
        let mut host = Host::new(Arc::new(spec), At(0));
        let mut list = sim::containers(1, 3, Wall(1_800_000_000_000));
        let web = &mut list[0];
        (web.name, web.image, web.project) = ("web".into(), "nginx:1.27".into(), None);
        web.owner = owner.map(Into::into);
        let process = |user: &str| GpuProcess {
            pid: 41,
            gpu: GpuId::new("index:0"),
            memory: Metric::Missing(Missing::NotReported),
            user: Metric::Is(user.into()),
            command: "python".into(),
            container: Metric::Is("web".into()),
            started: Metric::Is(1),
        };
        // On two GPUs, and still one process.
        let processes = user.map(|user| vec![process(user), process(user)]);
        host.processes = Some(Timed {
            at: At(0),
            value: Arc::new(processes.unwrap_or_default()),
        });
        let containers = Arc::make_mut(&mut host.containers);
        containers.list = list.into_iter().map(Arc::new).collect();
        containers.daemon = DaemonState::Up {
            daemon: sim::daemon(),
            since: At(0),
        };
        host
    }

    fn proposed(host: &Host, act: ContainerAct) -> Wish {
        let id = host.containers.list[0].id.clone();
        container(host, &id, act, Some(&"ops".into())).unwrap()
    }

    #[test]
    fn what_it_takes_to_confirm_by_rows() {
        use ContainerAct::{Kill, Pause, Remove, Restart, Start, Stop, Unpause};
        let yes = Some(Challenge::YesNo);
        let name = Some(Challenge::TypeName("web".into()));
        for (owner, user, stop) in [
            (None, None, &yes),
            (None, Some("ops"), &yes),
            (None, Some("root"), &name),
            (Some("ops"), None, &yes),
            // Its own word counts for more than under which name it runs.
            (Some("ops"), Some("root"), &yes),
            (Some("alice"), Some("ops"), &name),
        ] {
            let host = host(owner, user);
            for (act, wanted) in [
                (Start, &None),
                (Pause, &None),
                (Unpause, &None),
                (Stop, stop),
                (Restart, stop),
                (Kill, &name),
                (Remove, &name),
            ] {
                let got = proposed(&host, act).challenge;
                assert_eq!(got, *wanted, "{act:?} {owner:?} {user:?}");
            }
        }
    }

    #[test]
    fn a_plan_says_what_where_for_whom_and_the_exact_request() {
        let host = host(Some("alice"), Some("bob"));
        let id = host.containers.list[0].id.clone();
        let stop = proposed(&host, ContainerAct::Stop);
        assert_eq!(
            stop.plan.what,
            "stop container web on spark-1 (image nginx:1.27, of alice, 1 GPU process of bob)"
        );
        assert_eq!(
            stop.plan.command,
            format!("POST /containers/{id}/stop?t=10")
        );
        let remove = proposed(&host, ContainerAct::Remove);
        assert_eq!(remove.plan.command, format!("DELETE /containers/{id}"));
        let terminal = |argv: &[String]| terminal(&host, &id, argv, (80, 24)).unwrap();
        let own = terminal(&["top".into(), "-b".into()]);
        assert_eq!(own.challenge, Some(Challenge::YesNo));
        assert!(
            own.plan
                .command
                .ends_with(r#"/exec {"Cmd":["top","-b"],"Tty":true}"#)
        );
        assert!(
            matches!(terminal(&[]).change, Change::Terminal { argv, .. } if argv[0] == "sh"),
            "an empty line is the best shell"
        );
        let agreed = PrunePreview {
            containers: vec![(id.clone(), "web".into())],
            images: vec![("sha256:beef".into(), Bytes(5))],
            bytes: Bytes(12),
        };
        let prune = prune(&host, &agreed).unwrap();
        assert_eq!(prune.challenge, Some(Challenge::TypeName("spark-1".into())));
        assert_eq!(
            prune.plan.command,
            format!("DELETE /containers/{id}\nDELETE /images/sha256%3Abeef")
        );
        assert!(
            matches!(&prune.change, Change::Prune { agreed: kept, .. } if *kept == agreed),
            "what was shown is what goes"
        );
    }

    #[test]
    fn the_secrets_of_a_command_are_not_in_its_plan_and_are_in_what_is_run() {
        let argv = ["curl", "-u", "root:calvin", "https://a:hunter2@b/x"].map(str::to_owned);
        let wish = run(&host(None, None), &argv).unwrap();
        let plan = format!("{:?}", wish.plan);
        assert!(
            !plan.contains("calvin") && !plan.contains("hunter2"),
            "{plan}"
        );
        assert!(plan.contains("curl -u "), "{plan}");
        assert!(matches!(&wish.change, Change::Run { command, .. } if command.argv() == argv));
    }

    #[test]
    fn a_hostile_name_hides_nothing_of_a_plan_and_is_never_confirmed_by_nothing() {
        let long = "x".repeat(5_000);
        let padded = format!("web{}on spark-9 (image nginx)", " ".repeat(300));
        for name in [
            "",
            "-rf",
            "web db",
            "wеb",
            "web\u{202e}",
            "a\nb",
            "web, of ops",
            &padded,
            &long,
        ] {
            for field in 0..4 {
                let mut host = host(None, None);
                let list = &mut Arc::make_mut(&mut host.containers).list;
                let web = Arc::make_mut(&mut list[0]);
                match field {
                    0 => web.name = name.into(),
                    1 => web.image = name.into(),
                    2 => web.owner = Some(name.into()),
                    _ => {
                        web.project = Some(crate::domain::ComposePlace {
                            project: name.into(),
                            service: None,
                        });
                    }
                }
                let id = web.id.clone();
                let Wish {
                    plan,
                    challenge,
                    name: typed,
                    ..
                } = proposed(&host, ContainerAct::Remove);
                let Some(Challenge::TypeName(wanted)) = challenge else {
                    panic!("removing is confirmed by name");
                };
                assert_eq!(wanted, typed);
                assert!(is_plain(&wanted), "{name:?}: {wanted:?}");
                let what = plan.what;
                assert!(crate::text::width(&what) < 200, "{name:?}: {what}");
                assert!(what.contains(" on spark-1 (image "), "{name:?}: {what}");
                assert!(!what.contains("  "), "{name:?}: {what}");
                // A forged sentence stands in quotes.
                let forged = what
                    .split('"')
                    .step_by(2)
                    .any(|ours| ours.contains("spark-9") || ours.contains("of ops"));
                assert!(!forged, "{name:?}: {what}");
                if field == 0 {
                    let short: String = id.as_str().chars().take(SHORT_ID).collect();
                    assert!(what.contains(&short), "{name:?}: {what}");
                }
            }
        }
    }

    #[test]
    fn what_is_gone_or_silent_is_refused_in_words() {
        let mut host = host(None, None);
        let gone = container(&host, &ContainerId::new("f00"), ContainerAct::Stop, None);
        assert!(format!("{gone:?}").contains("no such container any more"));
        Arc::make_mut(&mut host.containers).daemon = DaemonState::Lost {
            why: "no answer for 9 s".into(),
            hint: Some("look at dockerd".into()),
            since: At(0),
        };
        let silent = prune(&host, &PrunePreview::default());
        assert!(
            format!("{silent:?}").contains("no answer for 9 s"),
            "{silent:?}"
        );
        assert!(
            format!("{silent:?}").contains("look at dockerd"),
            "{silent:?}"
        );
    }
}
