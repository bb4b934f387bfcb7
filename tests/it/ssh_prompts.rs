//! What no sshd on a test machine does by itself: ask questions, shout, and reach back at us. And ways to a host that run
//! through a command.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use pilothouse::domain::{Answer, GpuSourceChoice, Prompt, Question, Secret, Telling};
use pilothouse::exec::{LocalExec, RemoteExec};
use pilothouse::machine::{Sampler, SamplerSettings};
use pilothouse::ssh::{End, Proxy, Sink, Source, SshErrorKind, SshTarget, Transport, connect};
use pilothouse::tasks::Tasks;
use russh::Channel;
use russh::server::{self, Auth, ChannelOpenHandle, Response};
use tokio::sync::mpsc;

use super::sshd::{Person, Sshd, arg, context, keygen, loopback};

/// A server in this process that asks for a code, then for a password.
struct Asker {
    banner: Option<String>,
    codes: Arc<Mutex<Vec<String>>>,
}

impl server::Handler for Asker {
    type Error = russh::Error;

    async fn authentication_banner(&mut self) -> Result<Option<String>, russh::Error> {
        Ok(self.banner.clone())
    }

    async fn auth_keyboard_interactive<'a>(
        &'a mut self,
        _user: &str,
        _submethods: &str,
        response: Option<Response<'a>>,
    ) -> Result<Auth, russh::Error> {
        let Some(response) = response else {
            return Ok(Auth::Partial {
                name: "second factor".into(),
                instructions: "look at your \u{1b}[31mphone".into(),
                prompts: vec![("Code: ".into(), true), ("PIN: ".into(), false)].into(),
            });
        };
        let given: Vec<String> = response
            .map(|r| String::from_utf8_lossy(&r).into_owned())
            .collect();
        let right = given == ["123456", "pin"];
        self.codes.lock().unwrap().extend(given);
        Ok(if right { Auth::Accept } else { Auth::reject() })
    }

    /// Takes channels and never says whether it opens them.
    async fn channel_open_session(
        &mut self,
        _channel: Channel<server::Msg>,
        reply: ChannelOpenHandle,
        _session: &mut server::Session,
    ) -> Result<(), russh::Error> {
        Tasks::new().spawn(async move {
            std::future::pending::<()>().await;
            drop(reply);
        });
        Ok(())
    }

    async fn auth_password(&mut self, _user: &str, password: &str) -> Result<Auth, russh::Error> {
        self.codes.lock().unwrap().push(password.to_owned());
        Ok(if password == "open" {
            Auth::Accept
        } else {
            Auth::Reject {
                proceed_with_methods: Some([russh::MethodKind::Password].as_slice().into()),
                partial_success: false,
            }
        })
    }
}

/// Serves one connection; hands out the target that leads there, and what was typed.
async fn asker(
    methods: &[russh::MethodKind],
    banner: Option<String>,
) -> (SshTarget, Arc<Mutex<Vec<String>>>, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let host = folder.path().join("host");
    keygen(&["-t", "ed25519", "-f", &arg(&host)]);
    let key = russh::keys::load_secret_key(&host, None).unwrap();
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0))
        .await
        .unwrap();
    let port = listener.local_addr().unwrap().port();
    let known_hosts = folder.path().join("known_hosts");
    let line = format!(
        "[127.0.0.1]:{port} {}\n",
        key.public_key().to_openssh().unwrap()
    );
    std::fs::write(&known_hosts, line).unwrap();
    let config = Arc::new(server::Config {
        keys: vec![key],
        methods: methods.into(),
        auth_rejection_time: Duration::ZERO,
        ..server::Config::default()
    });
    let codes = Arc::new(Mutex::new(Vec::new()));
    let handler = Asker {
        banner,
        codes: Arc::clone(&codes),
    };
    Tasks::new().spawn(async move {
        let (socket, _) = listener.accept().await.unwrap();
        let session = server::run_stream(config, socket, handler).await.unwrap();
        // How it ends is the client's business.
        let _ = session.await;
    });
    let target = SshTarget {
        endpoint: loopback(port),
        alias: "box".parse().unwrap(),
        user: "ada".parse().unwrap(),
        jumps: Vec::new(),
        proxy_command: None,
        identities: Vec::new(),
        certificates: Vec::new(),
        identities_only: false,
        agent: None,
        known_hosts: vec![known_hosts],
        global_known_hosts: Vec::new(),
        host_key_alias: None,
        hash_known_hosts: false,
        refuse_unknown: false,
        connect_timeout: Duration::from_secs(10),
        keep_alive: Duration::from_secs(15),
    };
    (target, codes, folder)
}

fn texts(answers: &[&str]) -> Answer {
    Answer::Texts(
        answers
            .iter()
            .map(|a| Secret::new((*a).to_owned()))
            .collect(),
    )
}

#[tokio::test]
async fn a_server_asks_through_a_dialog_again_when_the_answer_was_wrong() {
    let methods = [russh::MethodKind::KeyboardInteractive];
    let (target, codes, _folder) = asker(&methods, None).await;
    let person = Person::answering([texts(&["1", "2"]), texts(&["123456", "pin"])]);
    connect(&target, &context(), person.clone()).await.unwrap();
    assert_eq!(*codes.lock().unwrap(), ["1", "2", "123456", "pin"]);
    let asked = person.questions();
    assert_eq!(asked.len(), 2);
    let Question::Prompts {
        from,
        instructions,
        prompts,
    } = &asked[0]
    else {
        panic!("{asked:?}");
    };
    assert_eq!(*from, target.endpoint);
    assert!(!instructions.as_str().contains('\u{1b}'));
    assert!(instructions.as_str().contains("phone"));
    let wanted = [("Code: ", true), ("PIN: ", false)].map(|(text, echo)| Prompt {
        text: text.into(),
        echo,
    });
    assert_eq!(*prompts, wanted);
}

#[tokio::test]
async fn a_password_is_asked_for_three_times_at_most() {
    let methods = [russh::MethodKind::Password];
    let (target, codes, _folder) = asker(&methods, None).await;
    let person = Person::answering([
        texts(&["a"]),
        texts(&["b"]),
        texts(&["c"]),
        texts(&["open"]),
    ]);
    let error = connect(&target, &context(), person.clone())
        .await
        .unwrap_err();
    assert_eq!(error.kind(), SshErrorKind::Login);
    assert_eq!(*codes.lock().unwrap(), ["a", "b", "c"]);
}

#[tokio::test]
async fn a_person_who_says_no_ends_the_login() {
    let methods = [russh::MethodKind::Password];
    let (target, codes, _folder) = asker(&methods, None).await;
    let error = connect(&target, &context(), Person::silent())
        .await
        .unwrap_err();
    assert_eq!(error.kind(), SshErrorKind::UserRefused);
    assert!(error.is_final());
    assert!(codes.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_banner_is_shown_clean_and_short() {
    let methods = [russh::MethodKind::Password];
    let shout = format!("\u{1b}]0;owned\u{7}welcome\n{}", "x".repeat(100_000));
    let (target, _codes, _folder) = asker(&methods, Some(shout)).await;
    let person = Person::answering([texts(&["open"])]);
    connect(&target, &context(), person.clone()).await.unwrap();
    let told = person.told.lock().unwrap();
    let [Telling::Banner(banner)] = told.as_slice() else {
        panic!("{told:?}");
    };
    assert!(banner.as_str().contains("welcome"));
    assert!(!banner.as_str().contains(['\u{1b}', '\u{7}']));
    assert!(banner.as_str().len() <= 4096, "{}", banner.as_str().len());
}

/// A ProxyCommand run by this machine's own room for processes.
struct ByShell(LocalExec);

#[async_trait]
impl Proxy for ByShell {
    async fn open(&self, command_line: &str) -> std::io::Result<std::pin::Pin<Box<dyn Transport>>> {
        let io = self.0.proxy(command_line).map_err(std::io::Error::other)?;
        Ok(Box::pin(io))
    }
}

#[tokio::test]
async fn a_proxy_command_carries_the_connection() {
    let sshd = Sshd::start();
    let tasks = Tasks::new();
    let context = context().with_proxy(Arc::new(ByShell(LocalExec::new(tasks))));
    let mut target = sshd.target();
    target.proxy_command = Some("socat - TCP:%h:%p".into());
    connect(&target, &context, Person::silent()).await.unwrap();

    target.proxy_command = Some("false %h %p".into());
    let error = connect(&target, &context, Person::silent())
        .await
        .unwrap_err();
    assert_eq!(error.kind(), SshErrorKind::Lost, "{error:?}");

    target.proxy_command = Some("ssh -W %h:%p %r@gate".into());
    target.user = "a$b".parse().unwrap();
    let error = connect(&target, &context, Person::silent())
        .await
        .unwrap_err();
    assert_eq!(error.kind(), SshErrorKind::Unreachable);
    assert!(
        std::error::Error::source(&error)
            .unwrap()
            .to_string()
            .contains("shell")
    );
}

/// Hands a terminal's bytes on.
struct Screen(mpsc::UnboundedSender<Bytes>);

impl Sink for Screen {
    fn data(&mut self, _: Source, bytes: Bytes) {
        self.0.send(bytes).ok();
    }

    async fn end(self, _: End) {}
}

#[tokio::test]
async fn a_shell_has_a_terminal_that_can_change_its_size() {
    let sshd = Sshd::start();
    let session = connect(&sshd.target(), &context(), Person::silent())
        .await
        .unwrap();
    let (screen, mut seen) = mpsc::unbounded_channel();
    let shell = session
        .shell("xterm-256color", 80, 24, Screen(screen))
        .await
        .unwrap();
    let mut text = String::new();
    let mut until = async |wanted: &str, text: &mut String| {
        while !text.contains(wanted) {
            let bytes = seen.recv().await.expect("the shell is still there");
            text.push_str(&String::from_utf8_lossy(&bytes));
        }
    };
    // The answer differs from the echo of the question.
    let ask = Bytes::from_static(b"echo si''ze $(stty size) $TERM\n");
    shell.send(ask.clone()).await.unwrap();
    until("size 24 80 xterm-256color", &mut text).await;
    shell.resize(100, 40).await.unwrap();
    shell.send(ask).await.unwrap();
    until("size 40 100 xterm-256color", &mut text).await;
}

#[tokio::test]
async fn a_server_that_opens_no_channel_is_silent_and_not_waited_for() {
    let (target, _, _folder) = asker(&[russh::MethodKind::KeyboardInteractive], None).await;
    let person = Person::answering([texts(&["123456", "pin"])]);
    let session = connect(&target, &context(), person).await.unwrap();
    let settings = SamplerSettings {
        period: Duration::from_secs(1),
        gpu: GpuSourceChoice::Auto,
    };
    let exec = RemoteExec::new(session);
    tokio::time::pause();
    let error = Sampler::start(&exec, &settings).await.unwrap_err();
    assert!(error.silent(), "{error:?}");
}
