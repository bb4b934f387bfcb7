//! One host's container engine while its link is open: found, listed, and then heard. Each event is followed by a look at
//! the one container that it is about; nothing is asked while nothing happens.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use tokio::time::sleep;

use super::command::Refusal;
use super::containers::ContainersMsg;
use super::lanes::Lanes;
use super::links::OpenLink;
use super::msg::HostMsg;
use crate::docker::{Docker, DockerError, DockerErrorKind, Events};
use crate::domain::{Container, ContainerId, ContainerState, HostId, Rung};
use crate::reach::Finding;
use crate::tasks::Tasks;
use crate::text::SafeText;

/// Longest wait before an engine that is not there, or is gone, is looked for again.
const AGAIN: Duration = Duration::from_secs(30);

/// Wait after an engine was lost: most are back in seconds. It doubles up to [`AGAIN`].
const SOON: Duration = Duration::from_secs(1);

/// Events of so long are gathered before anything is looked at: one act makes several.
const GATHER: Duration = Duration::from_millis(25);

/// How often an engine is asked whether it still answers: one that hangs says nothing, as one in peace does.
const PULSE: Duration = Duration::from_secs(30);

/// Containers that are looked at at once.
const AT_ONCE: usize = 4;

/// Containers that do not run and are read on their own after a list; of more the youngest.
const ENDED_READ: usize = 200;

/// Hears one host's container engine.
pub(super) struct DaemonWatch {
    pub(super) host: HostId,
    pub(super) link: Arc<OpenLink>,
    pub(super) lanes: Lanes,
    pub(super) tasks: Tasks,
}

/// Containers that may wait to be looked at: as many as a list may hold. Beyond it events are not taken until some were.
const WAITING: usize = 20_000;

/// What was read of one container.
type Read = (ContainerId, Asked, Result<Container, DockerError>);

/// Why a container is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Asked {
    /// It was listed.
    Listed,
    /// Something happened to it.
    Event,
}

impl DaemonWatch {
    /// Runs until it is dropped, with the link.
    pub(super) async fn run(self) {
        let mut told = None;
        let mut answered = false;
        let mut pause = SOON;
        loop {
            let found = Docker::find(Arc::clone(&self.link.exec), &self.tasks).await;
            let error = match found {
                Ok(docker) => {
                    let error = self.hear(&docker, &mut told).await;
                    if told == Some(Finding::Holds) {
                        (answered, pause) = (true, SOON);
                    }
                    error
                }
                Err(error) => error,
            };
            self.link.found(Err(refusal(&error)));
            let finding = finding(&error, answered);
            if told.as_ref() != Some(&finding) {
                self.lose(&error, answered).await;
                self.tell_rung(&mut told, finding).await;
            }
            sleep(if answered { pause } else { AGAIN }).await;
            pause = (pause * 2).min(AGAIN);
        }
    }

    async fn say(&self, msg: ContainersMsg) {
        let msg = HostMsg::Containers(msg);
        self.lanes.host(&self.host, msg).await;
    }

    /// Tells that there is none, or none any more.
    async fn lose(&self, error: &DockerError, answered: bool) {
        let (why, hint) = words(error);
        self.say(if answered {
            ContainersMsg::Lost { why, hint }
        } else {
            ContainersMsg::Absent { why, hint }
        })
        .await;
    }

    async fn tell_rung(&self, told: &mut Option<Finding>, finding: Finding) {
        if told.as_ref() == Some(&finding) {
            return;
        }
        let rung = Rung::Containers;
        let msg = match finding.clone() {
            Finding::Holds => HostMsg::Holds(rung),
            Finding::NotApplicable => HostMsg::NotApplicable(rung),
            Finding::Fails { silent, why, hint } => HostMsg::Fails {
                rung,
                silent,
                why,
                hint,
            },
        };
        *told = Some(finding);
        self.lanes.host(&self.host, msg).await;
    }

    /// Lists and then hears until the engine is lost. The events are opened first, so that nothing falls between.
    async fn hear(&self, docker: &Docker, told: &mut Option<Finding>) -> DockerError {
        let opened = async {
            let events = docker.events(None).await?;
            Ok::<_, DockerError>((events, docker.list().await?))
        };
        let (events, list) = match opened.await {
            Ok(opened) => opened,
            Err(error) => return error,
        };
        let mut reader = Reader::new(docker);
        reader.listed(&list);
        for container in &list {
            self.link.runs(&container.id, is_measured(container.state));
        }
        self.link.found(Ok(docker.clone()));
        let daemon = Arc::new(docker.daemon().clone());
        self.say(ContainersMsg::Listed { daemon, list }).await;
        self.tell_rung(told, Finding::Holds).await;
        let error = tokio::select! {
            error = self.follow(events, reader) => error,
            error = pulse(docker) => error,
        };
        self.link.nothing_runs();
        error
    }

    async fn follow(&self, mut events: Events, mut reader: Reader<'_>) -> DockerError {
        loop {
            let step = tokio::select! {
                event = events.next(), if reader.has_room() => match event {
                    Ok(event) => { reader.event(event.id); None }
                    Err(error) => return error,
                },
                read = reader.next() => read,
            };
            if let Some(read) = step
                && let Err(error) = self.tell(read).await
            {
                return error;
            }
        }
    }

    /// Tells what was read of one container. An error that is not its own is the end.
    async fn tell(&self, (id, asked, read): Read) -> Result<(), DockerError> {
        use DockerErrorKind::{Lost, NotFound, Silent, Timeout};
        match read {
            Ok(container) => {
                self.link.runs(&id, is_measured(container.state));
                let container = Box::new(container);
                self.say(match asked {
                    Asked::Listed => ContainersMsg::Filled(container),
                    Asked::Event => ContainersMsg::Changed(container),
                })
                .await;
            }
            Err(error) if error.kind == NotFound => {
                self.link.runs(&id, false);
                self.say(ContainersMsg::Gone(id)).await;
            }
            Err(error) if matches!(error.kind, Lost | Silent | Timeout) => return Err(error),
            Err(error) => {
                tracing::warn!(host = %self.host, container = %id, %error, "a container can't be read");
            }
        }
        Ok(())
    }
}

/// Ends with the error of an engine that does not answer any more.
async fn pulse(docker: &Docker) -> DockerError {
    loop {
        sleep(PULSE).await;
        if let Err(error) = docker.ping().await {
            return error;
        }
    }
}

fn is_measured(state: ContainerState) -> bool {
    state == ContainerState::Running
}

/// Which containers are to be looked at, and those that are being looked at. Each is asked about by one request at a time, and
/// once for all that happened to it meanwhile: a storm of events costs no more than its containers.
struct Reader<'a> {
    docker: &'a Docker,
    /// Something happened to them; they wait until events were gathered.
    touched: BTreeSet<ContainerId>,
    gather: Option<BoxFuture<'static, ()>>,
    /// To be looked at now.
    ready: VecDeque<ContainerId>,
    /// To be looked at when nothing else is to do.
    listed: VecDeque<ContainerId>,
    busy: BTreeSet<ContainerId>,
    reads: FuturesUnordered<BoxFuture<'a, Read>>,
}

impl<'a> Reader<'a> {
    fn new(docker: &'a Docker) -> Self {
        Self {
            docker,
            touched: BTreeSet::new(),
            gather: None,
            ready: VecDeque::new(),
            listed: VecDeque::new(),
            busy: BTreeSet::new(),
            reads: FuturesUnordered::new(),
        }
    }

    /// Those of a list that are worth a look each: a list tells neither when they started nor how often.
    fn listed(&mut self, list: &[Container]) {
        let (runs, mut ended): (Vec<&Container>, Vec<_>) =
            list.iter().partition(|c| is_measured(c.state));
        ended.sort_by_key(|container| std::cmp::Reverse(container.created));
        self.listed = runs
            .into_iter()
            .chain(ended.into_iter().take(ENDED_READ))
            .map(|container| container.id.clone())
            .collect();
    }

    /// Whether more events may be taken: an engine may tell of containers faster than it can be asked about them.
    fn has_room(&self) -> bool {
        self.touched.len() + self.ready.len() < WAITING
    }

    /// Something happened to a container.
    fn event(&mut self, id: ContainerId) {
        self.touched.insert(id);
        if self.gather.is_none() {
            self.gather = Some(Box::pin(sleep(GATHER)));
        }
    }

    /// The next container that was read; `None` when there is something new to read. Waits while there is nothing to do.
    /// Cancel-safe.
    async fn next(&mut self) -> Option<Read> {
        self.start();
        let gathered = async {
            match &mut self.gather {
                Some(gather) => gather.await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            Some(read) = self.reads.next() => {
                self.busy.remove(&read.0);
                Some(read)
            }
            () = gathered => {
                self.gather = None;
                self.ready.extend(std::mem::take(&mut self.touched));
                None
            }
        }
    }

    fn start(&mut self) {
        while self.reads.len() < AT_ONCE {
            let (id, asked) = if let Some(id) = self.ready.pop_front() {
                (id, Asked::Event)
            } else if let Some(id) = self.listed.pop_front() {
                (id, Asked::Listed)
            } else {
                return;
            };
            if !self.busy.insert(id.clone()) {
                // Being read: what happened since may not be in that. It is gathered once more.
                self.event(id);
                continue;
            }
            let docker = self.docker;
            self.reads.push(Box::pin(async move {
                let read = docker.container(&id).await;
                (id, asked, read)
            }));
        }
    }
}

/// What an error says of the container rung. One that has answered before is missed.
fn finding(error: &DockerError, answered: bool) -> Finding {
    use DockerErrorKind::{Absent, Silent, Timeout};
    if error.kind == Absent && !answered {
        return Finding::NotApplicable;
    }
    let (why, hint) = words(error);
    Finding::Fails {
        silent: matches!(error.kind, Silent | Timeout),
        why,
        hint,
    }
}

fn words(error: &DockerError) -> (SafeText, Option<SafeText>) {
    let refusal = refusal(error);
    (refusal.why.into(), refusal.hint.map(Into::into))
}

/// An error as a refusal: its sentence with what lies directly beneath it, and the mend.
pub(super) fn refusal(error: &DockerError) -> Refusal {
    let why = match std::error::Error::source(error) {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    };
    Refusal {
        why: SafeText::new(&why).to_string(),
        hint: error.hint.clone(),
    }
}
