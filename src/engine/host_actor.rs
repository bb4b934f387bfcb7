//! One host's task: dials, watches, and after a loss dials again, for as long as the engine lives. Each host has its own,
//! so that a slow one delays no other.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, mpsc};
use tokio::time::{Interval, MissedTickBehavior, interval, sleep, timeout};

use super::assist::Sessions;
use super::connect::{Connect, ConnectError, Connected, Lost, Watch};
use super::daemon_watch::DaemonWatch;
use super::handle::Handle;
use super::lanes::Lanes;
use super::lens::Lenses;
use super::links::{Links, OpenLink};
use super::models::{ModelWatch, Models};
use super::msg::{HostMsg, LinkDown};
use super::opened::Opened;
use super::power::Powers;
use super::proposals::Proposals;
use super::questions::{Questions, Voice};
use super::services::ServiceWatch;
use super::stats_watch::StatsWatch;
use crate::domain::{Age, HostId, HostSpec, Rung, ServiceSpec};
use crate::exec::Exec;
use crate::ssh::Backoff;
use crate::tasks::Tasks;

/// What a connection may say before its host's actor has forwarded it.
const LANE: usize = 128;

/// A host that leaves a beat unanswered for so long (or for five periods) has gone silent.
const SILENCE: Duration = Duration::from_secs(15);

/// The least wait before a lost link is dialled again.
const SOON: Duration = Duration::from_secs(1);

/// A link that held for so long is proven: after its loss the host is dialled afresh.
const PROVEN: Duration = Duration::from_secs(30);

/// What all hosts share.
pub(super) struct Shared {
    pub(super) lanes: Lanes,
    pub(super) connect: Arc<dyn Connect>,
    pub(super) links: Arc<Links>,
    pub(super) questions: Arc<Questions>,
    pub(super) opened: Opened,
    pub(super) lenses: Arc<Lenses>,
    pub(super) sessions: Sessions,
    pub(super) proposals: Proposals,
    pub(super) powers: Powers,
    pub(super) models: Models,
    /// The services that the config names.
    pub(super) services: Vec<Arc<ServiceSpec>>,
    /// The engine's own end for faces: its hands look at the fleet too.
    pub(super) handle: Handle,
    pub(super) period: Duration,
    pub(super) tasks: Tasks,
}

/// One host's task.
pub(super) struct HostActor {
    pub(super) spec: Arc<HostSpec>,
    pub(super) shared: Arc<Shared>,
    /// Somebody wants it dialled now.
    pub(super) redial: Arc<Notify>,
}

/// How a link ended.
struct Ending {
    rung: Rung,
    silent: bool,
    why: String,
    hint: Option<String>,
    retry_in: Option<Duration>,
}

impl Ending {
    fn refused(error: ConnectError, attempt: u32) -> Self {
        Self {
            rung: error.rung,
            silent: error.silent,
            why: error.what,
            hint: error.hint,
            retry_in: (!error.is_final).then(|| pause(attempt, fastrand::u64(..))),
        }
    }

    /// A link that answered and fell silent is down until the next dial shows whether TCP still answers: only then is
    /// the host wedged and not merely unplugged.
    fn lost((lost, answered): (Lost, bool), attempt: u32) -> Self {
        Self {
            rung: Rung::Command,
            silent: lost.silent && !answered,
            why: lost.what,
            hint: lost.hint,
            retry_in: Some(pause(attempt, fastrand::u64(..))),
        }
    }
}

impl HostActor {
    /// Runs until it is dropped.
    pub(super) async fn run(self) {
        let mut pace = interval(self.shared.period);
        // Beats of all hosts stay in step, so that one frame shows many of them.
        pace.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let mut attempt = 0;
        loop {
            attempt += 1;
            self.say(HostMsg::Dialing { attempt }).await;
            let ending = match self.dial().await {
                Err(error) => Ending::refused(error, attempt),
                Ok((connected, said)) => {
                    let began = self.shared.lanes.now();
                    let lost = self.watch(connected, said, &mut pace).await;
                    if self.shared.lanes.now().since(began).duration() >= PROVEN {
                        attempt = 0;
                    }
                    Ending::lost(lost, attempt)
                }
            };
            self.end(ending).await;
        }
    }

    async fn say(&self, msg: HostMsg) {
        self.shared.lanes.host(&self.spec.id, msg).await;
    }

    /// Dials once. Also gives the lane in which the connection goes on speaking.
    async fn dial(&self) -> Result<(Connected, mpsc::Receiver<HostMsg>), ConnectError> {
        let (lane, mut said) = mpsc::channel(LANE);
        let voice = Arc::new(Voice::new(Arc::clone(&self.shared.questions), lane));
        let outcome = tokio::select! {
            outcome = self.shared.connect.connect(&self.spec, voice) => outcome,
            () = self.forward(&mut said) => std::future::pending().await,
        };
        while let Ok(msg) = said.try_recv() {
            self.say(msg).await;
        }
        outcome.map(|connected| (connected, said))
    }

    /// Forwards what a connection says; never ends, because it may be asked to speak again.
    async fn forward(&self, said: &mut mpsc::Receiver<HostMsg>) {
        while let Some(msg) = said.recv().await {
            self.say(msg).await;
        }
        std::future::pending::<()>().await;
    }

    /// Takes beats until the link is lost.
    async fn watch(
        &self,
        connected: Connected,
        mut said: mpsc::Receiver<HostMsg>,
        pace: &mut Interval,
    ) -> (Lost, bool) {
        let Connected { watch, exec, user } = connected;
        if let Some(user) = user {
            let user = user.into();
            self.say(HostMsg::LoggedIn { user }).await;
        }
        let open = LinkAtWork::new(&self.shared, &self.spec.id, exec);
        tokio::select! {
            lost = self.beats(&open, watch, pace) => lost,
            () = self.forward(&mut said) => std::future::pending().await,
        }
    }

    /// Beats until one fails; also tells whether any came before it.
    async fn beats(
        &self,
        open: &LinkAtWork<'_>,
        mut watch: Box<dyn Watch>,
        pace: &mut Interval,
    ) -> (Lost, bool) {
        let limit = SILENCE.max(self.shared.period * 5);
        let mut answered = false;
        loop {
            tokio::select! {
                _ = pace.tick() => {}
                lost = watch.gone() => return (lost, answered),
            }
            let beat = timeout(limit, watch.beat(self.shared.lanes.now())).await;
            match beat {
                Ok(Ok(beat)) => {
                    if !answered {
                        answered = true;
                        self.say(HostMsg::Holds(Rung::Command)).await;
                        open.watch_containers();
                        open.watch_models();
                    }
                    self.shared.lanes.sample(&self.spec.id, beat);
                }
                Ok(Err(lost)) => return (lost, answered),
                Err(_) => return (silence(limit), answered),
            }
        }
    }

    /// Tells how the link ended and waits for the next dial: its time, or a person.
    async fn end(&self, ending: Ending) {
        let why = crate::text::SafeText::from(ending.why);
        self.say(HostMsg::Fails {
            rung: ending.rung,
            silent: ending.silent,
            why: why.clone(),
            hint: ending.hint.map(Into::into),
        })
        .await;
        let retry_in = ending.retry_in;
        let called = self.redial.notified();
        self.say(HostMsg::LinkDown(LinkDown { why, retry_in }))
            .await;
        let due = async {
            match retry_in {
                Some(pause) => sleep(pause).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = due => {}
            () = called => {}
        }
    }
}

fn silence(limit: Duration) -> Lost {
    Lost {
        silent: true,
        what: format!("no answer for {}", Age::from(limit).words()),
        hint: None,
    }
}

/// A link at work: in the table of links while it lives, with the tasks that go with it.
struct LinkAtWork<'a> {
    shared: &'a Arc<Shared>,
    host: &'a HostId,
    link: Arc<OpenLink>,
    tasks: Tasks,
}

impl<'a> LinkAtWork<'a> {
    fn new(shared: &'a Arc<Shared>, host: &'a HostId, exec: Arc<dyn Exec>) -> Self {
        let link = shared.links.open(host, exec);
        let tasks = shared.tasks.child();
        Self {
            shared,
            host,
            link,
            tasks,
        }
    }

    /// Hears the host's container engine, beside the beats.
    fn watch_containers(&self) {
        let watch = DaemonWatch {
            host: self.host.clone(),
            link: Arc::clone(&self.link),
            lanes: self.shared.lanes.clone(),
            tasks: self.tasks.clone(),
        };
        self.tasks.spawn(watch.run());
        let stats = StatsWatch {
            host: self.host.clone(),
            link: Arc::clone(&self.link),
            lanes: self.shared.lanes.clone(),
        };
        self.tasks.spawn(stats.run());
    }

    /// Watches what the host has on disk and serves, and its services.
    fn watch_models(&self) {
        let watch = ModelWatch {
            host: self.host.clone(),
            link: Arc::clone(&self.link),
            shared: Arc::clone(self.shared),
        };
        watch.start(&self.tasks);
        let services = ServiceWatch {
            host: self.host.clone(),
            link: Arc::clone(&self.link),
            shared: Arc::clone(self.shared),
        };
        services.start(&self.tasks);
    }
}

impl Drop for LinkAtWork<'_> {
    fn drop(&mut self) {
        self.shared.links.close(self.host);
        self.tasks.cancel();
    }
}

/// The wait after the so manyth attempt. A proven link that was lost is dialled again soon.
fn pause(attempt: u32, seed: u64) -> Duration {
    match attempt.checked_sub(1) {
        None => SOON + Duration::from_millis(seed % 1000),
        Some(failures) => Backoff::delay(failures, seed),
    }
}
