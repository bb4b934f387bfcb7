//! The demo fleet over real SSH: a plain client logs in, verifies the host key and reads what the machines say.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};

use pilothouse::clock::Clock;
use pilothouse::config::{Environment, Flags, Source, resolve};
use pilothouse::demo::{Demo, DemoOptions, Drill, Faults, Line, LoginRule};
use pilothouse::domain::{
    At, GpuCondition, GpuMemory, GpuSourceChoice, HostAddress, HostId, Metric, Mib, Missing,
    Sample, SshSpec, Thresholds, Wall,
};
use pilothouse::exec::{
    BoxedIo, Exec, ExecError, ExecErrorKind, Fd, HostSocket, LineStream, Output, RunLimits,
    StreamEvent,
};
use pilothouse::machine::{Sampler, SamplerSettings};
use pilothouse::shell::{RemotePath, ShellCommand};
use pilothouse::tasks::Tasks;
use russh::client::{self, AuthResult, KeyboardInteractiveAuthResponse};
use russh::keys::{PrivateKey, PrivateKeyWithHashAlg, PublicKey, PublicKeyOrCertificate};
use russh::{Channel, ChannelMsg};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc;

/// Nothing on the loopback takes this long; a test that meets it has failed.
const LIMIT: Duration = Duration::from_secs(20);
/// Long enough for an answer on the loopback, so that its absence is silence.
const SILENCE: Duration = Duration::from_millis(300);
const NONCE: &str = "00ff00ff00ff00ff";

async fn started(options: DemoOptions) -> (Demo, Clock, Tasks) {
    let (tasks, clock) = (Tasks::new(), Clock::manual());
    let demo = Demo::start(&tasks, &clock, options).await.unwrap();
    (demo, clock, tasks)
}

async fn four() -> (Demo, Clock, Tasks) {
    started(DemoOptions::default()).await
}

async fn drilled(drill: Drill) -> (Demo, Clock, Tasks) {
    started(DemoOptions {
        drill: Some(drill),
        ..DemoOptions::default()
    })
    .await
}

fn host(name: &str) -> HostId {
    HostId::new(name)
}

fn set_seconds(clock: &Clock, seconds: u64) {
    clock.set(At(seconds * 1000), Wall(0));
}

fn ssh(demo: &Demo, name: &str) -> SshSpec {
    let config = demo.config();
    let spec = config.hosts.iter().find(|spec| spec.id == host(name));
    match &spec.unwrap().address {
        HostAddress::Ssh(ssh) => ssh.clone(),
        HostAddress::Local => panic!("{name} is not reached over ssh"),
    }
}

fn address(demo: &Demo, name: &str) -> (String, u16) {
    let ssh = ssh(demo, name);
    (ssh.host.to_string(), ssh.port.unwrap().get())
}

/// Accepts the one key that known_hosts names for this port.
struct Verifier(PublicKey);

impl client::Handler for Verifier {
    type Error = russh::Error;

    async fn check_server_key(
        &mut self,
        offered: &PublicKeyOrCertificate,
    ) -> Result<bool, Self::Error> {
        Ok(
            matches!(offered, PublicKeyOrCertificate::PublicKey { key, .. }
            if key.key_data() == self.0.key_data()),
        )
    }
}

type Client = client::Handle<Verifier>;

fn known_key(demo: &Demo, name: &str) -> PublicKey {
    let ssh = ssh(demo, name);
    let wanted = format!("[127.0.0.1]:{} ", ssh.port.unwrap());
    let text = std::fs::read_to_string(ssh.known_hosts.unwrap()).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix(&wanted));
    PublicKey::from_openssh(line.unwrap()).unwrap()
}

async fn dial(demo: &Demo, name: &str) -> Result<Client, russh::Error> {
    let verifier = Verifier(known_key(demo, name));
    let config = Arc::new(client::Config::default());
    within(client::connect(config, address(demo, name), verifier)).await
}

async fn within<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(LIMIT, future)
        .await
        .expect("an answer on the loopback")
}

async fn offer(client: &mut Client, key: PrivateKey) -> AuthResult {
    let key = PrivateKeyWithHashAlg::new(Arc::new(key), None);
    within(client.authenticate_publickey("demo", key))
        .await
        .unwrap()
}

async fn login(demo: &Demo, name: &str) -> Client {
    let mut client = dial(demo, name).await.unwrap();
    let file = ssh(demo, name).identity.remove(0);
    let key = russh::keys::load_secret_key(file, None).unwrap();
    assert!(offer(&mut client, key).await.success());
    client
}

struct Done {
    out: String,
    err: String,
    status: Option<u32>,
}

async fn run(client: &Client, line: &str) -> Done {
    let mut channel = within(client.channel_open_session()).await.unwrap();
    channel.exec(true, line).await.unwrap();
    let mut done = Done {
        out: String::new(),
        err: String::new(),
        status: None,
    };
    while let Some(message) = within(channel.wait()).await {
        match message {
            ChannelMsg::Data { data } => done.out += std::str::from_utf8(&data).unwrap(),
            ChannelMsg::ExtendedData { data, .. } => {
                done.err += std::str::from_utf8(&data).unwrap();
            }
            ChannelMsg::ExitStatus { exit_status } => done.status = Some(exit_status),
            _ => {}
        }
    }
    done
}

/// A running sampler, read line by line.
struct Stream {
    channel: Channel<client::Msg>,
    text: String,
    /// A line that is no line of the sampler's.
    noise: &'static str,
}

impl Stream {
    async fn start(client: &Client) -> Self {
        let channel = within(client.channel_open_session()).await.unwrap();
        let exec = format!("sh -c 'while read x; do :; done' pilothouse-sampler 1 {NONCE} 1000");
        channel.exec(true, exec).await.unwrap();
        Self {
            channel,
            text: String::new(),
            noise: "",
        }
    }

    /// Lines up to the one with this tag, without the nonce; none when the stream ends before it.
    async fn until(&mut self, tag: &str) -> Option<Vec<String>> {
        let mut lines = Vec::new();
        loop {
            while let Some((line, rest)) = self.text.split_once('\n') {
                let line = line.to_owned();
                self.text = rest.into();
                if line == self.noise {
                    continue;
                }
                let line = line.strip_prefix(NONCE).unwrap().trim_start().to_owned();
                let last = line.split(' ').next() == Some(tag);
                lines.push(line);
                if last {
                    return Some(lines);
                }
            }
            match self.channel.wait().await? {
                ChannelMsg::Data { data } => self.text += std::str::from_utf8(&data).unwrap(),
                ChannelMsg::Close => return None,
                _ => {}
            }
        }
    }

    async fn beat(&mut self, request: &str) -> Option<Vec<String>> {
        let line = format!("{request}\n");
        self.channel.data(line.as_bytes()).await.ok()?;
        self.until("end").await
    }
}

/// As much of a host as the sampler needs, over the plain client.
struct Plain {
    client: Client,
    tasks: Tasks,
}

#[async_trait]
impl Exec for Plain {
    async fn stream(&self, command: &ShellCommand) -> Result<LineStream, ExecError> {
        let mut channel = within(self.client.channel_open_session()).await.unwrap();
        channel.exec(true, command.render()).await.unwrap();
        let (events, received) = mpsc::channel(1024);
        let (input, mut typed) = mpsc::channel::<Bytes>(16);
        self.tasks.spawn(async move {
            let mut text = BytesMut::new();
            loop {
                tokio::select! {
                    Some(bytes) = typed.recv() => channel.data(&bytes[..]).await.unwrap(),
                    message = channel.wait() => match message {
                        Some(ChannelMsg::Data { data }) => text.extend_from_slice(&data),
                        Some(_) => continue,
                        None => return,
                    },
                }
                while let Some(end) = text.iter().position(|byte| *byte == b'\n') {
                    let mut bytes = text.split_to(end + 1);
                    bytes.truncate(end);
                    let line = StreamEvent::Line {
                        fd: Fd::Out,
                        bytes: bytes.freeze(),
                        dropped: 0,
                    };
                    if events.send(line).await.is_err() {
                        return;
                    }
                }
            }
        });
        Ok(LineStream::new(received, input))
    }

    async fn run(&self, _: &ShellCommand, _: RunLimits) -> Result<Output, ExecError> {
        Err(ExecError::new(ExecErrorKind::NotFound, "not needed here"))
    }

    async fn upload(&self, _: &RemotePath, _: u32, _: Bytes) -> Result<(), ExecError> {
        Err(ExecError::new(ExecErrorKind::NotFound, "not needed here"))
    }

    async fn connect(&self, _: &HostSocket) -> Result<BoxedIo, ExecError> {
        Err(ExecError::new(ExecErrorKind::NotFound, "not needed here"))
    }
}

/// What so many beats, a second apart, bring together.
async fn sampled(demo: &Demo, clock: &Clock, tasks: &Tasks, name: &str, beats: u64) -> Sample {
    let plain = Plain {
        client: login(demo, name).await,
        tasks: tasks.clone(),
    };
    let settings = SamplerSettings {
        gpu: GpuSourceChoice::Auto,
        period: Duration::from_secs(1),
    };
    let mut sampler = within(Sampler::start(&plain, &settings)).await.unwrap();
    let mut sample = Sample::default();
    for _ in 0..beats {
        let now = clock.at().plus(Duration::from_secs(1));
        clock.set(now, Wall(0));
        sample.absorb(within(sampler.beat(now)).await.unwrap().sample);
    }
    sample
}

fn number(lines: &[String], tag: &str, place: usize) -> f64 {
    let line = lines
        .iter()
        .find(|line| line.split(' ').next() == Some(tag));
    let word = line.unwrap().split(' ').nth(place).unwrap();
    word.parse().unwrap()
}

#[tokio::test]
async fn commands_run_and_unknown_ones_say_so() {
    let (demo, _clock, _tasks) = four().await;
    let client = login(&demo, "plain").await;
    let done = run(&client, "true").await;
    assert_eq!((done.out.as_str(), done.status), ("", Some(0)));
    assert_eq!(run(&client, "hostname").await.out, "plain\n");
    let unknown = run(&client, "frobnicate --now").await;
    assert_eq!(unknown.status, Some(127));
    assert!(unknown.err.starts_with("frobnicate: not found"));
}

#[tokio::test]
async fn a_sampler_is_answered_with_the_machines_readings() {
    let (demo, _clock, _tasks) = four().await;
    let client = login(&demo, "h200-a").await;
    let mut stream = Stream::start(&client).await;
    assert_eq!(
        within(stream.until("hello")).await.unwrap(),
        ["hello 1 nvidia-smi docker"]
    );
    let lines = within(stream.beat("1")).await.unwrap();
    assert_eq!(lines.first().unwrap(), "beat 1");
    assert!((number(&lines, "mem", 2) - 2_113_407_400.0).abs() < 1024.0);
    within(stream.beat("2 gpu=index app disk list"))
        .await
        .unwrap();
    let rows = within(stream.beat("3")).await.unwrap();
    let gpus = rows
        .iter()
        .filter(|row| row.starts_with("gpu ") && row.contains("NVIDIA H200"))
        .count();
    assert_eq!(gpus, 8, "{rows:#?}");
    assert!(rows.iter().any(|row| row.ends_with(" /raid")), "{rows:#?}");
}

#[tokio::test]
async fn the_sampler_reads_a_spark_whole() {
    let (demo, clock, tasks) = four().await;
    let sample = sampled(&demo, &clock, &tasks, "spark-2", 12).await;
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
    let vllm = processes
        .iter()
        .find(|process| process.pid == 3904)
        .unwrap();
    assert_eq!(vllm.memory, Metric::Is(Mib(102_260)));
    assert_eq!(vllm.user, Metric::Is("root".into()));
    assert_eq!(vllm.container, Metric::Is("vllm_node".into()));
    assert!(vllm.command.as_str().contains("gpt-oss-120b"));
    assert_eq!(sample.disks.unwrap()[0].mount.as_str(), "/");
}

#[tokio::test]
async fn the_sampler_reads_eight_gpus_and_none() {
    let (demo, clock, tasks) = four().await;
    let sample = sampled(&demo, &clock, &tasks, "h200-a", 6).await;
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
    assert_eq!(
        shared
            .iter()
            .filter(|process| process.pid == 40_377)
            .count(),
        2
    );

    let sample = sampled(&demo, &clock, &tasks, "plain", 6).await;
    assert!(sample.machine.is_some());
    let report = sample.gpus.unwrap();
    assert_eq!(report.condition, GpuCondition::NoTool);
    assert_eq!(report.gpus, []);
}

#[tokio::test]
async fn a_killed_process_leaves_its_gpu() {
    let (demo, clock, _tasks) = four().await;
    let client = login(&demo, "spark-1").await;
    assert_eq!(run(&client, "kill -s TERM 4121").await.status, Some(0));
    set_seconds(&clock, 2);
    let mut stream = Stream::start(&client).await;
    let lines = within(stream.beat("1 who=4121,5208")).await.unwrap();
    assert_eq!(lines.last().unwrap(), "end 1");
    let who = within(stream.until("exit")).await.unwrap();
    assert!(who.iter().any(|line| line.starts_with("who 5208 ")));
    assert!(!who.iter().any(|line| line.starts_with("who 4121 ")));
    assert_eq!(run(&client, "kill -s TERM 4121").await.status, Some(1));
}

#[tokio::test]
async fn the_container_daemon_answers_where_there_is_one() {
    let (demo, _clock, _tasks) = four().await;
    let socket = "/var/run/docker.sock";
    let spark = login(&demo, "spark-1").await;
    let channel = within(spark.channel_open_direct_streamlocal(socket))
        .await
        .unwrap();
    let mut stream = channel.into_stream();
    stream
        .write_all(b"GET /_ping HTTP/1.1\r\nHost: docker\r\n\r\n")
        .await
        .unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\nOK") {
        within(stream.read_buf(&mut answer)).await.unwrap();
    }
    assert!(answer.starts_with(b"HTTP/1.1 200 OK\r\n"));
    let plain = login(&demo, "plain").await;
    let refused = within(plain.channel_open_direct_streamlocal(socket)).await;
    assert!(refused.is_err());
}

#[tokio::test]
async fn only_the_demos_own_key_logs_in() {
    let (demo, _clock, _tasks) = four().await;
    let (other, _clock, _tasks) = four().await;
    let foreign = russh::keys::load_secret_key(ssh(&other, "plain").identity.remove(0), None);
    let mut client = dial(&demo, "plain").await.unwrap();
    assert!(!offer(&mut client, foreign.unwrap()).await.success());
    let faults = Faults {
        login: LoginRule::Nobody,
        ..Faults::default()
    };
    assert!(demo.set_faults(&host("plain"), faults));
    let own = russh::keys::load_secret_key(ssh(&demo, "plain").identity.remove(0), None);
    let mut client = dial(&demo, "plain").await.unwrap();
    assert!(!offer(&mut client, own.unwrap()).await.success());
}

#[tokio::test]
async fn another_host_key_is_not_the_known_one() {
    let (demo, _clock, _tasks) = four().await;
    let faults = Faults {
        other_host_key: true,
        ..Faults::default()
    };
    assert!(demo.set_faults(&host("plain"), faults));
    assert!(matches!(
        dial(&demo, "plain").await,
        Err(russh::Error::UnknownKey)
    ));
}

#[tokio::test]
async fn a_prompt_lets_in_whoever_knows_the_answer() {
    let (demo, _clock, _tasks) = four().await;
    let faults = Faults {
        login: LoginRule::Prompt {
            prompt: "One-time code: ".into(),
            answer: "271828".into(),
        },
        ..Faults::default()
    };
    assert!(demo.set_faults(&host("plain"), faults));
    for (answer, lets_in) in [("314159", false), ("271828", true)] {
        let mut client = dial(&demo, "plain").await.unwrap();
        let asked = within(client.authenticate_keyboard_interactive_start("demo", None)).await;
        let KeyboardInteractiveAuthResponse::InfoRequest { prompts, .. } = asked.unwrap() else {
            panic!("a prompt was expected")
        };
        assert_eq!(prompts[0].prompt, "One-time code: ");
        let said = client.authenticate_keyboard_interactive_respond(vec![answer.into()]);
        let success = matches!(
            within(said).await.unwrap(),
            KeyboardInteractiveAuthResponse::Success
        );
        assert_eq!(success, lets_in, "{answer}");
    }
}

#[tokio::test]
async fn a_cut_line_refuses_and_comes_back() {
    let (demo, _clock, _tasks) = four().await;
    let client = login(&demo, "plain").await;
    let mut stream = Stream::start(&client).await;
    within(stream.until("hello")).await.unwrap();
    assert!(demo.set_line(&host("plain"), Line::Cut));
    assert_eq!(within(stream.until("end")).await, None);
    until(async || TcpStream::connect(address(&demo, "plain")).await.is_err()).await;
    assert!(demo.set_line(&host("plain"), Line::Carries));
    until(async || TcpStream::connect(address(&demo, "plain")).await.is_ok()).await;
    assert_eq!(
        run(&login(&demo, "plain").await, "true").await.status,
        Some(0)
    );
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

#[tokio::test]
async fn a_drop_falls_in_the_middle_of_a_stream() {
    let (demo, _clock, _tasks) = four().await;
    let faults = Faults {
        drop_after: Some(20_000),
        ..Faults::default()
    };
    assert!(demo.set_faults(&host("h200-a"), faults));
    let client = login(&demo, "h200-a").await;
    let mut stream = Stream::start(&client).await;
    let mut beats = 0;
    within(async {
        while stream.beat("1 gpu=index app").await.is_some() {
            beats += 1;
        }
    })
    .await;
    assert!((2..100).contains(&beats), "{beats} beats in 20 kB");
}

#[tokio::test]
async fn a_flood_leaves_other_connections_alone() {
    let (demo, _clock, _tasks) = four().await;
    let client = login(&demo, "plain").await;
    // Nobody reads this channel, so its window fills.
    let flood = within(client.channel_open_session()).await.unwrap();
    flood.exec(true, "yes").await.unwrap();
    let other = login(&demo, "plain").await;
    assert_eq!(run(&other, "true").await.status, Some(0));
}

#[tokio::test]
async fn a_delay_is_added_to_each_way() {
    let (demo, _clock, _tasks) = four().await;
    let delay = Duration::from_millis(40);
    let faults = Faults {
        delay,
        ..Faults::default()
    };
    let client = login(&demo, "plain").await;
    drop(client);
    assert!(demo.set_faults(&host("plain"), faults));
    let client = login(&demo, "plain").await;
    let clock = Clock::system();
    run(&client, "true").await;
    let took = clock.at().since(At(0)).duration();
    assert!(took >= delay * 2, "{took:?}");
}

#[tokio::test]
async fn the_wedge_drill_goes_silent_then_dark_then_comes_back() {
    let (demo, clock, _tasks) = drilled(Drill::Wedge).await;
    let client = login(&demo, "spark-2").await;
    let mut stream = Stream::start(&client).await;
    within(stream.until("hello")).await.unwrap();
    let calm = within(stream.beat("1")).await.unwrap();
    set_seconds(&clock, 79);
    let full = within(stream.beat("2")).await.unwrap();
    assert!(number(&full, "mem", 6) < number(&calm, "mem", 6) / 10.0);

    set_seconds(&clock, 90);
    until(async || is_silent(&demo, "spark-2").await).await;
    let stalled = tokio::time::timeout(SILENCE, stream.beat("3")).await;
    assert!(stalled.is_err(), "a wedged machine answered: {stalled:?}");

    set_seconds(&clock, 270);
    assert_eq!(within(stream.until("end")).await, None);
    until(async || TcpStream::connect(address(&demo, "spark-2")).await.is_err()).await;

    set_seconds(&clock, 310);
    until(async || TcpStream::connect(address(&demo, "spark-2")).await.is_ok()).await;
    let client = login(&demo, "spark-2").await;
    let mut stream = Stream::start(&client).await;
    let fresh = within(stream.beat("1")).await.unwrap();
    assert!(number(&fresh, "up", 1) < 120.0, "it was power-cycled");
}

/// TCP connects and no banner comes.
async fn is_silent(demo: &Demo, name: &str) -> bool {
    let mut tcp = TcpStream::connect(address(demo, name)).await.unwrap();
    let mut banner = [0_u8; 4];
    tokio::time::timeout(SILENCE, tcp.read(&mut banner))
        .await
        .is_err()
}

#[tokio::test]
async fn the_thermal_drill_ends_with_a_lost_gpu() {
    let (demo, clock, _tasks) = drilled(Drill::Thermal).await;
    let client = login(&demo, "h200-a").await;
    let mut before = Stream::start(&client).await;
    within(before.beat("1 gpu=index")).await.unwrap();
    set_seconds(&clock, 142);
    within(before.beat("2")).await.unwrap();
    let rows = within(before.beat("3")).await.unwrap();
    let lost = rows.iter().filter(|row| row.contains("[GPU is lost]"));
    assert_eq!(lost.count(), 1, "{rows:#?}");
    // A tool that is started now says it in one line and ends.
    let mut after = Stream::start(&client).await;
    within(after.beat("1 gpu=index")).await.unwrap();
    let said = within(after.until("exit")).await.unwrap();
    assert!(said[0].contains("0000:5D:00.0: GPU is lost."), "{said:#?}");
    assert_eq!(said[1], "exit gpu 15");
}

#[tokio::test]
async fn chatter_and_a_broken_driver_come_as_they_were_asked_for() {
    let (demo, _clock, _tasks) = four().await;
    let faults = Faults {
        chatter: b"\x1b[2Jwelcome\n".to_vec(),
        driver: Some(GpuCondition::NoDriver),
        ..Faults::default()
    };
    assert!(demo.set_faults(&host("spark-1"), faults));
    let client = login(&demo, "spark-1").await;
    assert_eq!(
        run(&client, "hostname").await.out,
        "\x1b[2Jwelcome\nspark-1\n"
    );
    let mut stream = Stream::start(&client).await;
    stream.noise = "\x1b[2Jwelcome";
    within(stream.beat("1 gpu=index")).await.unwrap();
    let said = within(stream.until("exit")).await.unwrap();
    assert_eq!(said.last().unwrap(), "exit gpu 9");
}

#[tokio::test]
async fn a_dropped_fleet_hangs_up() {
    let (demo, _clock, tasks) = four().await;
    let client = login(&demo, "plain").await;
    let mut stream = Stream::start(&client).await;
    within(stream.until("hello")).await.unwrap();
    assert_eq!(demo.connections(&host("plain")), 1);
    drop(demo);
    assert_eq!(within(stream.until("end")).await, None);
    assert!(tasks.shutdown(LIMIT).await, "every task of it has ended");
}

#[tokio::test]
async fn the_flap_drill_drops_the_link_and_gives_it_back() {
    let (demo, clock, _tasks) = drilled(Drill::Flap).await;
    let client = login(&demo, "h200-a").await;
    let mut stream = Stream::start(&client).await;
    within(stream.until("hello")).await.unwrap();
    set_seconds(&clock, 22);
    assert_eq!(within(stream.until("end")).await, None);
    set_seconds(&clock, 30);
    until(async || TcpStream::connect(address(&demo, "h200-a")).await.is_ok()).await;
    login(&demo, "h200-a").await;
}

#[tokio::test]
async fn the_same_seed_says_the_same() {
    let mut said = Vec::new();
    for seed in [3, 3, 4] {
        let (demo, clock, _tasks) = started(DemoOptions {
            seed,
            ..DemoOptions::default()
        })
        .await;
        set_seconds(&clock, 33);
        let client = login(&demo, "spark-1").await;
        let mut stream = Stream::start(&client).await;
        said.push(within(stream.beat("1")).await.unwrap());
    }
    assert_eq!(said[0], said[1]);
    assert_ne!(said[0], said[2]);
}

#[tokio::test]
async fn the_written_configuration_reads_back_as_the_same_hosts() {
    let (demo, _clock, _tasks) = four().await;
    // Beside the keys: it goes with them.
    let identity = ssh(&demo, "plain").identity.remove(0);
    let file = identity.with_file_name("fleet.yaml");
    demo.write_config(&file).unwrap();
    let source = Source {
        text: std::fs::read_to_string(&file).unwrap(),
        file,
    };
    let read = resolve(
        Some(&source),
        &Environment::default(),
        &Flags::default(),
        None,
    )
    .unwrap();
    assert_eq!(read.config.problems, []);
    assert_eq!(read.config.fleet, "demo");
    assert_eq!(read.config.hosts, demo.config().hosts);
}

#[tokio::test]
async fn clones_have_names_of_their_own_and_keys_go_with_the_fleet() {
    let (demo, _clock, _tasks) = started(DemoOptions {
        hosts: 24,
        ..DemoOptions::default()
    })
    .await;
    let config = demo.config();
    let mut names: Vec<&str> = config.hosts.iter().map(|spec| spec.id.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), 24);
    let identity = ssh(&demo, "plain").identity.remove(0);
    assert!(identity.exists());
    drop(demo);
    assert!(!identity.parent().unwrap().exists());
}
