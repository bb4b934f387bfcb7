//! The engine at work: takes what comes from the lanes, folds it, shows the new fleet, hands effects to the performer.
//! It waits for nobody but its lanes.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, broadcast, mpsc, watch};
use tokio::time::{MissedTickBehavior, interval, timeout};

use super::assist::{Assisting, Sessions};
use super::command::{Refusal, Reply};
use super::connect::Connect;
use super::door::{Acting, Door};
use super::handle::{Handle, Request};
use super::host_actor::{HostActor, Shared};
use super::keeper::Keeper;
use super::lanes::{LaneEnds, lanes};
use super::lens;
use super::links::Links;
use super::models::Models;
use super::msg::{HostMsg, Msg, ProposalMsg};
use super::notice::Notice;
use super::opened::Opened;
use super::perform::{Outlets, Performer};
use super::policy::{Confirmed, Desk, Ruling};
use super::power::{self, Powers};
use super::proposals::Proposals;
use super::publish::{News, Publisher};
use super::record::{Header, Recorder, Tape, Written};
use super::services_state::ServicesMsg;
use super::sink::Sink;
use super::state::Fleet;
use super::trouble::Trouble;
use super::update::update;
use super::webhook::Webhook;
use crate::assistant::Decided;
use crate::clock::Clock;
use crate::config::{Config, Problem};
use crate::domain::{At, HostId, ProposalId, RequestId, ServiceSpec, Severity};
use crate::exec::LocalExec;
use crate::store::{Ledger, Store};
use crate::tasks::Tasks;

/// Commands that wait for the engine; a face beyond them waits.
const COMMANDS: usize = 64;

/// Notices that a slow reader may be behind before it misses some.
const NOTICES: usize = 256;

/// Facts folded before a new fleet may be shown.
const BATCH: usize = 256;

/// Everything an engine is made of.
pub struct Setup {
    /// Hosts and settings.
    pub config: Config,
    /// The time.
    pub clock: Clock,
    /// The engine's tasks live here.
    pub tasks: Tasks,
    /// The way to hosts.
    pub connect: Arc<dyn Connect>,
    /// What outlives this session.
    pub store: Option<Store>,
    /// Where the session is recorded.
    pub record: Option<Recorder>,
    /// Who acts, and where that is written down.
    pub acting: Acting,
    /// What conversations with the assistant are given.
    pub assisting: Assisting,
}

/// A running engine.
#[derive(Debug)]
pub struct Engine {
    handle: Handle,
    proposals: Proposals,
    tasks: Tasks,
    store: Option<Store>,
    ledger: Ledger,
    written: Option<Written>,
}

impl Engine {
    /// Starts an engine. The fleet that its handle shows first has all hosts in it; nothing is awaited before that.
    pub fn start(setup: Setup) -> Self {
        let Setup {
            config,
            clock,
            tasks,
            connect,
            store,
            record,
            acting,
            assisting,
        } = setup;
        let tasks = tasks.child();
        let (lanes, ends) = lanes(clock.clone());
        let (commands, requests) = mpsc::channel(COMMANDS);
        let (notices, _) = broadcast::channel(NOTICES);
        let (out, fleet) = watch::channel(Arc::new(Fleet::new(&config.fleet, &config.settings)));
        let (links, opened) = (Arc::<Links>::default(), Opened::default());
        let settings = &config.settings;
        let lenses = lens::lenses(&links, &fleet, &opened, (&clock, &tasks), settings.logs);
        let handle = Handle::new(commands, fleet, notices.clone()).with_opened(opened.clone());
        let keeper = store.clone().map(|store| Keeper::new(store, lanes.clone()));
        let shared = Arc::new(Shared {
            sessions: Sessions::new(
                assisting,
                (store.clone(), acting.ledger.clone()),
                (&lanes, &clock),
                settings,
            ),
            proposals: Proposals::new(handle.clone(), lanes.clone(), clock.clone(), tasks.clone()),
            powers: Powers::default(),
            models: Models::new(&settings.models, &acting),
            services: settings.services.clone(),
            handle: handle.clone(),
            lanes,
            connect,
            links,
            questions: Arc::default(),
            opened,
            lenses: Arc::new(lenses),
            period: config.settings.period,
            tasks: tasks.clone(),
        });
        recall(keeper.as_ref(), &config, &shared);
        let ledger = acting.ledger.clone();
        let door = open_door(acting, &config, &clock, &shared);
        let performer = Performer::new(&shared, outlets(&config, &shared, (notices, keeper, door)));
        let mut hub = Hub::new(&config, clock, performer);
        let written = record.map(|recorder| hub.record(recorder));
        hub.begin(&config);
        out.send_replace(Arc::new(hub.fleet.clone()));
        tasks.spawn(hub.run(requests, ends, out));
        Self {
            handle,
            proposals: shared.proposals.clone(),
            tasks,
            store,
            ledger,
            written,
        }
    }

    /// A face's end; any number may be had.
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// Where the assistant's proposals are put before a person.
    pub fn proposals(&self) -> Proposals {
        self.proposals.clone()
    }

    /// Ends everything, and waits until what was to be kept is on the disk; false when some of it was still at work after
    /// `limit`.
    pub async fn shutdown(self, limit: Duration) -> bool {
        let ended = async {
            let joined = self.tasks.shutdown(limit).await;
            if let Some(written) = self.written {
                // An error means that the recorder is gone, and with it every line that it could write.
                drop(written.await);
            }
            if let Some(store) = &self.store {
                store.settle().await;
            }
            self.ledger.settle().await;
            joined
        };
        timeout(limit, ended).await.unwrap_or(false)
    }
}

fn outlets(
    config: &Config,
    shared: &Arc<Shared>,
    (notices, keeper, door): (broadcast::Sender<Notice>, Option<Keeper>, Arc<Door>),
) -> Outlets {
    Outlets {
        notices,
        redials: start_hosts(config, shared),
        keeper,
        webhook: webhook(config, shared),
        door,
    }
}

fn start_hosts(config: &Config, shared: &Arc<Shared>) -> HashMap<HostId, Arc<Notify>> {
    let start = |spec: &Arc<crate::domain::HostSpec>| {
        let redial = Arc::new(Notify::new());
        let actor = HostActor {
            spec: Arc::clone(spec),
            shared: Arc::clone(shared),
            redial: Arc::clone(&redial),
        };
        shared.tasks.spawn(actor.run());
        (spec.id.clone(), redial)
    };
    config.hosts.iter().map(start).collect()
}

fn open_door(acting: Acting, config: &Config, clock: &Clock, shared: &Arc<Shared>) -> Arc<Door> {
    let sink = config.settings.ledger_sink.clone();
    let sink = sink.map(|host| Sink::start(host, shared));
    let door = Arc::new(Door::new(acting, clock.clone(), shared, sink));
    let recalling = Arc::clone(&door);
    shared.tasks.spawn(async move { recalling.recall().await });
    let sweeping = Arc::clone(shared);
    shared
        .tasks
        .spawn(async move { sweeping.sessions.sweep().await });
    door
}

/// Reads what was there before this session: what the store knows, and the catalogue.
fn recall(keeper: Option<&Keeper>, config: &Config, shared: &Arc<Shared>) {
    if let Some(keeper) = keeper.cloned() {
        let hosts = config.hosts.iter().map(|spec| spec.id.clone()).collect();
        shared.tasks.spawn(keeper.recall(hosts));
    }
    read_catalogue(shared);
}

fn read_catalogue(shared: &Arc<Shared>) {
    let reading = Arc::clone(shared);
    shared
        .tasks
        .spawn(async move { reading.models.book.tell(&reading.lanes).await });
}

fn webhook(config: &Config, shared: &Shared) -> Option<Webhook> {
    let address = config.settings.alerts.webhook.clone()?;
    let here = Arc::new(LocalExec::new(shared.tasks.clone()));
    let trouble = Trouble::new(shared.lanes.clone());
    Some(Webhook::new(address, here, trouble))
}

/// What the engine's own task owns.
struct Hub {
    fleet: Fleet,
    desk: Desk,
    performer: Performer,
    clock: Clock,
    requests: u64,
    tape: Option<Tape>,
}

impl Hub {
    fn new(config: &Config, clock: Clock, performer: Performer) -> Self {
        let mut fleet = Fleet::new(&config.fleet, &config.settings);
        fleet.wall = clock.wall();
        Self {
            fleet,
            desk: Desk::default(),
            performer,
            clock,
            requests: 0,
            tape: None,
        }
    }

    fn record(&mut self, recorder: Recorder) -> Written {
        let (tape, written) = recorder.begin(Header::of(&self.fleet));
        self.tape = Some(tape);
        written
    }

    fn begin(&mut self, config: &Config) {
        self.tick();
        self.fold(Msg::Hosts {
            at: self.clock.at(),
            specs: config.hosts.clone(),
        });
        for spec in &config.hosts {
            self.name_services(&spec.id, &config.settings.services);
        }
        for problem in &config.problems {
            let notice = misconfigured(self.clock.at(), problem);
            self.fold(Msg::Noticed(notice));
        }
    }

    fn name_services(&mut self, host: &HostId, services: &[Arc<ServiceSpec>]) {
        let own = services.iter().filter(|spec| spec.host == *host);
        let own: Vec<_> = own.cloned().collect();
        if own.is_empty() {
            return;
        }
        let (at, host) = (self.clock.at(), host.clone());
        let msg = HostMsg::Services(ServicesMsg::Are(own));
        self.fold(Msg::Host { at, host, msg });
    }

    async fn run(
        mut self,
        mut requests: mpsc::Receiver<Request>,
        mut ends: LaneEnds,
        out: watch::Sender<Arc<Fleet>>,
    ) {
        let mut publisher = Publisher::new(out);
        let mut second = interval(Duration::from_secs(1));
        second.set_missed_tick_behavior(MissedTickBehavior::Skip);
        loop {
            let mut news = News::None;
            tokio::select! {
                biased;
                () = publisher.due() => publisher.timer_ran_out(&self.fleet),
                Some(request) = requests.recv() => news = news.max(self.asked(request)),
                Some(msg) = ends.facts.recv() => news = news.max(self.fold(msg)),
                _ = second.tick() => news = news.max(self.tick()),
                () = ends.samples.filled() => {}
            }
            news = news.max(self.drain(&mut requests, &mut ends));
            publisher.offer(news, &self.fleet);
        }
    }

    /// Folds what else is there already: wishes first, then facts up to a batch, then the newest readings.
    fn drain(&mut self, requests: &mut mpsc::Receiver<Request>, ends: &mut LaneEnds) -> News {
        let mut news = News::None;
        for _ in 0..COMMANDS {
            let Ok(request) = requests.try_recv() else {
                break;
            };
            news = news.max(self.asked(request));
        }
        for _ in 0..BATCH {
            let Ok(msg) = ends.facts.try_recv() else {
                break;
            };
            news = news.max(self.fold(msg));
        }
        for (host, at, beat) in ends.samples.take() {
            for msg in [
                HostMsg::Sample(beat.sample),
                HostMsg::RoundTrip(beat.round_trip),
            ] {
                let host = host.clone();
                news = news.max(self.fold(Msg::Host { at, host, msg }));
            }
        }
        news
    }

    fn tick(&mut self) -> News {
        let (at, wall) = (self.clock.at(), self.clock.wall());
        self.fold(Msg::Tick { at, wall })
    }

    fn asked(&mut self, request: Request) -> News {
        let Request {
            actor,
            command,
            reply,
        } = request;
        self.requests += 1;
        let id = RequestId(self.requests);
        self.performer.replies.insert(id, reply);
        let news = self.fold(Msg::Asked {
            at: self.clock.at(),
            request: id,
            actor,
            command: command.clone(),
        });
        match self.desk.rule(&self.fleet, actor, &command) {
            Ruling::Free => {}
            Ruling::Look => self.performer.look(id, command),
            Ruling::Prepare(unlooked) => self.performer.prepare(id, (actor, command), unlooked),
            Ruling::Answer(reply) => self.performer.reply(id, reply),
            Ruling::Do(confirmed) => self.carry(id, confirmed),
            Ruling::Decided { proposal, decided } => {
                self.proposal(proposal, ProposalMsg::Ended(decided));
                self.performer.reply(id, Reply::Done);
            }
            Ruling::Ended { terminal, failed } => self.performer.ended(id, terminal, failed),
        }
        news
    }

    /// Lets a change through the door. A proposal that it comes from waits no more, and a host whose power is about to be
    /// switched takes no second verb.
    fn carry(&mut self, request: RequestId, confirmed: Confirmed) {
        if let Some(proposed) = confirmed.proposed() {
            if !self.performer.approve(proposed.proposal) {
                self.proposal(proposed.proposal, ProposalMsg::Ended(Decided::Withdrawn));
                return self.performer.reply(request, taken_back());
            }
            self.proposal(proposed.proposal, ProposalMsg::Approved);
        }
        if let Some(change) = confirmed.power() {
            let (at, host) = (self.clock.at(), change.host.clone());
            let msg = power::announced(change, at);
            self.fold(Msg::Power { at, host, msg });
        }
        self.performer.change(request, confirmed);
    }

    fn proposal(&mut self, proposal: ProposalId, msg: ProposalMsg) {
        let at = self.clock.at();
        self.fold(Msg::Proposal { at, proposal, msg });
    }

    fn fold(&mut self, msg: Msg) -> News {
        let news = urgency(&msg);
        self.desk.observe(&msg);
        let trouble = self.tape.as_mut().and_then(|tape| tape.record(&msg));
        for effect in update(&mut self.fleet, msg) {
            self.performer.perform(effect);
        }
        if let Some(sentence) = trouble {
            self.tape = None;
            self.fold(Msg::Noticed(unrecorded(self.clock.at(), sentence)));
        }
        news
    }
}

fn taken_back() -> Reply {
    Reply::Refused(Refusal {
        why: "the proposal has just been taken back".into(),
        hint: None,
    })
}

fn urgency(msg: &Msg) -> News {
    match msg {
        Msg::Tick { .. }
        | Msg::Host {
            msg: HostMsg::Sample(_) | HostMsg::RoundTrip(_),
            ..
        } => News::Readings,
        _ => News::Facts,
    }
}

fn unrecorded(at: At, sentence: String) -> Notice {
    Notice {
        at,
        severity: Severity::Error,
        host: None,
        sentence: sentence.into(),
        hint: Some("the session goes on without it".into()),
    }
}

fn misconfigured(at: At, problem: &Problem) -> Notice {
    let line = problem.line.map(|line| format!("line {line}: "));
    Notice {
        at,
        severity: Severity::Warning,
        host: None,
        sentence: format!("config: {}{}", line.unwrap_or_default(), problem.what).into(),
        hint: problem.hint.as_deref().map(Into::into),
    }
}
