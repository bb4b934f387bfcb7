//! The task behind one conversation: it numbers what happens, keeps it, shows it, and tells it to those who watch. It runs the
//! program itself, watches another console that does, or rests.

use std::sync::Arc;

use tokio::sync::{mpsc, oneshot, watch};

use super::attach::{Attached, Knock, Watchers};
use super::drafts::{Drafts, is_live};
use super::keeping::Keeping;
use super::mind::{MindNews, MindWish};
use super::record::Record;
use super::room::Room;
use super::screen::Screen;
use super::stage::{Mine, Stage};
use super::under_way::UnderWay;
use super::wire::{PhaseWords, ToWatcher, Wish, line};
use crate::assistant::{EventKind, Phase, SessionEvent, Transcript};
use crate::diagnose::Runbook;
use crate::domain::{HostId, SessionId};
use crate::engine::{Refusal, Reply};
use crate::store::StoredSession;
use crate::text::SafeText;

/// What tool calls and runbooks may tell before the conversation has heard it.
const LANE: usize = 64;

/// What is asked of a conversation.
pub(super) enum Order {
    /// Take it over, or attach to the console that runs it.
    Hold(oneshot::Sender<Reply>),
    /// A person's wish.
    Wish(Wish, oneshot::Sender<Reply>),
    /// Run a runbook in it.
    Runbook {
        host: HostId,
        book: Runbook,
        answer: oneshot::Sender<Reply>,
    },
    /// End the program behind it.
    Close(oneshot::Sender<Reply>),
    /// Let go, where nobody looks and nothing is under way; whether nothing is lost when it is forgotten now. A program that
    /// waits ends first.
    Leave(oneshot::Sender<bool>),
    /// What a list shows of it, and who runs it elsewhere.
    Head(oneshot::Sender<(StoredSession, Option<SafeText>)>),
    /// End at once: it is forgotten.
    End(oneshot::Sender<Reply>),
}

/// One conversation.
pub(super) struct Talk {
    pub(super) room: Arc<Room>,
    pub(super) id: SessionId,
    pub(super) record: Record,
    pub(super) under_way: UnderWay,
    pub(super) screen: Screen,
    pub(super) stage: Stage,
    pub(super) watchers: Watchers,
    keeping: Keeping,
    pub(super) drafts: Drafts,
    orders: mpsc::Receiver<Order>,
    happenings: mpsc::Receiver<EventKind>,
    /// Where tool calls and runbooks tell what happens.
    pub(super) happen: mpsc::Sender<EventKind>,
}

/// What comes next.
enum Next {
    Frame,
    Kept,
    Order(Option<Order>),
    Happened(EventKind),
    Knock(Option<Knock>),
    News(Option<MindNews>),
    Told(Option<ToWatcher>),
}

impl Talk {
    /// A conversation that rests, and where it is seen.
    pub(super) fn new(
        room: &Arc<Room>,
        record: Record,
        orders: mpsc::Receiver<Order>,
    ) -> (Self, watch::Receiver<Arc<Transcript>>) {
        let id = record.head().session;
        let (screen, pictures) = Screen::new(id);
        let (happen, happenings) = mpsc::channel(LANE);
        let mut talk = Self {
            keeping: Keeping::new(room),
            room: Arc::clone(room),
            id,
            record,
            under_way: UnderWay::default(),
            screen,
            stage: Stage::Resting,
            watchers: Watchers::default(),
            drafts: Drafts::default(),
            orders,
            happenings,
            happen,
        };
        talk.anew();
        (talk, pictures)
    }

    /// Runs until nobody can ask for anything any more.
    pub(super) async fn run(mut self) {
        loop {
            match self.next().await {
                Next::Frame => {
                    self.tell_untold();
                    self.screen.frame_is_over();
                }
                Next::Kept => self.keep(),
                // Nobody can ask for anything any more, or wants to.
                Next::Order(None) => return,
                Next::Order(Some(Order::End(answer))) => return drop(answer.send(Reply::Done)),
                Next::Order(Some(order)) => self.order(order).await,
                Next::Happened(kind) => self.happened(kind),
                Next::Knock(Some(knock)) => self.knock(knock),
                Next::Knock(None) => {}
                Next::News(news) => self.news(news),
                Next::Told(said) => self.told(said).await,
            }
        }
    }

    async fn next(&mut self) -> Next {
        let Self {
            screen,
            keeping,
            orders,
            happenings,
            stage,
            ..
        } = self;
        tokio::select! {
            biased;
            () = screen.due() => Next::Frame,
            () = keeping.done() => Next::Kept,
            order = orders.recv() => Next::Order(order),
            Some(kind) = happenings.recv() => Next::Happened(kind),
            next = hear(stage) => next,
        }
    }

    async fn order(&mut self, order: Order) {
        // Where an answer can't be handed over, whoever asked has left.
        match order {
            Order::Hold(answer) => {
                let reply = self.hold().await;
                self.screen.at_once();
                drop(answer.send(reply.map_or_else(Reply::Failed, |()| Reply::Session(self.id))));
            }
            Order::Wish(wish, answer) => self.person(wish, answer).await,
            Order::Runbook { host, book, answer } => {
                let reply = self.runbook(host, book).await;
                drop(answer.send(reply.map_or_else(Reply::Failed, |()| Reply::Done)));
            }
            Order::Close(answer) => {
                self.close();
                drop(answer.send(Reply::Done));
            }
            Order::Leave(answer) => drop(answer.send(self.leaves())),
            Order::Head(answer) => {
                let elsewhere = self.screen.elsewhere().cloned();
                drop(answer.send((self.record.head().clone(), elsewhere)));
            }
            Order::End(answer) => drop(answer.send(Reply::Done)),
        }
    }

    /// A wish of a person, here or at another console.
    async fn person(&mut self, wish: Wish, answer: oneshot::Sender<Reply>) {
        if matches!((&self.stage, &wish), (Stage::Resting, Wish::Say(_)))
            && let Err(refusal) = self.hold().await
        {
            drop(answer.send(Reply::Failed(refusal)));
            return;
        }
        let reply = match &mut self.stage {
            Stage::Theirs(watching) => return watching.wish(wish, answer),
            Stage::Resting => Reply::Done,
            Stage::Mine(mine) => mine.wish(&self.room, (self.id, self.record.head()), wish),
        };
        drop(answer.send(reply));
    }

    fn knock(&mut self, knock: Knock) {
        match knock {
            Knock::Attach { after, answer } => {
                let attached = self.attach(after);
                drop(answer.send(attached));
            }
            Knock::Wish { wish, answer } => {
                let reply = match &mut self.stage {
                    Stage::Mine(mine) => mine.wish(&self.room, (self.id, self.record.head()), wish),
                    Stage::Resting | Stage::Theirs(_) => Reply::Failed(Refusal {
                        why: "this conversation does not run here any more".into(),
                        hint: None,
                    }),
                };
                drop(answer.send(reply));
            }
        }
    }

    /// Somebody watches from now on, and is told what has been.
    fn attach(&mut self, after: u64) -> Attached {
        self.tell_untold();
        let rows = self.record.after(after);
        let mut past: Vec<Arc<str>> = rows.map(|row| Watchers::event(&row.json)).collect();
        let drafts: Vec<EventKind> = self.drafts.whole().collect();
        for kind in drafts {
            let event = self.numbered(kind);
            past.push(line(&ToWatcher::Event(event)).into());
        }
        past.push(self.phase_line());
        self.watchers.add(past)
    }

    fn phase_line(&self) -> Arc<str> {
        let now = self.room.clock.at();
        let words = PhaseWords::of(self.screen.phase(), now);
        line(&ToWatcher::Phase(words)).into()
    }

    /// What the program behind it says; `None`: it has ended.
    fn news(&mut self, news: Option<MindNews>) {
        match news {
            Some(MindNews::Event(kind)) => {
                if let EventKind::TurnEnded { .. } = kind {
                    self.end_calls("the turn has ended");
                }
                self.happened(kind);
            }
            Some(MindNews::Phase(phase)) => self.phase(phase),
            Some(MindNews::Called(call)) => self.called(call),
            None => self.program_is_gone(),
        }
    }

    /// Its calls and proposals have nobody who waits for them any more.
    fn end_calls(&mut self, why: &str) {
        // Before the calls fall, so that each proposal is taken back once, and told in its place.
        let proposals = &self.room.shared.proposals;
        let takes_back = |proposal| proposals.withdraw(proposal);
        let ends = self.under_way.end_calls(&why.into(), takes_back);
        if let Stage::Mine(mine) = &mut self.stage {
            mine.drop_calls();
        }
        for kind in ends {
            self.happened(kind);
        }
    }

    fn program_is_gone(&mut self) {
        self.end_calls("the program behind this conversation has ended");
        if let Some(kind) = self.under_way.end_turn(&"the program has ended".into()) {
            self.happened(kind);
        }
        let phase = match self.screen.phase() {
            Phase::Dead(why) => Phase::Dead(why.clone()),
            _ => Phase::Asleep,
        };
        self.phase(phase);
        if let Stage::Mine(mine) = &mut self.stage
            && mine.program_is_gone()
        {
            self.rest_when_settled();
        }
    }

    /// Lets go, unless an approved act is under way: its outcome has its place here.
    fn rest_when_settled(&mut self) {
        if self.under_way.proposals() == 0 {
            self.rest();
        }
    }

    fn close(&mut self) {
        let is_over = match &mut self.stage {
            Stage::Mine(mine) => mine.close(),
            Stage::Resting | Stage::Theirs(_) => true,
        };
        if is_over {
            self.rest_when_settled();
        }
    }

    fn leaves(&mut self) -> bool {
        if self.screen.is_seen() || !self.watchers.is_empty() || !self.under_way.is_over() {
            return false;
        }
        match self.stage {
            Stage::Resting => {}
            Stage::Mine(_) => self.close(),
            // Whoever runs it keeps it.
            Stage::Theirs(_) => return true,
        }
        matches!(self.stage, Stage::Resting) && self.keeping.has_all(&self.record)
    }

    /// Nobody runs it here from now on.
    pub(super) fn rest(&mut self) {
        self.stage = Stage::Resting;
        self.watchers = Watchers::default();
        self.screen.set_elsewhere(None);
        self.phase(Phase::Asleep);
    }

    /// What the assistant does now.
    pub(super) fn phase(&mut self, phase: Phase) {
        if *self.screen.phase() == phase {
            return;
        }
        self.screen.set_phase(phase);
        if !self.watchers.is_empty() {
            let line = self.phase_line();
            self.watchers.tell(&line);
        }
    }

    /// Something happened here.
    pub(super) fn happened(&mut self, kind: EventKind) {
        if !self.under_way.expects(&kind) {
            return;
        }
        if is_live(&kind) {
            let event = self.numbered(kind);
            return self.took(&event);
        }
        self.tell_untold();
        let (event, row) = self.record.push(self.room.clock.wall(), kind);
        if !self.watchers.is_empty() {
            self.watchers.tell(&Watchers::event(&row.json));
        }
        self.took(&event);
        self.keep();
        if let (EventKind::Decided { .. }, Stage::Mine(mine)) = (&event.kind, &self.stage)
            && mine.is_over()
        {
            self.rest_when_settled();
        }
    }

    fn numbered(&mut self, kind: EventKind) -> SessionEvent {
        SessionEvent {
            number: self.record.next_number(),
            wall: self.room.clock.wall(),
            kind,
        }
    }

    /// Shows an event.
    pub(super) fn took(&mut self, event: &SessionEvent) {
        let waited = self.under_way.proposals();
        self.under_way.heed(&event.kind);
        let begins = self.drafts.heed(event, !self.watchers.is_empty());
        self.screen.set_title(&self.record.head().title);
        self.screen.apply(event);
        if begins {
            self.screen.at_once();
        }
        let waits = self.under_way.proposals();
        if waits != waited
            && let Stage::Mine(mine) = &mut self.stage
        {
            mine.tell(MindWish::Awaiting(waits));
        }
    }

    /// Shows the whole record anew.
    pub(super) fn anew(&mut self) {
        self.under_way = UnderWay::default();
        self.drafts.clear();
        for event in self.record.events() {
            self.under_way.heed(&event.kind);
        }
        self.screen.set_title(&self.record.head().title);
        self.screen.again(self.record.events());
        // Whoever opens it reckons with what has been.
        self.screen.at_once();
    }

    fn tell_untold(&mut self) {
        for event in self.drafts.untold() {
            let line = line(&ToWatcher::Event(event)).into();
            self.watchers.tell(&line);
        }
    }

    /// Hands what is new to the store, unless it is at work already.
    fn keep(&mut self) {
        if let Stage::Mine(_) = self.stage {
            self.keeping.keep(&mut self.record);
        }
    }
}

/// What comes from whoever runs it.
async fn hear(stage: &mut Stage) -> Next {
    match stage {
        Stage::Resting => std::future::pending().await,
        Stage::Theirs(watching) => Next::Told(watching.next().await),
        Stage::Mine(mine) => {
            let Mine { knocks, mind, .. } = mine.as_mut();
            let news = async {
                match mind {
                    Some(mind) => mind.news.recv().await,
                    None => std::future::pending().await,
                }
            };
            let knock = async {
                match knocks {
                    Some(knocks) => knocks.recv().await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                news = news => Next::News(news),
                knock = knock => Next::Knock(knock),
            }
        }
    }
}
