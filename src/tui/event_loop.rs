//! The loop: everything that waits is taken, then at most one frame is drawn. It decides nothing: the pure update does, and
//! hands carry out what it wants.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use ratatui::Terminal;
use rustix::process::{Signal as ProcessSignal, getpgrp, getsid, kill_current_process_group};
use tokio::sync::{broadcast, mpsc, watch};

use super::copying::{Copying, Taken, lens_says};
use super::error::TuiError;
use super::face;
use super::frame::{Cost, FrameBackend, Pace, Reason};
use super::input::{Event, Input};
use super::keymap::Keymap;
use super::lens_end::{LensEnd, LensSaid};
use super::options::TuiOptions;
use super::signals::{Alarm, Watchdog};
use super::source::{Asking, Playback, Player, Source};
use super::talk_end::talk_says;
use super::terminal::{self, Guard};
use super::theme::{self, Theme};
use super::theme_load;
use super::ui::Ui;
use super::ui_update::{self, Scene, UiEffect};
use super::view;
use crate::domain::Severity;
use crate::engine::{Command, Fleet, Handle, Notice, ReplayError, Reply, Transcript};

/// How often the loop looks at the time: flashes fade, dialogs open after a quiet second, recordings run.
const TICK: Duration = Duration::from_millis(250);

/// Ticks between two looks at the files.
const LOOK_AT_FILES: u8 = 4;

type Screen = Terminal<FrameBackend<fn(&[u8])>>;

/// Shows the fleet until the person leaves. Called on the main thread, outside of any async task: it runs a small runtime
/// of its own, so that no work of the engine stands between a key and the screen.
pub fn run(handle: Handle, options: TuiOptions) -> Result<(), TuiError> {
    start(Source::Live(handle), options)
}

/// Shows a recording until the person leaves.
pub fn replay(playback: Box<dyn Playback>, options: TuiOptions) -> Result<(), TuiError> {
    let player = Player::new(playback, (options.now)());
    start(Source::Replay(player), options)
}

fn start(source: Source, options: TuiOptions) -> Result<(), TuiError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .map_err(TuiError::Start)?;
    // Before the watchdog: to it, no terminal is a dead one.
    terminal::check(options.term.as_deref())?;
    let (watchdog, alarms) = Watchdog::start().map_err(TuiError::Start)?;
    let guard = Guard::enter(options.modes)?;
    let (input, events) = Input::start().map_err(TuiError::Start)?;
    let mut console = Console::new(source, options, guard, watchdog, input)?;
    let ended = runtime.block_on(console.run(alarms, events));
    // Fields are dropped in order: the guard gives the terminal back before the watchdog rests.
    drop(console);
    ended
}

pub(super) struct Console {
    pub(super) guard: Guard,
    pub(super) watchdog: Watchdog,
    pub(super) input: Input,
    screen: Screen,
    pub(super) ui: Ui,
    pub(super) fleet: Arc<Fleet>,
    fleets: watch::Receiver<Arc<Fleet>>,
    notices: broadcast::Receiver<Notice>,
    pub(super) keymap: Keymap,
    pub(super) theme: Theme,
    light: bool,
    pub(super) pace: Pace,
    cost: Cost,
    pub(super) source: Source,
    pub(super) options: TuiOptions,
    asking: FuturesUnordered<Asking>,
    pub(super) copying: FuturesUnordered<Copying>,
    pub(super) lens: Option<LensEnd>,
    /// The open conversation, and word when there is more of it.
    pub(super) talk: Option<watch::Receiver<Arc<Transcript>>>,
    pub(super) files: Vec<(PathBuf, Option<SystemTime>)>,
    ticks: u8,
}

/// What woke the loop.
enum Woken {
    Alarm(Option<Alarm>),
    Event(Option<Event>),
    Answered(Command, Reply),
    Taken(Taken),
    Lens(LensSaid),
    Talk(Option<Arc<Transcript>>),
    Fleet(bool),
    Notice(Option<Notice>),
    Tick,
    Frame,
}

/// What the loop does after an effect.
enum After {
    GoOn,
    Leave,
}

impl Console {
    fn new(
        source: Source,
        options: TuiOptions,
        guard: Guard,
        watchdog: Watchdog,
        input: Input,
    ) -> Result<Self, TuiError> {
        let size = terminal::size();
        let mut ui = Ui::new(size);
        ui.mouse = options.modes.mouse;
        ui.themes = theme::names().map(str::to_owned).to_vec();
        ui.zone = options.zone.clone();
        ui.now = (options.now)();
        if let Source::Replay(player) = &source {
            ui.replay = Some(player.looks());
        }
        let mut fleets = source.fleets();
        let fleet = Arc::clone(&fleets.borrow_and_update());
        let write: fn(&[u8]) = terminal::write_frame;
        let backend = FrameBackend::new(size, write);
        let mut console = Self {
            guard,
            watchdog,
            input,
            screen: Terminal::new(backend).map_err(TuiError::Draw)?,
            ui,
            fleet,
            notices: source.notices(),
            fleets,
            keymap: options.keymap.clone(),
            theme: theme_load::fallback(false).at_depth(options.depth),
            light: false,
            pace: Pace::default(),
            cost: Cost::default(),
            source,
            asking: FuturesUnordered::new(),
            copying: FuturesUnordered::new(),
            lens: None,
            talk: None,
            files: Vec::new(),
            ticks: 0,
            options,
        };
        if let Some(name) = console.options.theme.clone() {
            console.use_theme(&name);
        }
        console.watch_files();
        Ok(console)
    }

    async fn run(
        &mut self,
        mut alarms: mpsc::Receiver<Alarm>,
        mut events: mpsc::Receiver<Event>,
    ) -> Result<(), TuiError> {
        self.update(ui_update::Input::Fleet);
        self.draw()?;
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
        loop {
            let woken = self.wait(&mut alarms, &mut events, &mut tick).await;
            if let After::Leave = self.take(woken, &mut alarms).await? {
                return Ok(());
            }
            // Everything that waits is taken before the one frame that shows it.
            while let Ok(event) = events.try_recv() {
                let woken = Woken::Event(Some(event));
                if let After::Leave = self.take(woken, &mut alarms).await? {
                    return Ok(());
                }
            }
            if self.pace.due_in((self.options.now)()) == Some(0) {
                self.draw()?;
            }
        }
    }

    async fn wait(
        &mut self,
        alarms: &mut mpsc::Receiver<Alarm>,
        events: &mut mpsc::Receiver<Event>,
        tick: &mut tokio::time::Interval,
    ) -> Woken {
        let due = self.pace.due_in((self.options.now)());
        let frame = async {
            match due {
                Some(milliseconds) => tokio::time::sleep(Duration::from_millis(milliseconds)).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            alarm = alarms.recv() => Woken::Alarm(alarm),
            event = events.recv(), if !events.is_closed() || !events.is_empty() => Woken::Event(event),
            Some((command, reply)) = self.asking.next() => Woken::Answered(command, reply),
            Some(taken) = self.copying.next() => Woken::Taken(taken),
            said = lens_says(&mut self.lens) => Woken::Lens(said),
            picture = talk_says(&mut self.talk) => Woken::Talk(picture),
            changed = self.fleets.changed() => Woken::Fleet(changed.is_ok()),
            notice = next_notice(&mut self.notices) => Woken::Notice(notice),
            _ = tick.tick() => Woken::Tick,
            () = frame => Woken::Frame,
        }
    }

    async fn take(
        &mut self,
        woken: Woken,
        alarms: &mut mpsc::Receiver<Alarm>,
    ) -> Result<After, TuiError> {
        self.ui.now = (self.options.now)();
        let effects = match woken {
            Woken::Alarm(Some(alarm)) => return self.alarm(alarm),
            Woken::Alarm(None) => return Err(TuiError::Ended(Alarm::Panicked)),
            Woken::Event(Some(event)) => self.event(event),
            // The reader ends with the terminal; the watchdog says so in a moment.
            Woken::Event(None) | Woken::Frame => Vec::new(),
            Woken::Answered(command, reply) => {
                self.pace.want(Reason::Person);
                ui_update::reply(&mut self.ui, &command, reply)
            }
            Woken::Taken(taken) => self.taken(taken),
            Woken::Lens(said) => self.lens_said(said),
            Woken::Talk(picture) => self.talked(picture),
            // Where a panic took the engine along, its alarm is on its way.
            Woken::Fleet(false) => {
                let ending = Alarm::ending(alarms).await;
                return Err(ending.map_or(TuiError::EngineGone, TuiError::Ended));
            }
            Woken::Fleet(true) => self.new_fleet(),
            Woken::Notice(notice) => {
                if let Some(notice) = notice {
                    self.pace.want(Reason::Data);
                    ui_update::notice(&mut self.ui, &notice);
                    self.ring(notice.severity);
                }
                Vec::new()
            }
            Woken::Tick => self.tick(),
        };
        for effect in effects {
            if let After::Leave = self.perform(effect, alarms).await? {
                return Ok(After::Leave);
            }
        }
        Ok(After::GoOn)
    }

    pub(super) fn update(&mut self, input: ui_update::Input) -> Vec<UiEffect> {
        let scene = Scene {
            fleet: &self.fleet,
            keymap: &self.keymap,
            room: face::room(&self.ui, self.ui.shown(&self.fleet)),
        };
        ui_update::update(&mut self.ui, scene, input)
    }

    fn event(&mut self, event: Event) -> Vec<UiEffect> {
        let input = match event {
            Event::Key(key) => ui_update::Input::Key(key),
            Event::Paste(text) => ui_update::Input::Paste(text),
            Event::Mouse(mouse) => {
                let fleet = self.ui.shown(&self.fleet);
                let spot = face::spot(&self.ui, fleet, mouse.column, mouse.row);
                ui_update::Input::Mouse(mouse.kind, spot)
            }
            Event::Focus(_) => return Vec::new(),
            Event::KittyKeyboard => {
                self.guard.use_kitty();
                return Vec::new();
            }
            Event::Background { light } => {
                if self.light != light && self.options.theme.is_none() && self.ui.theme.is_none() {
                    self.light = light;
                    self.theme = theme_load::fallback(light).at_depth(self.options.depth);
                    self.pace.want(Reason::Person);
                }
                return Vec::new();
            }
        };
        self.pace.want(Reason::Person);
        self.update(input)
    }

    fn new_fleet(&mut self) -> Vec<UiEffect> {
        self.fleet = Arc::clone(&self.fleets.borrow_and_update());
        let layers = self.ui.layers.len();
        let effects = self.update(ui_update::Input::Fleet);
        // What is shown stands still while it is paused, save for a dialog that comes or goes.
        if self.ui.paused.is_none() || layers != self.ui.layers.len() {
            self.pace.want(Reason::Data);
        }
        effects
    }

    fn tick(&mut self) -> Vec<UiEffect> {
        if let Source::Replay(player) = &mut self.source {
            let played = player.play(self.ui.now);
            self.ui.replay = Some(player.looks());
            self.tell_replay(played);
        }
        self.ticks = (self.ticks + 1) % LOOK_AT_FILES;
        if self.ticks == 0 {
            self.look_at_files();
        }
        let before = (self.ui.flash.clone(), self.ui.layers.len());
        if self.talk_moves() {
            self.pace.want(Reason::Data);
        }
        // How long the screen has been held is told, and goes on.
        if self.ui.paused.is_some() && self.ticks == 0 || self.ui.power.counts_down() {
            self.pace.want(Reason::Data);
        }
        let effects = self.update(ui_update::Input::Tick);
        if before != (self.ui.flash.clone(), self.ui.layers.len()) {
            self.pace.want(Reason::Person);
        }
        effects
    }

    fn alarm(&mut self, alarm: Alarm) -> Result<After, TuiError> {
        match alarm {
            Alarm::End(_) | Alarm::HungUp | Alarm::Panicked => return Err(TuiError::Ended(alarm)),
            Alarm::Stop => self.suspend(),
            Alarm::Continue => {
                self.guard.retake()?;
                self.resize()?;
            }
            Alarm::Resize => self.resize()?,
        }
        Ok(After::GoOn)
    }

    async fn perform(
        &mut self,
        effect: UiEffect,
        alarms: &mut mpsc::Receiver<Alarm>,
    ) -> Result<After, TuiError> {
        match effect {
            UiEffect::Ask(command) => {
                self.ui.waiting += usize::from(ui_update::is_awaited(&command));
                self.ask(command);
            }
            UiEffect::Copy(copied) => self.copying.push(self.copy(copied)),
            UiEffect::Lens(hand) => self.lens_hand(hand),
            UiEffect::Watch(session) => self.watch_talk(session),
            UiEffect::Quit => return Ok(After::Leave),
            UiEffect::Suspend => self.suspend(),
            UiEffect::Redraw => self.redraw()?,
            UiEffect::Shell {
                host,
                terminal,
                line,
            } => self.shell(&host, terminal, line, alarms).await?,
            UiEffect::Terminal { what, terminal } => {
                self.terminal(&what, terminal, alarms).await?;
            }
            UiEffect::Mouse(on) => self.guard.set_mouse(on),
            UiEffect::Theme(name) => self.use_theme(&name),
            UiEffect::Replay(order) => {
                if let Source::Replay(player) = &mut self.source {
                    let steered = player.steer(order);
                    self.ui.replay = Some(player.looks());
                    self.tell_replay(steered);
                }
            }
        }
        Ok(After::GoOn)
    }

    pub(super) fn ask(&self, command: Command) {
        self.asking.push(self.source.ask(command));
    }

    fn draw(&mut self) -> Result<(), TuiError> {
        self.fit_talk();
        let fleet = self.ui.shown(&self.fleet);
        if let Some(lens) = &mut self.lens {
            lens.make_room(face::room(&self.ui, fleet).lens);
        }
        let (ui, keymap, theme) = (&self.ui, &self.keymap, &self.theme);
        let before = self.screen.backend().written();
        self.screen
            .draw(|frame| view::view(frame, fleet, ui, keymap, theme))
            .map_err(TuiError::Draw)?;
        let now = (self.options.now)();
        let written = self.screen.backend().written();
        self.pace.drawn(now, written > before);
        self.ui.cost = self.cost.measure(now, written);
        Ok(())
    }

    fn redraw(&mut self) -> Result<(), TuiError> {
        self.screen.clear().map_err(TuiError::Draw)?;
        self.pace.want(Reason::Person);
        Ok(())
    }

    pub(super) fn resize(&mut self) -> Result<(), TuiError> {
        self.ui.size = terminal::size();
        self.screen.backend_mut().set_size(self.ui.size);
        self.redraw()?;
        self.update(ui_update::Input::Tick);
        self.draw()
    }

    /// Stops the whole job, as Ctrl-Z does everywhere. The loop takes the terminal again when it is told to go on.
    fn suspend(&mut self) {
        // Whoever is in the session leader's own group has no shell that could bring it back.
        if getsid(None).is_ok_and(|leader| leader == getpgrp()) {
            let text = "there is no shell to go back to";
            self.ui.say(Severity::Info, text, None);
            self.pace.want(Reason::Person);
            return;
        }
        self.guard.lend();
        if let Err(error) = kill_current_process_group(ProcessSignal::STOP) {
            tracing::warn!(%error, "the job can't be stopped");
        }
    }

    /// A recording that can't be read on stays where it is.
    fn tell_replay(&mut self, outcome: Result<(), ReplayError>) {
        if let Err(error) = outcome {
            let hint = error.hint().map(str::to_owned);
            self.ui.say(Severity::Error, error.to_string(), hint);
            self.pace.want(Reason::Person);
        }
    }

    fn ring(&self, severity: Severity) {
        if self.options.bell && severity >= Severity::Warning {
            terminal::write_frame(b"\x07");
        }
    }
}

/// A reader that fell behind goes on with the newest: what it missed is in the fleet's own list.
async fn next_notice(notices: &mut broadcast::Receiver<Notice>) -> Option<Notice> {
    match notices.recv().await {
        Ok(notice) => Some(notice),
        Err(broadcast::error::RecvError::Lagged(_)) => None,
        Err(broadcast::error::RecvError::Closed) => std::future::pending().await,
    }
}
