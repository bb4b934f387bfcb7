//! What a swap would meet on a host (hands: one command), and its parse (pure).

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::num::NonZeroU16;
use std::time::Duration;

use super::timeline::{PastSwap, parse_history};
use crate::capacity::{Listener, PortOwner};
use crate::domain::{Mib, Port};
use crate::exec::{Exec, ExecError, RunLimits};
use crate::jobs::FUNCTIONS;
use crate::shell::{RemotePath, ShellCommand, ShellWord};
use crate::text::SafeText;

const FACTS: &str = include_str!("facts.sh");

/// What is asked of one host.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FactsAsk {
    /// Images that have to be there.
    pub images: Vec<String>,
    /// Nodes that this host has to reach, by their address on the fast network.
    pub nodes: Vec<IpAddr>,
    /// The interface of the fast network.
    pub interface: Option<String>,
    /// The image whose `vllm serve` is asked for its flags.
    pub flags_of: Option<String>,
    /// The folder on the host; `None`: `~/.pilothouse`.
    pub base: Option<RemotePath>,
}

/// What one host said.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct HostFacts {
    /// All of its memory, and what is available.
    pub memory: Option<(Mib, Mib)>,
    /// Its GPUs.
    pub gpus: Vec<GpuFact>,
    /// Why the driver's tool said nothing.
    pub smi_trouble: Option<SafeText>,
    /// The newest CUDA that the driver offers.
    pub cuda: Option<(u32, u32)>,
    /// What runs on the GPUs.
    pub apps: Vec<AppFact>,
    /// Why the container engine said nothing.
    pub docker_trouble: Option<SafeText>,
    /// Its containers, running or not.
    pub boxes: Vec<BoxFact>,
    /// The images that were asked about, with whether they are there.
    pub images: Vec<(String, bool)>,
    /// Who listens.
    pub listeners: Vec<Listener>,
    /// The nodes that were asked, with why one can't be reached.
    pub nodes: Vec<(IpAddr, Option<SafeText>)>,
    /// The interface of the fast network and its state.
    pub link: Option<(SafeText, SafeText)>,
    /// The flags that the engine knows.
    pub flags: Flags,
    /// The swaps that came to their end there, the newest last.
    pub history: Vec<PastSwap>,
}

/// A GPU as its driver tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GpuFact {
    /// Its UUID.
    pub uuid: String,
    /// Its number.
    pub index: u32,
    /// Memory of its own and what is free of it; `None`: it shares the host's.
    pub memory: Option<(Mib, Mib)>,
    /// The driver's version.
    pub driver: SafeText,
    /// Its product name.
    pub name: SafeText,
}

/// A process on a GPU.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppFact {
    /// The GPU's UUID.
    pub gpu: String,
    /// Its id.
    pub pid: u32,
    /// GPU or unified memory that it holds.
    pub holds: Mib,
    /// Its name.
    pub name: SafeText,
    /// The container that it is in.
    pub container: Option<String>,
}

/// A container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BoxFact {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Whether it runs.
    pub runs: bool,
    /// The model that we launched it for.
    pub model: Option<SafeText>,
    /// Ports of the host that it publishes.
    pub ports: Vec<Port>,
}

/// The flags that an engine knows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Flags {
    /// These.
    Known(BTreeSet<String>),
    /// It is being asked, which takes minutes the first time.
    Asked,
    /// It can't be asked; with why.
    Silent(SafeText),
    /// Nobody wanted to know.
    #[default]
    NotAsked,
}

/// Asks a host everything at once.
pub async fn host_facts(exec: &dyn Exec, ask: &FactsAsk) -> Result<HostFacts, ExecError> {
    let command = command(ask).map_err(|error| {
        let kind = crate::exec::ExecErrorKind::Refused;
        ExecError::new(kind, "what is asked holds NUL").source(error)
    })?;
    let limits = RunLimits {
        timeout: Duration::from_secs(10),
        output: 512 * 1024,
    };
    let output = exec.run(&command, limits).await?;
    let said = String::from_utf8_lossy(&output.stdout);
    // What broke off would tell of free ports and names that nobody looked at.
    if !is_whole(&said) {
        let kind = crate::exec::ExecErrorKind::Protocol;
        return Err(
            ExecError::new(kind, "the host did not say all that a swap would meet").hint(
                "look at what a login on this host prints by itself, and at its room in /tmp",
            ),
        );
    }
    Ok(parse(&said))
}

/// Whether an answer has its first and its last line.
fn is_whole(text: &str) -> bool {
    let mut lines = text.lines();
    lines.any(|line| line == "pilothouse-facts 1") && lines.any(|line| line == "end")
}

fn command(ask: &FactsAsk) -> Result<ShellCommand, crate::shell::InvalidWord> {
    let mut command = ShellCommand::new("sh")
        .arg("-c")
        .word(ShellWord::new(format!("{FUNCTIONS}\n{FACTS}"))?)
        .arg("pilothouse-facts")
        .word(ShellWord::new(
            ask.base.as_ref().map_or("", RemotePath::as_str),
        )?);
    for image in &ask.images {
        command = command.arg("image").word(ShellWord::new(image.as_str())?);
    }
    for node in &ask.nodes {
        command = command.arg("node").word(ShellWord::new(node.to_string())?);
    }
    // A path under /sys is made of it.
    let plain = |name: &&String| {
        name.bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"_-.".contains(&b))
    };
    if let Some(name) = ask.interface.as_ref().filter(plain) {
        command = command.arg("link").word(ShellWord::new(name.as_str())?);
    }
    if let Some(image) = &ask.flags_of {
        command = command.arg("flags").word(ShellWord::new(image.as_str())?);
    }
    Ok(command)
}

/// Reads what a host said; what is missing or not ours stays unknown.
pub(super) fn parse(text: &str) -> HostFacts {
    let mut facts = HostFacts::default();
    let mut owners: Vec<(u32, String)> = Vec::new();
    let mut listeners: Vec<(Port, Option<(u32, String)>)> = Vec::new();
    let ours = text
        .lines()
        .skip_while(|line| *line != "pilothouse-facts 1")
        .skip(1)
        .take_while(|line| *line != "end");
    for line in ours {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        match word {
            "owner" => owners.extend(
                rest.split_once(' ')
                    .and_then(|(pid, id)| Some((pid.parse().ok()?, id.to_owned()))),
            ),
            "listen" => listeners.extend(listener(rest)),
            "past" => facts.history.extend(parse_history(rest)),
            _ => facts.take(word, rest),
        }
    }
    facts.name_owners(&owners, listeners);
    facts
}

impl HostFacts {
    fn take(&mut self, word: &str, rest: &str) {
        let pair = || rest.split_once(' ');
        match word {
            "mem" => {
                self.memory = pair().and_then(|(total, free)| {
                    let kib = |text: &str| text.parse().ok().map(Mib::from_kib);
                    Some((kib(total)?, kib(free)?))
                });
            }
            "gpu" => self.gpus.extend(gpu(rest)),
            "smi" => self.smi_trouble = Some(rest.into()),
            "cuda" => {
                self.cuda = rest
                    .split_once('.')
                    .and_then(|(major, minor)| Some((major.parse().ok()?, minor.parse().ok()?)));
            }
            "app" => self.apps.extend(app(rest)),
            "docker" if rest != "ok" => self.docker_trouble = Some(rest.into()),
            "box" => self.boxes.extend(container(rest)),
            "image" => self
                .images
                .extend(pair().map(|(id, name)| (name.to_owned(), id != "-"))),
            "node" => self.nodes.extend(pair().and_then(|(node, how)| {
                Some((node.parse().ok()?, (how != "ok").then(|| how.into())))
            })),
            "link" => self.link = pair().map(|(name, state)| (name.into(), state.into())),
            "flags" => {
                self.flags = match rest.split_once(' ').unwrap_or((rest, "")) {
                    ("known", _) => Flags::Known(BTreeSet::new()),
                    ("asked", _) => Flags::Asked,
                    (_, why) => Flags::Silent(why.into()),
                };
            }
            "flag" => {
                if let Flags::Known(known) = &mut self.flags {
                    known.insert(rest.to_owned());
                }
            }
            _ => {}
        }
    }

    /// Processes get the names of their containers, ports those of whoever publishes or holds them.
    fn name_owners(
        &mut self,
        owners: &[(u32, String)],
        listeners: Vec<(Port, Option<(u32, String)>)>,
    ) {
        let boxes = &self.boxes;
        let container_of = |pid: u32| {
            let (_, id) = owners.iter().find(|(owner, _)| *owner == pid)?;
            let found = boxes.iter().find(|one| one.id == *id)?;
            Some(found.name.clone())
        };
        for app in &mut self.apps {
            app.container = container_of(app.pid);
        }
        self.listeners = listeners
            .into_iter()
            .map(|(port, process)| {
                let publishes = boxes
                    .iter()
                    .find(|one| one.runs && one.ports.contains(&port));
                let owner = match (publishes, process) {
                    (Some(one), _) => PortOwner::Container(one.name.clone()),
                    (None, None) => PortOwner::Hidden,
                    (None, Some((pid, name))) => container_of(pid)
                        .map_or(PortOwner::Process { name, pid }, PortOwner::Container),
                };
                Listener { port, owner }
            })
            .collect();
    }
}

fn port(text: &str) -> Option<Port> {
    text.parse().ok().and_then(NonZeroU16::new).map(Port)
}

/// `PORT PID NAME`, dashes where it can't be seen.
fn listener(rest: &str) -> Option<(Port, Option<(u32, String)>)> {
    let mut words = rest.splitn(3, ' ');
    let port = port(words.next()?)?;
    let pid = words.next().and_then(|pid| pid.parse().ok());
    let name = SafeText::new(words.next().unwrap_or_default()).to_string();
    Some((port, pid.map(|pid| (pid, name))))
}

/// `UUID, INDEX, TOTAL, FREE, DRIVER, NAME`; a GPU that shares the host's memory says `[N/A]`.
fn gpu(rest: &str) -> Option<GpuFact> {
    let mut cells = rest.splitn(6, ',').map(str::trim);
    let uuid = cells.next()?.to_owned();
    let index = cells.next()?.parse().ok()?;
    let mut mib = || {
        let cell = cells.next()?.parse().ok();
        cell.map(Mib)
    };
    let (total, free) = (mib(), mib());
    Some(GpuFact {
        uuid,
        index,
        memory: total.filter(|total| *total > Mib(0)).zip(free),
        driver: cells.next()?.into(),
        name: cells.next()?.into(),
    })
}

/// `UUID, PID, MIB, NAME`
fn app(rest: &str) -> Option<AppFact> {
    let mut cells = rest.splitn(4, ',').map(str::trim);
    Some(AppFact {
        gpu: cells.next()?.to_owned(),
        pid: cells.next()?.parse().ok()?,
        holds: Mib(cells.next()?.parse().unwrap_or(0)),
        name: cells.next()?.rsplit('/').next()?.into(),
        container: None,
    })
}

/// `ID NAME STATE MODEL<tab>PORTS`
fn container(rest: &str) -> Option<BoxFact> {
    let (words, ports) = rest.split_once('\t').unwrap_or((rest, ""));
    let mut words = words.splitn(4, ' ');
    Some(BoxFact {
        id: words.next()?.to_owned(),
        name: SafeText::new(words.next()?).to_string(),
        runs: !matches!(words.next()?, "exited" | "created" | "dead"),
        model: words
            .next()
            .filter(|model| !model.is_empty())
            .map(SafeText::from),
        ports: ports
            .split(", ")
            .filter_map(|one| one.split_once("->")?.0.rsplit(':').next().and_then(port))
            .collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAID: &str = concat!(
        "motd\npilothouse-facts 1\nmem 127600748 60000000\n",
        "gpu GPU-1, 0, [N/A], [N/A], 580.95.05, NVIDIA GB10\n",
        "gpu GPU-2, 1, 81920, 1000, 580.95.05, NVIDIA A100, odd\n",
        "cuda 13.0\nrubbish\ngpu x\n",
        "app GPU-2, 77, 70000, /usr/bin/python3\n",
        "docker ok\n",
        "box aa11 vllm_node running qwen\t\nbox bb22 web running \t0.0.0.0:8080->80/tcp, :::8080->80/tcp\nbox cc33 old exited \t\n",
        "image sha256:12 vllm-node\nimage - other:latest\n",
        "listen 8000 77 python3\nlisten 8080 - -\nlisten 22 - -\n",
        "node 192.168.177.12 ssh: refused\nlink enp1s0f1np1 up\n",
        "flags known\nflag --max-model-len\nflag --port\n",
        "owner 77 aa11\npast 1700000000 ab 1 2 3 4 5 6 7 qwen\nend\ngpu late\n",
    );

    #[test]
    fn facts_are_read_and_processes_get_their_containers() {
        let facts = parse(SAID);
        assert_eq!(facts.gpus.len(), 2);
        assert_eq!(facts.gpus[0].memory, None);
        assert_eq!(facts.gpus[1].memory, Some((Mib(81_920), Mib(1000))));
        assert_eq!(facts.cuda, Some((13, 0)));
        assert_eq!(facts.apps[0].container.as_deref(), Some("vllm_node"));
        assert_eq!(facts.boxes.len(), 3);
        assert!(facts.boxes[0].runs && !facts.boxes[2].runs);
        assert_eq!(facts.boxes[0].model.as_ref().unwrap().as_str(), "qwen");
        let owners: Vec<_> = facts
            .listeners
            .iter()
            .map(|one| one.owner.words())
            .collect();
        assert_eq!(
            owners,
            [
                "the container vllm_node",
                "the container web",
                "a process that this login may not see"
            ]
        );
        assert_eq!(
            facts.images,
            [
                ("vllm-node".to_owned(), true),
                ("other:latest".to_owned(), false)
            ]
        );
        assert!(facts.nodes[0].1.is_some());
        assert!(matches!(&facts.flags, Flags::Known(known) if known.len() == 2));
        assert_eq!(facts.history.len(), 1);
    }

    #[test]
    fn an_answer_that_broke_off_is_none() {
        assert!(is_whole(SAID));
        assert!(is_whole("motd\npilothouse-facts 1\nend"));
        for broken in ["", "end\npilothouse-facts 1\n", "pilothouse-facts 1\nen"] {
            assert!(!is_whole(broken), "{broken:?}");
        }
    }

    #[test]
    fn what_was_not_said_is_unknown() {
        assert_eq!(parse("mem 1 2\n"), HostFacts::default());
        let facts = parse("pilothouse-facts 1\nsmi missing\ndocker no daemon\nflags asked\n");
        assert_eq!(facts.flags, Flags::Asked);
        assert_eq!(facts.docker_trouble.unwrap().as_str(), "no daemon");
    }
}
