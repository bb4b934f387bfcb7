//! The demo fleet through the console's own client: host keys verified, logged in, sampled, and every fault met.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use pilothouse::clock::Clock;
use pilothouse::config::{Environment, Flags, Source, resolve as resolve_config};
use pilothouse::demo::{Demo, DemoError, DemoOptions, Drill, Faults, Line, LoginRule};
use pilothouse::domain::{
    Answer, At, GpuCondition, GpuHealth, GpuMemory, GpuSourceChoice, HostAddress, HostId, Metric,
    Mib, Missing, PowerMethod, PowerVerb, Question, Rung, Sample, Secret, SshSpec, Telling,
    Thresholds, Wall,
};
use pilothouse::exec::{
    Exec, ExecError, ExecErrorKind, Exit, HostSocket, Output, RemoteExec, RunLimits, StreamEvent,
};
use pilothouse::machine::{Sampler, SamplerError, SamplerSettings};
use pilothouse::power::{Carried, CarryLimits, Dial, MachineState, carry, look};
use pilothouse::shell::{RemotePath, ShellCommand, ShellWord};
use pilothouse::ssh::{
    Answered, Ask, Defaults, SshContext, SshError, SshErrorKind, Step, connect, resolve,
};
use pilothouse::tasks::Tasks;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Nothing on the loopback takes this long; a test that meets it has failed.
const LIMIT: Duration = Duration::from_secs(20);
/// Long enough for an answer on the loopback, so that its absence is silence.
const SILENCE: Duration = Duration::from_millis(300);

/// A running demo whose time stands still until it is moved.
pub(crate) struct Stage {
    demo: Demo,
    pub(crate) clock: Clock,
    tasks: Tasks,
}

/// Somebody at the terminal who has one answer.
struct Person(Answer);

#[async_trait]
impl Ask for Person {
    async fn ask(&self, _question: Question) -> Answer {
        self.0.clone()
    }
    fn tell(&self, _telling: Telling) {}
    fn step(&self, _step: Step) {}
}

async fn within<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(LIMIT, future)
        .await
        .expect("an answer on the loopback")
}

/// Asks again until it is so; the demo acts on its own tasks, within milliseconds.
async fn until(mut is_so: impl AsyncFnMut() -> bool) {
    within(async {
        while !is_so().await {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

impl Stage {
    async fn with(options: DemoOptions) -> Self {
        let (tasks, clock) = (Tasks::new(), Clock::manual());
        let demo = Demo::start(&tasks, &clock, options).await.unwrap();
        Self { demo, clock, tasks }
    }

    pub(crate) async fn calm() -> Self {
        Self::with(DemoOptions::default()).await
    }

    pub(crate) async fn drill(drill: Drill) -> Self {
        Self::with(DemoOptions {
            drill: Some(drill),
            ..DemoOptions::default()
        })
        .await
    }

    async fn broken(name: &str, faults: Faults) -> Self {
        let stage = Self::calm().await;
        assert!(stage.demo.set_faults(&HostId::new(name), faults));
        stage
    }

    fn set_seconds(&self, seconds: u64) {
        self.clock.set(At(seconds * 1000), Wall(0));
    }

    fn spec(&self, name: &str) -> SshSpec {
        let hosts = self.demo.config().hosts;
        let spec = hosts.iter().find(|spec| spec.id.as_str() == name).unwrap();
        match &spec.address {
            HostAddress::Ssh(ssh) => ssh.clone(),
            HostAddress::Local => panic!("{name} is not reached over ssh"),
        }
    }

    async fn dial_as(&self, spec: &SshSpec, answer: Answer) -> Result<RemoteExec, SshError> {
        let defaults = Defaults {
            home: "/nonexistent".into(),
            user: "nobody".parse().unwrap(),
            agent: None,
        };
        let mut target = resolve(spec, &defaults, &|_| Answered::Nothing).unwrap();
        target.connect_timeout = Duration::from_secs(2);
        let context = SshContext::new(self.tasks.clone(), self.clock.clone());
        let session = within(connect(&target, &context, Arc::new(Person(answer)))).await?;
        Ok(RemoteExec::new(session))
    }

    async fn dial(&self, name: &str) -> Result<RemoteExec, SshError> {
        self.dial_as(&self.spec(name), Answer::Refuse).await
    }

    pub(crate) async fn exec(&self, name: &str) -> RemoteExec {
        self.dial(name).await.unwrap()
    }

    async fn refusal(&self, name: &str) -> (SshErrorKind, Rung) {
        let refused = self.dial(name).await.unwrap_err();
        (refused.kind(), refused.rung())
    }

    async fn tcp(&self, name: &str) -> std::io::Result<TcpStream> {
        TcpStream::connect(("127.0.0.1", self.spec(name).port.unwrap().get())).await
    }

    /// One beat, a second after the one before.
    async fn beat(&self, sampler: &mut Sampler) -> Result<Sample, SamplerError> {
        let now = self.clock.at().plus(Duration::from_secs(1));
        self.clock.set(now, Wall(0));
        Ok(within(sampler.beat(now)).await?.sample)
    }

    /// What so many beats bring together.
    async fn beats(&self, sampler: &mut Sampler, count: usize) -> Sample {
        let mut all = Sample::default();
        for _ in 0..count {
            all.absorb(self.beat(sampler).await.unwrap());
        }
        all
    }
}

async fn sampler(exec: &RemoteExec) -> Sampler {
    let settings = SamplerSettings {
        gpu: GpuSourceChoice::Auto,
        period: Duration::from_secs(1),
    };
    within(Sampler::start(exec, &settings)).await.unwrap()
}

async fn run(exec: &RemoteExec, words: &[&str]) -> Output {
    let mut words = words.iter().map(|word| ShellWord::new(*word).unwrap());
    let program = ShellCommand::from_word(words.next().unwrap());
    let command = words.fold(program, ShellCommand::word);
    within(exec.run(&command, RunLimits::default()))
        .await
        .unwrap()
}

fn available(sample: &Sample) -> Mib {
    let machine = sample.machine.as_ref().unwrap();
    machine.memory.value().unwrap().available
}

#[tokio::test]
async fn commands_run_and_unknown_ones_say_so() {
    let stage = Stage::calm().await;
    let exec = stage.exec("plain").await;
    assert_eq!(run(&exec, &["true"]).await.exit, Exit::Status(0));
    assert_eq!(&run(&exec, &["hostname"]).await.stdout[..], b"plain\n");
    let unknown = run(&exec, &["frobnicate", "--now"]).await;
    assert_eq!(unknown.exit, Exit::Status(127));
    assert!(unknown.stderr.starts_with(b"frobnicate: not found"));
    assert!(within(exec.session().round_trip()).await.is_ok());
}

#[tokio::test]
async fn the_sampler_reads_a_spark_whole() {
    let stage = Stage::calm().await;
    let exec = stage.exec("spark-2").await;
    let sample = stage.beats(&mut sampler(&exec).await, 12).await;
    let machine = sample.machine.unwrap();
    let memory = machine.memory.value().unwrap();
    assert_eq!(memory.total, Mib(124_610));
    assert!(Thresholds::default().is_tight(memory.available, memory.total));
    assert_eq!(machine.processors, Metric::Is(20));
    let busy = machine.cpu.value().unwrap().0;
    assert!((2.0..60.0).contains(&busy), "{busy} %");
    assert!(machine.network.value().unwrap().sent.0 > 1_000);

    let report = sample.gpus.unwrap();
    assert_eq!(report.condition, GpuCondition::Working);
    assert_eq!(report.driver, Metric::Is("580.95.05".into()));
    assert_eq!(report.cuda, Metric::Is("13.0".into()));
    let gb10 = &report.gpus[0];
    assert_eq!(gb10.name.as_str(), "NVIDIA GB10");
    assert_eq!(gb10.memory, GpuMemory::Unified);
    assert_eq!(gb10.power_limit, Metric::Missing(Missing::NotSupported));
    assert!(gb10.temperature.value().unwrap().0 > 45.0);

    let processes = sample.processes.unwrap();
    let vllm = processes.iter().find(|process| process.pid == 3904);
    let vllm = vllm.unwrap();
    assert_eq!(vllm.memory, Metric::Is(Mib(102_260)));
    assert_eq!(vllm.user, Metric::Is("root".into()));
    assert_eq!(vllm.container, Metric::Is("vllm_node".into()));
    assert!(vllm.command.as_str().contains("gpt-oss-120b"));
    assert_eq!(sample.disks.unwrap()[0].mount.as_str(), "/");
}

#[tokio::test]
async fn the_sampler_reads_eight_gpus_and_none() {
    let stage = Stage::calm().await;
    let exec = stage.exec("h200-a").await;
    let sample = stage.beats(&mut sampler(&exec).await, 12).await;
    let report = sample.gpus.unwrap();
    assert_eq!(report.gpus.len(), 8);
    let trained = &report.gpus[0];
    assert!(trained.utilisation.value().unwrap().0 > 90.0);
    assert!((300.0..700.0).contains(&trained.power.value().unwrap().0));
    let GpuMemory::Dedicated { used, total } = trained.memory else {
        panic!("{:?}", trained.memory)
    };
    assert!(used < total && total == Mib(143_771));
    let shared = sample.processes.unwrap();
    let on_two = shared.iter().filter(|process| process.pid == 40_377);
    assert_eq!(on_two.count(), 2);
    assert!(
        sample
            .disks
            .unwrap()
            .iter()
            .any(|disk| disk.mount.as_str() == "/raid")
    );

    let exec = stage.exec("plain").await;
    let sample = stage.beats(&mut sampler(&exec).await, 4).await;
    assert!(sample.machine.is_some());
    assert_eq!(sample.gpus.unwrap().condition, GpuCondition::NoTool);
}

#[tokio::test]
async fn a_killed_process_leaves_its_gpu() {
    let stage = Stage::calm().await;
    let exec = stage.exec("spark-1").await;
    let mut sampler = sampler(&exec).await;
    let pids = |sample: &Sample| -> Vec<u32> {
        let processes = sample.processes.as_ref().unwrap();
        processes.iter().map(|process| process.pid).collect()
    };
    assert!(pids(&stage.beats(&mut sampler, 6).await).contains(&4121));
    let kill = ["kill", "-s", "TERM", "4121"];
    assert_eq!(run(&exec, &kill).await.exit, Exit::Status(0));
    // The reader forgets a process that some rounds of rows no longer name.
    let after = stage.beats(&mut sampler, 8).await;
    assert!(!pids(&after).contains(&4121) && pids(&after).contains(&5208));
    assert_eq!(run(&exec, &kill).await.exit, Exit::Status(1));
}

#[tokio::test]
async fn the_container_daemon_answers_where_there_is_one() {
    let stage = Stage::calm().await;
    let socket = HostSocket::Unix(RemotePath::new("/var/run/docker.sock").unwrap());
    let spark = stage.exec("spark-1").await;
    let mut stream = within(spark.connect(&socket)).await.unwrap();
    let ping = b"GET /_ping HTTP/1.1\r\nHost: docker\r\n\r\n";
    stream.write_all(ping).await.unwrap();
    stream.flush().await.unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\nOK") {
        assert!(within(stream.read_buf(&mut answer)).await.unwrap() > 0);
    }
    assert!(answer.starts_with(b"HTTP/1.1 200 OK\r\n"));
    let plain = stage.exec("plain").await;
    let refused = within(plain.connect(&socket)).await.err().unwrap();
    assert_eq!(refused.kind, ExecErrorKind::NotFound, "{refused:?}");
}

/// One request to the engine of a machine, and the answer up to the end of the connection.
async fn engine_says(exec: &dyn Exec, request: &str) -> String {
    let socket = HostSocket::Unix(RemotePath::new("/var/run/docker.sock").unwrap());
    let mut stream = within(exec.connect(&socket)).await.unwrap();
    let request = format!("{request} HTTP/1.1\r\nHost: docker\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    stream.flush().await.unwrap();
    let mut answer = Vec::new();
    within(stream.read_to_end(&mut answer)).await.unwrap();
    // The frames of a log have lengths that are no text.
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn its_containers_are_listed_stopped_and_have_logs() {
    let stage = Stage::calm().await;
    let exec = stage.exec("spark-1").await;
    let says = |request: &'static str| engine_says(&exec, request);
    let all = says("GET /v1.41/containers/json?all=1").await;
    assert!(
        all.contains("\"/comfyui\"") && all.contains("\"exited\""),
        "{all}"
    );
    let running = says("GET /containers/json").await;
    assert!(!running.contains("\"exited\""), "{running}");

    let log = says("GET /containers/vllm_node/logs?stdout=1&stderr=1&tail=5&timestamps=1").await;
    // Every line begins with its stamp.
    assert_eq!(log.matches("Z ").count(), 5, "{log}");

    assert!(
        says("DELETE /containers/comfyui")
            .await
            .starts_with("HTTP/1.1 409 ")
    );
    assert!(
        says("POST /containers/comfyui/stop")
            .await
            .starts_with("HTTP/1.1 204 ")
    );
    assert!(
        says("POST /containers/comfyui/stop")
            .await
            .starts_with("HTTP/1.1 304 ")
    );
    let world = says("GET /containers/comfyui/top").await;
    assert!(
        world.ends_with("\"Processes\":[],\"Titles\":[\"USER\",\"PID\",\"COMMAND\"]}"),
        "{world}"
    );
    assert!(
        says("POST /containers/comfyui/start")
            .await
            .starts_with("HTTP/1.1 204 ")
    );
    assert!(
        says("GET /containers/comfyui/top")
            .await
            .contains("main.py")
    );
    assert!(
        says("GET /containers/nobody/json")
            .await
            .starts_with("HTTP/1.1 404 ")
    );
}

#[tokio::test]
async fn only_the_demos_own_key_logs_in() {
    let (stage, other) = (Stage::calm().await, Stage::calm().await);
    let foreign = SshSpec {
        identity: other.spec("plain").identity,
        ..stage.spec("plain")
    };
    let refused = stage.dial_as(&foreign, Answer::Refuse).await.unwrap_err();
    assert_eq!(refused.kind(), SshErrorKind::Login);
    let nobody = Faults {
        login: LoginRule::Nobody,
        ..Faults::default()
    };
    let stage = Stage::broken("plain", nobody).await;
    let login = (SshErrorKind::Login, Rung::Login);
    assert_eq!(stage.refusal("plain").await, login);
}

#[tokio::test]
async fn another_host_key_is_refused_as_changed() {
    let faults = Faults {
        other_host_key: true,
        ..Faults::default()
    };
    let stage = Stage::broken("plain", faults).await;
    let (kind, _) = stage.refusal("plain").await;
    assert_eq!(kind, SshErrorKind::KeyChanged);
}

#[tokio::test]
async fn a_prompt_lets_in_whoever_knows_the_answer() {
    let faults = Faults {
        login: LoginRule::Prompt {
            prompt: "One-time code: ".into(),
            answer: "271828".into(),
        },
        ..Faults::default()
    };
    let stage = Stage::broken("plain", faults).await;
    for (code, lets_in) in [("314159", false), ("271828", true)] {
        let answer = Answer::Texts(vec![Secret::new(code.to_owned())]);
        let dialled = stage.dial_as(&stage.spec("plain"), answer).await;
        assert_eq!(dialled.is_ok(), lets_in, "{code}");
    }
}

#[tokio::test]
async fn a_cut_line_refuses_and_comes_back() {
    let stage = Stage::calm().await;
    let exec = stage.exec("plain").await;
    let plain = HostId::new("plain");
    assert!(stage.demo.set_line(&plain, Line::Cut));
    within(exec.session().closed()).await;
    until(async || stage.tcp("plain").await.is_err()).await;
    let (kind, rung) = stage.refusal("plain").await;
    assert_eq!((kind, rung), (SshErrorKind::Unreachable, Rung::Tcp));
    assert!(stage.demo.set_line(&plain, Line::Carries));
    until(async || stage.tcp("plain").await.is_ok()).await;
    let exec = stage.exec("plain").await;
    assert_eq!(run(&exec, &["true"]).await.exit, Exit::Status(0));
}

#[tokio::test]
async fn a_silent_line_is_met_at_the_banner() {
    let stage = Stage::calm().await;
    assert!(stage.demo.set_line(&HostId::new("plain"), Line::Silent));
    let silent = (SshErrorKind::Timeout, Rung::Banner);
    assert_eq!(stage.refusal("plain").await, silent);
}

#[tokio::test]
async fn a_drop_falls_in_the_middle_of_a_stream() {
    let faults = Faults {
        drop_after: Some(20_000),
        ..Faults::default()
    };
    let stage = Stage::broken("h200-a", faults).await;
    let exec = stage.exec("h200-a").await;
    let mut sampler = sampler(&exec).await;
    let mut beats = 0;
    while stage.beat(&mut sampler).await.is_ok() {
        beats += 1;
    }
    assert!((2..100).contains(&beats), "{beats} beats in 20 kB");
}

#[tokio::test]
async fn a_flood_leaves_the_other_channels_alone() {
    let stage = Stage::calm().await;
    let exec = stage.exec("plain").await;
    let mut flood = within(exec.stream(&ShellCommand::new("yes")))
        .await
        .unwrap();
    for _ in 0..5 {
        assert_eq!(run(&exec, &["true"]).await.exit, Exit::Status(0));
    }
    assert!(matches!(
        within(flood.next()).await,
        Some(StreamEvent::Line { .. } | StreamEvent::Gap { .. })
    ));
}

#[tokio::test]
async fn a_delay_is_added_to_each_way() {
    let delay = Duration::from_millis(40);
    let faults = Faults {
        delay,
        ..Faults::default()
    };
    let stage = Stage::broken("plain", faults).await;
    let exec = stage.exec("plain").await;
    let clock = Clock::system();
    run(&exec, &["true"]).await;
    let took = clock.at().since(At(0)).duration();
    assert!(took >= delay * 2, "{took:?}");
}

#[tokio::test]
async fn chatter_and_a_broken_driver_come_as_they_were_asked_for() {
    let faults = Faults {
        chatter: b"\x1b[2Jwelcome \xff\n".to_vec(),
        driver: Some(GpuCondition::NoDriver),
        ..Faults::default()
    };
    let stage = Stage::broken("spark-1", faults).await;
    let exec = stage.exec("spark-1").await;
    let said = run(&exec, &["hostname"]).await.stdout;
    assert_eq!(&said[..], b"\x1b[2Jwelcome \xff\nspark-1\n");
    let sample = stage.beats(&mut sampler(&exec).await, 4).await;
    assert!(sample.machine.is_some());
    assert_eq!(sample.gpus.unwrap().condition, GpuCondition::NoDriver);
}

#[tokio::test]
async fn the_wedge_drill_goes_silent_then_dark_then_comes_back() {
    let stage = Stage::drill(Drill::Wedge).await;
    let exec = stage.exec("spark-2").await;
    let mut wedged = sampler(&exec).await;
    let calm = available(&stage.beat(&mut wedged).await.unwrap());
    stage.set_seconds(78);
    let full = available(&stage.beat(&mut wedged).await.unwrap());
    assert!(full.0 < calm.0 / 10, "{full} left of {calm}");

    stage.set_seconds(90);
    until(async || is_silent(&stage, "spark-2").await).await;
    let stalled = tokio::time::timeout(SILENCE, wedged.beat(stage.clock.at())).await;
    assert!(stalled.is_err(), "a wedged machine answered: {stalled:?}");

    stage.set_seconds(270);
    within(exec.session().closed()).await;
    until(async || stage.tcp("spark-2").await.is_err()).await;

    stage.set_seconds(310);
    until(async || stage.tcp("spark-2").await.is_ok()).await;
    let exec = stage.exec("spark-2").await;
    let fresh = stage.beat(&mut sampler(&exec).await).await.unwrap();
    let uptime = fresh.machine.unwrap().uptime.clone();
    assert!(*uptime.value().unwrap() < 120, "it was power-cycled");
}

/// TCP connects and no banner comes.
async fn is_silent(stage: &Stage, name: &str) -> bool {
    let mut tcp = stage.tcp(name).await.unwrap();
    let mut banner = [0_u8; 4];
    tokio::time::timeout(SILENCE, tcp.read(&mut banner))
        .await
        .is_err()
}

#[tokio::test]
async fn the_thermal_drill_ends_with_a_lost_gpu() {
    let stage = Stage::drill(Drill::Thermal).await;
    let exec = stage.exec("h200-a").await;
    let mut watching = sampler(&exec).await;
    stage.beats(&mut watching, 4).await;
    stage.set_seconds(142);
    let report = stage.beats(&mut watching, 3).await.gpus.unwrap();
    for gpu in &report.gpus {
        let lost = gpu.health == GpuHealth::Lost;
        assert_eq!(lost, gpu.index == 3, "{gpu:?}");
    }
    // A tool that is started now says it in one line and ends.
    let mut late = sampler(&exec).await;
    let report = stage.beats(&mut late, 4).await.gpus.unwrap();
    let GpuCondition::Lost { detail } = &report.condition else {
        panic!("{:?}", report.condition)
    };
    assert!(detail.as_str().contains("5D:00.0: GPU is lost"), "{detail}");
}

#[tokio::test]
async fn the_flap_drill_drops_the_link_and_gives_it_back() {
    let stage = Stage::drill(Drill::Flap).await;
    let exec = stage.exec("h200-a").await;
    stage.set_seconds(22);
    within(exec.session().closed()).await;
    stage.set_seconds(30);
    until(async || stage.tcp("h200-a").await.is_ok()).await;
    stage.exec("h200-a").await;
}

#[tokio::test]
async fn the_same_seed_says_the_same() {
    let mut said = Vec::new();
    for seed in [3, 3, 4] {
        let stage = Stage::with(DemoOptions {
            seed,
            ..DemoOptions::default()
        })
        .await;
        let exec = stage.exec("spark-1").await;
        said.push(stage.beats(&mut sampler(&exec).await, 12).await);
    }
    assert_eq!(said[0], said[1]);
    assert_ne!(said[0], said[2]);
}

#[tokio::test]
async fn a_dropped_fleet_hangs_up_and_leaves_nothing() {
    let stage = Stage::calm().await;
    let exec = stage.exec("plain").await;
    let identity = stage.spec("plain").identity.remove(0);
    assert_eq!(stage.demo.connections(&HostId::new("plain")), 1);
    assert!(identity.exists());
    drop(stage.demo);
    within(exec.session().closed()).await;
    assert!(!identity.parent().unwrap().exists());
    assert!(stage.tasks.shutdown(LIMIT).await, "every task has ended");
}

#[tokio::test]
async fn the_written_configuration_reads_back_as_the_same_hosts() {
    let stage = Stage::calm().await;
    // Beside the keys: it goes with them.
    let identity = stage.spec("plain").identity.remove(0);
    let file = identity.with_file_name("fleet.yaml");
    std::fs::write(&file, "fleet: mine\n").unwrap();
    assert!(matches!(
        stage.demo.write_config(&file),
        Err(DemoError::Taken { .. })
    ));
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "fleet: mine\n");
    std::fs::remove_file(&file).unwrap();
    stage.demo.write_config(&file).unwrap();
    stage.demo.write_config(&file).unwrap();
    let source = Source {
        text: std::fs::read_to_string(&file).unwrap(),
        file,
    };
    let (environment, flags) = (Environment::default(), Flags::default());
    let home = Some(Path::new("/nonexistent"));
    let read = resolve_config(Some(&source), &environment, &flags, home).unwrap();
    assert_eq!(read.config.problems, []);
    assert_eq!(read.config.fleet, "demo");
    let own = stage.demo.config();
    assert_eq!(read.config.hosts, own.hosts);
    assert_eq!(read.config.settings.services, own.settings.services);
    assert_eq!(
        read.config.settings.models.clusters,
        own.settings.models.clusters
    );
}

#[tokio::test]
async fn clones_have_names_of_their_own() {
    let stage = Stage::with(DemoOptions {
        hosts: 24,
        ..DemoOptions::default()
    })
    .await;
    let config = stage.demo.config();
    let mut names: Vec<&str> = config.hosts.iter().map(|spec| spec.id.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), 24);
    stage.exec("spark-9").await;
}

/// The way to the power switch of one machine.
struct Switch<'a> {
    stage: &'a Stage,
    spec: SshSpec,
}

impl<'a> Switch<'a> {
    fn of(stage: &'a Stage, name: &str) -> Self {
        let hosts = stage.demo.config().hosts;
        let spec = hosts.iter().find(|spec| spec.id.as_str() == name).unwrap();
        let power = spec.power.as_ref().unwrap();
        let Some(PowerMethod::ForcedCommand(way)) = &power.method else {
            panic!("{name} has no switch")
        };
        let HostAddress::Ssh(spec) = way.address.clone() else {
            panic!("a switch that is not reached over ssh")
        };
        Self { stage, spec }
    }

    /// A second passes with each look.
    async fn carry(&self, verb: PowerVerb) -> Carried {
        let limits = CarryLimits {
            pace: Duration::from_millis(5),
            ..CarryLimits::default()
        };
        let clock = self.stage.clock.clone();
        let mut second = |_| clock.set(clock.at().plus(Duration::from_secs(1)), Wall(0));
        within(carry(self, verb, &limits, &Clock::system(), &mut second)).await
    }

    async fn state(&self) -> MachineState {
        let report = look(self, PowerVerb::Status, &CarryLimits::default()).await;
        report.unwrap().state
    }
}

#[async_trait]
impl Dial for Switch<'_> {
    async fn dial(&self) -> Result<Arc<dyn Exec>, ExecError> {
        match self.stage.dial_as(&self.spec, Answer::Refuse).await {
            Ok(exec) => Ok(Arc::new(exec)),
            Err(error) => Err(ExecError::new(ExecErrorKind::Refused, error.to_string())),
        }
    }
}

fn uptime(sample: &Sample) -> u64 {
    let machine = sample.machine.as_ref().unwrap();
    *machine.uptime.value().unwrap()
}

#[tokio::test]
async fn a_wedged_machine_is_healed_by_its_power_switch() {
    let stage = Stage::drill(Drill::Wedge).await;
    stage.set_seconds(90);
    until(async || stage.dial("spark-2").await.is_err()).await;
    let switch = Switch::of(&stage, "spark-2");
    let limits = CarryLimits::default();
    let forensics = look(&switch, PowerVerb::Forensics, &limits);
    let report = within(forensics).await.unwrap();
    assert_eq!(report.state, MachineState::Running);
    let said: Vec<&str> = report
        .lines
        .iter()
        .map(pilothouse::text::SafeText::as_str)
        .collect();
    assert!(
        said.contains(&"QEMU guest agent is not running"),
        "{said:?}"
    );
    let carried = switch.carry(PowerVerb::Cycle).await;
    assert!(matches!(carried, Carried::Done(_)), "{carried:?}");
    stage
        .clock
        .set(stage.clock.at().plus(Duration::from_secs(8)), Wall(0));
    until(async || stage.dial("spark-2").await.is_ok()).await;
    let exec = stage.exec("spark-2").await;
    let mut sampler = sampler(&exec).await;
    let sample = stage.beats(&mut sampler, 2).await;
    assert!(uptime(&sample) < 20, "{}", uptime(&sample));
    // The drill has nothing more to say about it.
    stage.set_seconds(265);
    let sample = stage.beats(&mut sampler, 2).await;
    assert!(uptime(&sample) > 150);
    assert!(available(&sample) > Mib(2_000));
}

#[tokio::test]
async fn a_machine_is_switched_off_and_on_and_restarts_by_itself() {
    let stage = Stage::calm().await;
    let switch = Switch::of(&stage, "plain");
    let exec = stage.exec("plain").await;
    let carried = switch.carry(PowerVerb::Stop).await;
    assert!(matches!(carried, Carried::Done(_)), "{carried:?}");
    until(async || stage.tcp("plain").await.is_err()).await;
    assert_eq!(switch.state().await, MachineState::Stopped);
    assert!(
        exec.run(&ShellCommand::new("true"), RunLimits::default())
            .await
            .is_err()
    );
    let carried = switch.carry(PowerVerb::Reset).await;
    assert!(matches!(carried, Carried::Failed { .. }), "{carried:?}");
    let carried = switch.carry(PowerVerb::Start).await;
    assert!(matches!(carried, Carried::Done(_)), "{carried:?}");
    assert_eq!(switch.state().await, MachineState::Running);
    stage
        .clock
        .set(stage.clock.at().plus(Duration::from_secs(9)), Wall(0));
    until(async || stage.dial("plain").await.is_ok()).await;
    let exec = stage.exec("plain").await;
    assert!(run(&exec, &["sync"]).await.exit.is_success());
    run(&exec, &["systemctl", "reboot"]).await;
    stage
        .clock
        .set(stage.clock.at().plus(Duration::from_secs(2)), Wall(0));
    until(async || stage.tcp("plain").await.is_err()).await;
    stage
        .clock
        .set(stage.clock.at().plus(Duration::from_secs(9)), Wall(0));
    until(async || stage.dial("plain").await.is_ok()).await;
}

#[tokio::test]
async fn a_switch_of_the_demo_takes_six_words_from_one_key() {
    let stage = Stage::calm().await;
    let switch = Switch::of(&stage, "plain");
    let exec = stage.dial_as(&switch.spec, Answer::Refuse).await.unwrap();
    for words in [
        &["Status"] as &[&str],
        &["status", "x"],
        &["sh"],
        &["status;id"],
    ] {
        assert_eq!(run(&exec, words).await.exit, Exit::Status(2), "{words:?}");
    }
    assert!(run(&exec, &["cycle"]).await.exit.is_success());
    assert_eq!(run(&exec, &["stop"]).await.exit, Exit::Status(3));
    let mut other = switch.spec.clone();
    other.identity = stage.spec("plain").identity;
    assert!(stage.dial_as(&other, Answer::Refuse).await.is_err());
    let mut nobody = switch.spec.clone();
    nobody.user = Some("nobody".parse().unwrap());
    assert!(stage.dial_as(&nobody, Answer::Refuse).await.is_err());
}
