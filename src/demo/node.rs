//! One simulated machine on the loopback: its listener, its cable, its world.

use std::fmt;
use std::io;
use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::time::Duration;

use russh::keys::{PrivateKey, PublicKey};
use russh::{MethodKind, MethodSet, server};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{broadcast, watch};

use crate::clock::Clock;
use crate::domain::{At, ContainerAct, HostName, Port, PowerVerb, UserName, Wall};
use crate::tasks::Tasks;

use super::answers::{Look, Said, Scene};
use super::boxes::{Boxes, Container};
use super::cable::{self, Habits};
use super::keeps::{Ask, Keeper};
use super::keys::fresh_key;
use super::orders::Orders;
use super::profile::Profile;
use super::session::Login;
use super::supply::Supply;
use super::syslog::Syslog;
use super::work::Process;
use super::works;
use super::world::World;
use super::{DemoError, Drill, Faults, Line, LoginRule, play, topology};

/// Before a port or a descriptor that was not to be had is tried for again.
const RETRY: Duration = Duration::from_millis(50);
/// Connections that may wait to be accepted.
const BACKLOG: u32 = 1024;
/// Events of the container engine that a slow listener may be behind.
const EVENTS: usize = 256;

/// One simulated machine.
pub(super) struct Node {
    name: String,
    user: UserName,
    address: HostName,
    port: Port,
    key: PrivateKey,
    other_key: PrivateKey,
    console_key: PublicKey,
    profile: &'static Profile,
    drill: Option<Drill>,
    clock: Clock,
    start: At,
    started: Wall,
    world: Mutex<World>,
    boxes: Mutex<Boxes>,
    events: broadcast::Sender<String>,
    faults: Mutex<Faults>,
    supply: Mutex<Supply>,
    orders: Mutex<Orders>,
    peers: OnceLock<Vec<Weak<Node>>>,
    line: watch::Sender<Line>,
    connections: AtomicUsize,
}

/// What all machines of one fleet share.
#[derive(Clone)]
pub(super) struct Shared {
    /// The only key that may log in.
    pub console_key: PublicKey,
    /// The disaster.
    pub drill: Option<Drill>,
    /// The clock that the worlds follow.
    pub clock: Clock,
    /// When the demo began.
    pub start: At,
}

impl Node {
    /// Makes the machine and serves it on a free port until the tasks are told to stop.
    pub(super) async fn start(
        tasks: &Tasks,
        shared: Shared,
        name: String,
        profile: &'static Profile,
        seed: u64,
    ) -> Result<Arc<Self>, DemoError> {
        let refused = |source| DemoError::Listen {
            host: name.clone(),
            source,
        };
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.map_err(refused)?;
        let port = listener.local_addr().map_err(refused)?.port();
        let wall = shared.clock.wall();
        let node = Arc::new(Self {
            user: "demo".parse()?,
            address: "127.0.0.1".parse()?,
            port: Port::try_from(port)?,
            key: fresh_key()?,
            other_key: fresh_key()?,
            console_key: shared.console_key,
            profile,
            drill: shared.drill,
            clock: shared.clock,
            start: shared.start,
            started: wall,
            world: Mutex::new(World::new(profile, seed)),
            boxes: Mutex::new(Boxes::new(profile, wall)),
            events: broadcast::Sender::new(EVENTS),
            faults: Mutex::default(),
            supply: Mutex::default(),
            orders: Mutex::new(works::past(&name, wall)),
            peers: OnceLock::new(),
            line: watch::channel(Line::default()).0,
            connections: AtomicUsize::new(0),
            name,
        });
        tasks.spawn(serve(node.clone(), tasks.clone(), listener));
        Ok(node)
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn user(&self) -> &UserName {
        &self.user
    }

    pub(super) fn address(&self) -> &HostName {
        &self.address
    }

    pub(super) fn port(&self) -> Port {
        self.port
    }

    pub(super) fn profile(&self) -> &'static Profile {
        self.profile
    }

    /// The key that known_hosts names.
    pub(super) fn host_key(&self) -> &PublicKey {
        self.key.public_key()
    }

    /// Whether this key may log in.
    pub(super) fn knows(&self, key: &PublicKey) -> bool {
        key.key_data() == self.console_key.key_data()
    }

    pub(super) fn set_line(&self, line: Line) {
        self.line.send_if_modified(|now| {
            let changed = *now != line;
            *now = line;
            changed
        });
    }

    pub(super) fn set_faults(&self, faults: Faults) {
        *self.faults.lock().unwrap_or_else(PoisonError::into_inner) = faults;
    }

    pub(super) fn faults(&self) -> Faults {
        self.faults
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    pub(super) fn connections(&self) -> usize {
        self.connections.load(Ordering::Acquire)
    }

    /// The world as it is now.
    pub(super) fn world(&self) -> MutexGuard<'_, World> {
        let mut world = self.world.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.clock.at().since(self.start).0 / 1000;
        let supply = self.supply();
        world.advance(now, |second| {
            let drill = self
                .drill
                .map(|drill| drill.stage(&self.name, second as f32))
                .unwrap_or_default();
            supply.stage(self.start.plus(Duration::from_secs(second)), drill)
        });
        drop(supply);
        world
    }

    fn supply(&self) -> MutexGuard<'_, Supply> {
        self.supply.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins an operation on its power and gives its name; or the name of the one that is still at work.
    pub(super) fn switch(&self, verb: PowerVerb) -> Result<String, String> {
        self.supply().begin(verb, self.clock.at())
    }

    /// Restarts by itself.
    pub(super) fn restart(&self) {
        self.supply().reboot(self.clock.at());
    }

    /// Whether it has power.
    pub(super) fn is_on(&self) -> bool {
        self.supply().is_on(self.clock.at())
    }

    /// Whether it answers to anything.
    pub(super) fn answers(&self) -> bool {
        *self.line.borrow() == Line::Carries
    }

    /// What was done to its power, newest first, as its hypervisor tells it.
    pub(super) fn operations(&self) -> Vec<String> {
        self.supply().told(self.clock.at())
    }

    /// Its cable does what its power says; true when nothing more comes of what was done.
    pub(super) fn follow_power(&self) -> bool {
        let (line, settled) = {
            let (supply, now) = (self.supply(), self.clock.at());
            (supply.line(now), supply.is_settled(now))
        };
        if let Some(line) = line {
            self.set_line(line);
        }
        settled
    }

    /// Its cable does what the drill says, unless somebody has restarted it meanwhile.
    pub(super) fn follow_drill(&self, line: Line) {
        let by_power = self.supply().line(self.clock.at());
        self.set_line(by_power.unwrap_or(line));
    }

    /// Now on the wall.
    pub(super) fn wall(&self) -> Wall {
        self.clock.wall()
    }

    /// What the journal has up to now; all that was written before that is in it.
    pub(super) fn journal<T>(&self, read: impl FnOnce(&World, i64, i64) -> T) -> T {
        // Read before the world is: what the world has said by then is before it.
        let now = self.wall().0.saturating_mul(1_000_000);
        let world = self.world();
        let booted = self.started.0 * 1000 + world.booted() * 1_000_000;
        read(&world, booted, now)
    }

    /// Its log file, and now in nanoseconds since the epoch.
    pub(super) fn syslog(&self) -> (Syslog, i64) {
        let file = Syslog {
            host: self.name.clone(),
            docker: self.profile.docker,
            started: self.started.0.saturating_mul(1_000_000),
        };
        (file, self.wall().0.saturating_mul(1_000_000))
    }

    /// What it answers to a read-only question now.
    pub(super) fn look(&self, look: &Look) -> Said {
        // Before the world is, as the acts of containers take them.
        let boxes: Vec<Container> = self.boxes().all().cloned().collect();
        let (syslog, _) = self.syslog();
        self.journal(|world, booted, now| {
            look.answer(&Scene {
                name: &self.name,
                world,
                boxes: &boxes,
                syslog: &syslog,
                booted,
                now,
            })
        })
    }

    /// What it says to a script of the console's that was given this input, and the work that begins with it.
    pub(super) fn keeps(&self, ask: &Ask, input: &str) -> (String, Option<String>) {
        let boxes: Vec<Container> = self.boxes().all().cloned().collect();
        let (processes, available, used) = {
            let world = self.world();
            let used: Vec<u64> = (0..world.gpus.len())
                .map(|gpu| world.gpu_used_mib(gpu))
                .collect();
            let processes: Vec<Process> = world.processes().collect();
            (processes, world.memory.available.0, used)
        };
        let keeper = Keeper {
            profile: self.profile,
            boxes: &boxes,
            processes: &processes,
            available,
            used: &used,
            started: self.began(),
            now: self.wall(),
        };
        let answer = ask.answer(&keeper, &mut self.orders(), input);
        for deed in &answer.deeds {
            play::does(self, deed);
        }
        (answer.said, answer.begun)
    }

    /// The works that it has been told to do.
    pub(super) fn orders(&self) -> MutexGuard<'_, Orders> {
        self.orders.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The machines that it can log in to.
    pub(super) fn know(&self, peers: &[Arc<Self>]) {
        let all = peers.iter().map(Arc::downgrade);
        // Told once, when all of them are there.
        drop(self.peers.set(all.collect()));
    }

    /// The machine with this address on the fast network.
    pub(super) fn peer(&self, address: &str) -> Option<Arc<Self>> {
        let peers = self.peers.get()?.iter().filter_map(Weak::upgrade);
        let mut peers =
            peers.filter(|peer| topology::address(&peer.name).as_deref() == Some(address));
        peers.next()
    }

    /// When the demo began.
    pub(super) fn began(&self) -> Wall {
        self.started
    }

    /// Its containers.
    pub(super) fn boxes(&self) -> MutexGuard<'_, Boxes> {
        self.boxes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What its container engine tells from now on.
    pub(super) fn listen(&self) -> broadcast::Receiver<String> {
        self.events.subscribe()
    }

    /// Its container engine tells something; that nobody listens is no error.
    pub(super) fn tell(&self, event: String) {
        drop(self.events.send(event));
    }

    /// The processes of a container end and start with it.
    pub(super) fn follow_container(&self, container: &Container, act: ContainerAct) {
        let mut world = self.world();
        if matches!(
            act,
            ContainerAct::Stop | ContainerAct::Kill | ContainerAct::Restart
        ) {
            world.end_container(container.kind.name);
        }
        if matches!(act, ContainerAct::Start | ContainerAct::Restart) {
            world.start_container(container.kind.name);
        }
    }

    fn config(&self, faults: &Faults) -> server::Config {
        let method = match faults.login {
            LoginRule::Key | LoginRule::Nobody => MethodKind::PublicKey,
            LoginRule::Prompt { .. } => MethodKind::KeyboardInteractive,
        };
        let key = if faults.other_host_key {
            &self.other_key
        } else {
            &self.key
        };
        server::Config {
            methods: MethodSet::from([method].as_slice()),
            // Nothing here is worth guessing at: the key is fresh and the machine is a play.
            auth_rejection_time: Duration::ZERO,
            auth_rejection_time_initial: Some(Duration::ZERO),
            keys: vec![key.clone()],
            inactivity_timeout: None,
            nodelay: true,
            ..server::Config::default()
        }
    }
}

impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Node")
            .field("name", &self.name)
            .field("port", &self.port)
            .finish_non_exhaustive()
    }
}

/// Accepts connections while the line is there, and refuses them while it is cut.
async fn serve(node: Arc<Node>, tasks: Tasks, listener: TcpListener) {
    let mut line = node.line.subscribe();
    let mut door = Door::Open(listener);
    loop {
        let cut = *line.borrow_and_update() == Line::Cut;
        door = door.turned(cut, node.port);
        tokio::select! {
            changed = line.changed() => if changed.is_err() { return },
            tcp = door.entered(cut) => if let Some(tcp) = tcp {
                tasks.spawn(connection(node.clone(), tasks.clone(), tcp));
            },
        }
    }
}

/// A machine's port on the loopback.
enum Door {
    /// It accepts.
    Open(TcpListener),
    /// It refuses, and nobody else can take it meanwhile.
    Shut(TcpSocket),
    /// Somebody else took it between two of our calls.
    Gone,
}

impl Door {
    fn turned(self, cut: bool, port: Port) -> Self {
        match (self, cut) {
            (Self::Open(listener), true) => {
                drop(listener);
                Self::held(port)
            }
            (Self::Shut(socket), false) => socket.listen(BACKLOG).map_or(Self::Gone, Self::Open),
            (Self::Gone, _) => Self::held(port),
            (same, _) => same,
        }
    }

    /// Bound and not listening: the kernel refuses whoever dials.
    fn held(port: Port) -> Self {
        let bind = || {
            let socket = TcpSocket::new_v4()?;
            socket.set_reuseaddr(true)?;
            socket.bind((Ipv4Addr::LOCALHOST, port.get()).into())?;
            io::Result::Ok(socket)
        };
        bind().map_or(Self::Gone, Self::Shut)
    }

    /// Waits for somebody to come in; none when the door has to be turned again.
    async fn entered(&self, cut: bool) -> Option<TcpStream> {
        match self {
            Self::Open(listener) => match listener.accept().await {
                Ok((tcp, _)) => return Some(tcp),
                // Out of file descriptors, most likely: the next one may find one.
                Err(_) => tokio::time::sleep(RETRY).await,
            },
            Self::Shut(_) if cut => std::future::pending().await,
            Self::Shut(_) => {}
            Self::Gone => tokio::time::sleep(RETRY).await,
        }
        None
    }
}

/// One connection from its accept to its end.
async fn connection(node: Arc<Node>, tasks: Tasks, tcp: TcpStream) {
    let _counted = Counted::new(node.clone());
    if tcp.set_nodelay(true).is_err() {
        return;
    }
    let faults = node.faults();
    let habits = Habits {
        delay: faults.delay,
        drop_after: faults.drop_after,
    };
    let config = Arc::new(node.config(&faults));
    let (far, near) = tokio::io::duplex(cable::CAPACITY);
    let carried = cable::carry(tcp, near, node.line.subscribe(), habits);
    let served = async {
        let login = Login::new(node.clone(), tasks, faults);
        if let Ok(session) = server::run_stream(config, far, login).await
            && let Err(error) = session.await
        {
            tracing::debug!(host = node.name(), %error, "demo connection ended");
        }
    };
    // When the cable is gone the server sees the end of its stream and ends by itself.
    tokio::join!(carried, served);
}

/// Counts a connection while it is open.
struct Counted(Arc<Node>);

impl Counted {
    fn new(node: Arc<Node>) -> Self {
        node.connections.fetch_add(1, Ordering::AcqRel);
        Self(node)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.connections.fetch_sub(1, Ordering::AcqRel);
    }
}
