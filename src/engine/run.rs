//! The engine at work: takes what comes from the lanes, folds it, shows the new fleet, hands effects to the performer.
//! It waits for nobody but its lanes.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, Semaphore, broadcast, mpsc, watch};
use tokio::time::{MissedTickBehavior, interval};

use super::connect::Connect;
use super::handle::{Handle, Request};
use super::host_actor::{HostActor, Shared};
use super::lanes::{LaneEnds, lanes};
use super::msg::{HostMsg, Msg};
use super::notice::Notice;
use super::perform::Performer;
use super::policy::{Desk, Ruling};
use super::publish::{News, Publisher};
use super::state::Fleet;
use super::update::update;
use crate::clock::Clock;
use crate::config::{Config, Problem};
use crate::domain::{HostId, RequestId, Severity};
use crate::tasks::Tasks;

/// Commands that wait for the engine; a face beyond them waits.
const COMMANDS: usize = 64;

/// Notices that a slow reader may be behind before it misses some.
const NOTICES: usize = 256;

/// Facts folded before a new fleet may be shown.
const BATCH: usize = 256;

/// Handshakes at work at once: key exchange costs a core, and a jump host's sshd drops what comes in crowds.
const HANDSHAKES: usize = 16;

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
}

/// A running engine.
#[derive(Debug)]
pub struct Engine {
    handle: Handle,
    tasks: Tasks,
}

impl Engine {
    /// Starts an engine. The fleet that its handle shows first has all hosts in it; nothing is awaited before that.
    pub fn start(setup: Setup) -> Self {
        let Setup {
            config,
            clock,
            tasks,
            connect,
        } = setup;
        let tasks = tasks.child();
        let (lanes, ends) = lanes(clock.clone());
        let (commands, requests) = mpsc::channel(COMMANDS);
        let (notices, _) = broadcast::channel(NOTICES);
        let shared = Arc::new(Shared {
            lanes: lanes.clone(),
            connect,
            links: Arc::default(),
            questions: Arc::default(),
            turns: Arc::new(Semaphore::new(HANDSHAKES)),
            period: config.settings.period,
            tasks: tasks.clone(),
        });
        let performer = Performer {
            lanes,
            links: Arc::clone(&shared.links),
            questions: Arc::clone(&shared.questions),
            redials: start_hosts(&config, &shared),
            notices: notices.clone(),
            tasks: tasks.clone(),
            replies: HashMap::new(),
        };
        let mut hub = Hub {
            fleet: Fleet::new(&config.fleet, &config.settings),
            desk: Desk::default(),
            performer,
            clock,
            requests: 0,
        };
        hub.begin(&config);
        let (out, fleet) = watch::channel(Arc::new(hub.fleet.clone()));
        tasks.spawn(hub.run(requests, ends, out));
        Self {
            handle: Handle::new(commands, fleet, notices),
            tasks,
        }
    }

    /// A face's end; any number may be had.
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// Ends everything; false when some of it was still at work after `limit`.
    pub async fn shutdown(self, limit: Duration) -> bool {
        self.tasks.shutdown(limit).await
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

/// What the engine's own task owns.
struct Hub {
    fleet: Fleet,
    desk: Desk,
    performer: Performer,
    clock: Clock,
    requests: u64,
}

impl Hub {
    fn begin(&mut self, config: &Config) {
        self.tick();
        self.fold(Msg::Hosts {
            at: self.clock.at(),
            specs: config.hosts.clone(),
        });
        for problem in &config.problems {
            let notice = misconfigured(self.clock.at(), problem);
            self.fold(Msg::Noticed(notice));
        }
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
            Ruling::Answer(reply) => self.performer.reply(id, reply),
            Ruling::Do(confirmed) => self.performer.change(id, confirmed),
        }
        news
    }

    fn fold(&mut self, msg: Msg) -> News {
        let news = urgency(&msg);
        self.desk.observe(&msg);
        for effect in update(&mut self.fleet, msg) {
            self.performer.perform(effect);
        }
        news
    }
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

fn misconfigured(at: crate::domain::At, problem: &Problem) -> Notice {
    let line = problem.line.map(|line| format!("line {line}: "));
    Notice {
        at,
        severity: Severity::Warning,
        host: None,
        sentence: format!("config: {}{}", line.unwrap_or_default(), problem.what).into(),
        hint: problem.hint.as_deref().map(Into::into),
    }
}
