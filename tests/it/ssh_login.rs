//! Logging in to real sshd: host keys, key files, certificates, agents, jumps; and far sides that are not what they seem.

use std::fs;
use std::time::Duration;

use pilothouse::domain::{Answer, Question, Rung, Secret};
use pilothouse::exec::{Exec, RemoteExec, RunLimits};
use pilothouse::shell::ShellCommand;
use pilothouse::ssh::{Session, SshError, SshErrorKind, SshTarget, connect};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::sshd::{Agent, Person, Sshd, arg, chmod, context, free_port, keygen, loopback, prepare};

async fn dial(target: &SshTarget) -> Result<Session, SshError> {
    connect(target, &context(), Person::silent()).await
}

async fn works(session: Session) {
    let output = RemoteExec::new(session)
        .run(&ShellCommand::new("echo").arg("hi"), RunLimits::default())
        .await
        .unwrap();
    assert_eq!(&output.stdout[..], b"hi\n");
}

fn text(answer: &str) -> Answer {
    Answer::Texts(vec![Secret::new(answer.to_owned())])
}

#[tokio::test]
async fn an_unknown_key_is_asked_about_once_and_written_down() {
    let sshd = Sshd::start();
    let person = Person::answering([Answer::Trust]);
    works(
        connect(&sshd.stranger(), &context(), person.clone())
            .await
            .unwrap(),
    )
    .await;
    let asked = person.questions();
    let [Question::UnknownHostKey(facts)] = asked.as_slice() else {
        panic!("{asked:?}");
    };
    assert_eq!(facts.algorithm.as_str(), "ssh-ed25519");
    let shown = keygen(&["-l", "-f", &arg(&sshd.path("host.pub"))]);
    assert!(shown.contains(facts.fingerprint.as_str()), "{shown}");
    assert_eq!(
        fs::read_to_string(sshd.path("known_hosts")).unwrap(),
        format!("{} {}\n", sshd.name(), sshd.public("host"))
    );
    works(dial(&sshd.stranger()).await.unwrap()).await;
}

#[tokio::test]
async fn an_unknown_key_that_nobody_trusts_ends_the_attempt_before_any_login() {
    let sshd = Sshd::start();
    let error = dial(&sshd.stranger()).await.unwrap_err();
    assert_eq!(error.kind(), SshErrorKind::UserRefused);
    assert!(error.is_final());

    let mut target = sshd.stranger();
    target.refuse_unknown = true;
    let person = Person::answering([Answer::Trust]);
    let error = connect(&target, &context(), person.clone())
        .await
        .unwrap_err();
    assert_eq!(error.kind(), SshErrorKind::KeyUnknown);
    assert!(person.questions().is_empty());
    assert!(!sshd.path("known_hosts").exists());
    assert!(!sshd.log().contains("publickey"), "{}", sshd.log());
}

#[tokio::test]
async fn many_sessions_that_meet_one_new_key_ask_once() {
    let sshd = Sshd::start();
    let (context, target) = (context(), sshd.stranger());
    let person = Person::answering([Answer::Trust]);
    let dials = (0..10).map(|_| connect(&target, &context, person.clone()));
    for session in futures_util::future::join_all(dials).await {
        works(session.unwrap()).await;
    }
    assert_eq!(person.questions().len(), 1);
}

#[tokio::test]
async fn a_changed_or_revoked_key_is_refused_with_the_mend() {
    let sshd = Sshd::start();
    let target = sshd.stranger();
    let other = sshd.public("id");
    let (name, key) = (sshd.name(), sshd.public("host"));
    let file = arg(&sshd.path("known_hosts"));
    for (text, kind, mend) in [
        (
            format!("{name} {other}\n"),
            SshErrorKind::KeyChanged,
            format!("ssh-keygen -f {file} -R '{name}'"),
        ),
        (
            format!("{name} {key}\n@revoked * {key}\n"),
            SshErrorKind::KeyRevoked,
            format!("line 2 of {file}"),
        ),
    ] {
        fs::write(sshd.path("known_hosts"), text).unwrap();
        let error = dial(&target).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{error:?}");
        assert_eq!(error.rung(), Rung::Banner);
        assert!(error.is_final() && !error.silent());
        assert!(error.hint().unwrap().contains(&mend), "{error:?}");
    }
    let unreadable = sshd.path("folder");
    fs::create_dir(&unreadable).unwrap();
    let mut target = sshd.target();
    target.global_known_hosts = vec![unreadable];
    let error = dial(&target).await.unwrap_err();
    assert_eq!(error.kind(), SshErrorKind::KnownHosts);
    assert!(!sshd.log().contains("publickey"), "{}", sshd.log());
}

#[tokio::test]
async fn the_mend_of_a_changed_key_mends_it() {
    let sshd = Sshd::start();
    let file = sshd.path("known_hosts");
    fs::write(&file, format!("{} {}\n", sshd.name(), sshd.public("id"))).unwrap();
    let error = dial(&sshd.stranger()).await.unwrap_err();
    assert!(error.hint().unwrap().contains("ssh-keygen -f"));
    keygen(&["-f", &arg(&file), "-R", &sshd.name()]);
    let person = Person::answering([Answer::Trust]);
    works(connect(&sshd.stranger(), &context(), person).await.unwrap()).await;
}

#[tokio::test]
async fn an_encrypted_key_is_asked_for_once_for_all_hosts() {
    let sshd = Sshd::start();
    let key = sshd.path("locked");
    keygen(&["-t", "ed25519", "-N", "sesame", "-f", &arg(&key)]);
    fs::copy(key.with_extension("pub"), sshd.path("authorized_keys")).unwrap();
    let mut target = sshd.target();
    target.identities = vec![key];
    let context = context();
    let person = Person::answering([text("wrong"), text("sesame")]);
    let dials = (0..5).map(|_| connect(&target, &context, person.clone()));
    for session in futures_util::future::join_all(dials).await {
        works(session.unwrap()).await;
    }
    let asked = person.questions();
    let [
        Question::Passphrase { again: false, .. },
        Question::Passphrase { again: true, .. },
    ] = asked.as_slice()
    else {
        panic!("{asked:?}");
    };

    let wrong = Person::answering([text("a"), text("b"), text("c"), text("sesame")]);
    let error = connect(&target, &super::sshd::context(), wrong.clone())
        .await
        .unwrap_err();
    assert_eq!(error.kind(), SshErrorKind::KeyFile);
    assert!(error.is_final());
    assert_eq!(wrong.questions().len(), 3);
}

#[tokio::test]
async fn a_locked_key_that_the_server_would_not_take_is_not_asked_for() {
    let sshd = Sshd::start();
    let key = sshd.path("locked");
    keygen(&["-t", "ed25519", "-N", "sesame", "-f", &arg(&key)]);
    let mut target = sshd.target();
    target.identities.insert(0, key);
    let person = Person::silent();
    works(connect(&target, &context(), person.clone()).await.unwrap()).await;
    assert!(person.questions().is_empty());
}

#[tokio::test]
async fn every_kind_of_key_file_logs_in() {
    let sshd = Sshd::start();
    let mut authorized = String::new();
    let kinds: [(&str, &[&str]); 5] = [
        ("rsa", &["-t", "rsa", "-b", "2048"]),
        ("p256", &["-t", "ecdsa", "-b", "256"]),
        ("p384", &["-t", "ecdsa", "-b", "384"]),
        ("pem", &["-t", "rsa", "-b", "2048", "-m", "PEM"]),
        ("pkcs8", &["-t", "ecdsa", "-b", "256", "-m", "PKCS8"]),
    ];
    for (name, how) in kinds {
        let path = arg(&sshd.path(name));
        keygen(&[how, &["-f", &path]].concat());
        authorized += &(sshd.public(name) + "\n");
    }
    fs::write(sshd.path("authorized_keys"), authorized).unwrap();
    for (name, _) in kinds {
        let mut target = sshd.target();
        target.identities = vec![sshd.path(name)];
        works(
            dial(&target)
                .await
                .unwrap_or_else(|e| panic!("{name}: {e:?}")),
        )
        .await;
    }
    assert!(!sshd.log().contains("ssh2: RSA SHA1"));
}

#[tokio::test]
async fn a_key_file_that_others_can_read_is_refused_with_the_mend() {
    let sshd = Sshd::start();
    chmod(&sshd.path("id"), 0o644);
    let error = dial(&sshd.target()).await.unwrap_err();
    assert_eq!(error.kind(), SshErrorKind::Login);
    assert!(error.is_final());
    let mend = format!("chmod 600 {}", arg(&sshd.path("id")));
    assert!(error.hint().unwrap().contains(&mend), "{error:?}");
}

#[tokio::test]
async fn a_login_that_is_refused_says_what_would_be_taken() {
    let sshd = Sshd::start();
    let mut target = sshd.target();
    target.identities = vec![sshd.path("host")];
    let error = dial(&target).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.rung()),
        (SshErrorKind::Login, Rung::Login)
    );
    assert!(error.hint().unwrap().contains("publickey"), "{error:?}");
    target.identities = vec![sshd.path("missing")];
    let error = dial(&target).await.unwrap_err();
    assert_eq!(error.kind(), SshErrorKind::Login);
}

#[tokio::test]
async fn certificates_of_both_sides_hold() {
    let folder = tempfile::tempdir().unwrap();
    prepare(folder.path());
    let at = |name: &str| arg(&folder.path().join(name));
    keygen(&["-t", "ed25519", "-f", &at("ca")]);
    keygen(&[
        "-s",
        &at("ca"),
        "-I",
        "us",
        "-n",
        &super::sshd::whoami(),
        &at("id.pub"),
    ]);
    keygen(&[
        "-s",
        &at("ca"),
        "-I",
        "host",
        "-h",
        "-n",
        "127.0.0.1",
        &at("host.pub"),
    ]);
    fs::write(folder.path().join("authorized_keys"), "").unwrap();
    let sshd = Sshd::in_folder(
        folder,
        "TrustedUserCAKeys {}/ca.pub\nHostCertificate {}/host-cert.pub",
    );
    let authority = format!("@cert-authority 127.0.0.* {}\n", sshd.public("ca"));
    fs::write(sshd.path("known_hosts"), authority).unwrap();
    works(dial(&sshd.stranger()).await.unwrap()).await;

    let stranger = format!("@cert-authority * {}\n", sshd.public("id"));
    fs::write(sshd.path("known_hosts"), stranger).unwrap();
    let error = dial(&sshd.stranger()).await.unwrap_err();
    assert_eq!(error.kind(), SshErrorKind::Certificate, "{error:?}");

    let revoked = format!(
        "@cert-authority * {ca}\n@revoked * {ca}\n",
        ca = sshd.public("ca")
    );
    fs::write(sshd.path("known_hosts"), revoked).unwrap();
    let error = dial(&sshd.stranger()).await.unwrap_err();
    assert_eq!(error.kind(), SshErrorKind::KeyRevoked, "{error:?}");
}

#[tokio::test]
async fn a_host_certificate_for_another_name_or_time_is_refused() {
    for flags in [
        &["-n", "elsewhere"][..],
        &["-n", "127.0.0.1", "-V", "20200101:20210101"],
    ] {
        let folder = tempfile::tempdir().unwrap();
        prepare(folder.path());
        let at = |name: &str| arg(&folder.path().join(name));
        keygen(&["-t", "ed25519", "-f", &at("ca")]);
        keygen(
            &[
                &["-s", &at("ca"), "-I", "host", "-h"],
                flags,
                &[&at("host.pub")],
            ]
            .concat(),
        );
        let sshd = Sshd::in_folder(folder, "HostCertificate {}/host-cert.pub");
        let authority = format!("@cert-authority * {}\n", sshd.public("ca"));
        fs::write(sshd.path("known_hosts"), authority).unwrap();
        let person = Person::answering([Answer::Trust]);
        let error = connect(&sshd.stranger(), &context(), person)
            .await
            .unwrap_err();
        assert_eq!(error.kind(), SshErrorKind::Certificate, "{flags:?}");
        assert!(!sshd.log().contains("Accepted"));
    }
}

#[tokio::test]
async fn an_agent_signs() {
    let sshd = Sshd::start();
    let agent = Agent::start();
    for n in 0..3 {
        let key = sshd.path(&format!("other{n}"));
        keygen(&["-t", "ed25519", "-f", &arg(&key)]);
        agent.add(&key);
    }
    agent.add(&sshd.path("id"));
    let mut target = sshd.target();
    target.agent = Some(agent.socket.clone());
    target.identities = Vec::new();
    works(dial(&target).await.unwrap()).await;

    target.identities_only = true;
    let error = dial(&target).await.unwrap_err();
    assert_eq!(error.kind(), SshErrorKind::Login);

    target.identities = vec![sshd.path("id.pub")];
    works(dial(&target).await.unwrap()).await;

    target.agent = Some(sshd.path("no-agent"));
    target.identities = vec![sshd.path("id")];
    works(dial(&target).await.unwrap()).await;
}

#[tokio::test]
async fn too_many_keys_in_the_agent_are_named_as_the_trouble() {
    let sshd = Sshd::with("MaxAuthTries 2");
    let agent = Agent::start();
    for n in 0..4 {
        let key = sshd.path(&format!("other{n}"));
        keygen(&["-t", "ed25519", "-f", &arg(&key)]);
        agent.add(&key);
    }
    let mut target = sshd.target();
    target.agent = Some(agent.socket.clone());
    target.identities = Vec::new();
    let error = dial(&target).await.unwrap_err();
    assert_eq!(error.kind(), SshErrorKind::Login, "{error:?}");
    assert!(error.hint().unwrap().contains("4 keys"), "{error:?}");
}

#[tokio::test]
async fn a_chain_of_jumps_checks_every_key() {
    let (first, second, last) = (Sshd::start(), Sshd::start(), Sshd::start());
    let mut target = last.target();
    target.jumps = vec![first.target(), second.target()];
    works(dial(&target).await.unwrap()).await;

    fs::write(
        second.path("known_hosts"),
        format!("{} {}\n", second.name(), second.public("id")),
    )
    .unwrap();
    let error = dial(&target).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.rung()),
        (SshErrorKind::KeyChanged, Rung::Tcp)
    );
    assert!(error.to_string().contains("jump host"), "{error}");

    let mut target = last.target();
    target.endpoint = loopback(free_port());
    target.jumps = vec![first.target()];
    let error = dial(&target).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.rung()),
        (SshErrorKind::Unreachable, Rung::Tcp)
    );
}

#[tokio::test]
async fn a_jump_host_that_is_down_is_named() {
    let last = Sshd::start();
    let mut target = last.target();
    let mut jump = last.target();
    jump.alias = "bastion".parse().unwrap();
    jump.endpoint = loopback(free_port());
    target.jumps = vec![jump];
    let error = dial(&target).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.rung()),
        (SshErrorKind::Unreachable, Rung::Tcp)
    );
    assert!(error.to_string().contains("bastion"));
    assert!(!error.is_final());
}

/// A target nobody has a server for.
fn nowhere(port: u16) -> SshTarget {
    SshTarget {
        endpoint: loopback(port),
        alias: "box".parse().unwrap(),
        user: "nobody".parse().unwrap(),
        jumps: Vec::new(),
        proxy_command: None,
        identities: Vec::new(),
        certificates: Vec::new(),
        identities_only: false,
        agent: None,
        known_hosts: Vec::new(),
        global_known_hosts: Vec::new(),
        host_key_alias: None,
        hash_known_hosts: false,
        refuse_unknown: false,
        connect_timeout: Duration::from_millis(300),
        keep_alive: Duration::from_secs(15),
    }
}

#[tokio::test]
async fn refused_unknown_and_foreign_servers_each_fail_on_their_rung() {
    let error = dial(&nowhere(free_port())).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.rung()),
        (SshErrorKind::Unreachable, Rung::Tcp)
    );
    assert!(!error.silent() && !error.is_final());

    let mut target = nowhere(22);
    target.endpoint.host = "no-such-host.invalid".parse().unwrap();
    target.connect_timeout = Duration::from_secs(20);
    let error = dial(&target).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.rung()),
        (SshErrorKind::Name, Rung::Resolve)
    );
}

#[tokio::test]
async fn what_answers_in_other_words_than_ssh_is_quoted() {
    let rows = [
        (
            "HTTP/1.1 400 Bad Request\r\n".repeat(2000),
            "HTTP/1.1 400 Bad Request",
            "port",
        ),
        (
            "Not allowed at this time\r\n".into(),
            "Not allowed at this time",
            "PerSourcePenalties",
        ),
        ("SSH-1.5-old\r\n".into(), "SSH-1.5-old", "port"),
    ];
    for ((words, quoted, mend), stays) in rows.iter().flat_map(|row| [(row, false), (row, true)]) {
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0))
            .await
            .unwrap();
        let target = nowhere(listener.local_addr().unwrap().port());
        let other = async {
            let (mut socket, _) = listener.accept().await.unwrap();
            socket.write_all(words.as_bytes()).await.ok();
            if stays {
                // Until our side hangs up, be it orderly or not.
                let _ = socket.read_to_end(&mut Vec::new()).await;
            }
        };
        let (error, ()) = tokio::join!(dial(&target), other);
        let error = error.unwrap_err();
        assert_eq!(error.kind(), SshErrorKind::Protocol, "{error}");
        assert!(error.rung() == Rung::Banner && !error.silent() && !error.is_final());
        assert!(error.to_string().ends_with(quoted), "{error}");
        assert!(error.hint().unwrap().contains(mend), "{error:?}");
    }
}

#[tokio::test]
async fn a_listener_that_says_nothing_is_silent_at_the_banner() {
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0))
        .await
        .unwrap();
    let target = nowhere(listener.local_addr().unwrap().port());
    let accept = async { listener.accept().await.unwrap().0 };
    let (error, mut socket) = tokio::join!(dial(&target), accept);
    let error = error.unwrap_err();
    assert_eq!(
        (error.kind(), error.rung()),
        (SshErrorKind::Timeout, Rung::Banner)
    );
    assert!(error.silent() && !error.is_final());
    // Nothing of ours stays behind: the far side sees the end.
    let mut said = Vec::new();
    socket.read_to_end(&mut said).await.unwrap();
    assert!(said.starts_with(b"SSH-2.0-Pilothouse"));
}

#[tokio::test]
async fn a_server_that_stalls_in_the_key_exchange_is_left() {
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0))
        .await
        .unwrap();
    let target = nowhere(listener.local_addr().unwrap().port());
    let stall = async {
        let (mut socket, _) = listener.accept().await.unwrap();
        socket.write_all(b"SSH-2.0-Stall\r\n").await.unwrap();
        let mut said = Vec::new();
        // Ends only when our side hangs up, be it orderly or not.
        let _ = socket.read_to_end(&mut said).await;
        said
    };
    let (error, said) = tokio::join!(dial(&target), stall);
    let error = error.unwrap_err();
    assert!(error.silent());
    assert!(error.to_string().contains("greets"), "{error}");
    assert!(said.len() > 100, "our key exchange was sent");
}

#[tokio::test]
async fn a_frozen_host_is_noticed_by_keep_alives() {
    let sshd = Sshd::start();
    let mut target = sshd.target();
    target.keep_alive = Duration::from_millis(200);
    let session = dial(&target).await.unwrap();
    let exec = RemoteExec::new(session.clone());
    let output = exec
        .run(
            &ShellCommand::new("sh").arg("-c").arg("echo $PPID"),
            RunLimits::default(),
        )
        .await
        .unwrap();
    let pid: i32 = std::str::from_utf8(&output.stdout)
        .unwrap()
        .trim()
        .parse()
        .unwrap();
    let pid = rustix::process::Pid::from_raw(pid).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::STOP).unwrap();
    let error = session.closed().await;
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
    assert!(error.silent(), "{error:?}");
}

#[tokio::test]
async fn a_crowded_server_is_tried_again_at_once() {
    let sshd = Sshd::start();
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0))
        .await
        .unwrap();
    let port = listener.local_addr().unwrap().port();
    let mut target = sshd.target();
    let known_hosts = std::fs::read_to_string(&target.known_hosts[0]).unwrap();
    let known_hosts = known_hosts.replace(&sshd.port.to_string(), &port.to_string());
    std::fs::write(&target.known_hosts[0], known_hosts).unwrap();
    target.endpoint = loopback(port);
    let crowd = async {
        let (mut socket, _) = listener.accept().await.unwrap();
        socket.write_all(b"Exceeded MaxStartups\r\n").await.unwrap();
        drop(socket);
        let (mut socket, _) = listener.accept().await.unwrap();
        let mut to = tokio::net::TcpStream::connect(("127.0.0.1", sshd.port))
            .await
            .unwrap();
        // However it ends.
        let _ = tokio::io::copy_bidirectional(&mut socket, &mut to).await;
    };
    let work = async { works(dial(&target).await.unwrap()).await };
    tokio::join!(crowd, work);
}

#[tokio::test]
async fn a_server_that_stays_crowded_is_left_in_words() {
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0))
        .await
        .unwrap();
    let target = nowhere(listener.local_addr().unwrap().port());
    let mut tries = 0;
    let crowd = async {
        loop {
            let (mut socket, _) = listener.accept().await.unwrap();
            tries += 1;
            socket.write_all(b"Exceeded MaxStartups\r\n").await.unwrap();
        }
    };
    let error = tokio::select! {
        outcome = dial(&target) => outcome.unwrap_err(),
        () = crowd => unreachable!(),
    };
    assert_eq!(
        (error.kind(), error.rung()),
        (SshErrorKind::Crowded, Rung::Banner)
    );
    assert!(error.hint().unwrap().contains("MaxStartups"));
    assert!(!error.is_final() && !error.silent());
    assert_eq!(tries, 4);
}
