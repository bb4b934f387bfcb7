//! SSH against real sshd on loopback: commands, streams, files, sockets, floods and drops.

use std::time::Duration;

use bytes::Bytes;
use pilothouse::domain::GpuSourceChoice;
use pilothouse::exec::{
    Exec, ExecErrorKind, Exit, Fd, HostSocket, LineStream, RemoteExec, RunLimits, StreamEvent,
};
use pilothouse::machine::{Sampler, SamplerSettings};
use pilothouse::shell::{RemotePath, ShellCommand, ShellWord};
use pilothouse::ssh::{SshErrorKind, Step, connect};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::sshd::{Person, Sshd, context};

async fn exec_on(sshd: &Sshd) -> RemoteExec {
    let session = connect(&sshd.target(), &context(), Person::silent())
        .await
        .unwrap();
    RemoteExec::new(session)
}

fn sh(script: &str) -> ShellCommand {
    ShellCommand::new("sh")
        .arg("-c")
        .word(ShellWord::new(script).unwrap())
}

#[tokio::test]
async fn a_command_runs_and_tells_how_it_ended() {
    let sshd = Sshd::start();
    let person = Person::silent();
    let session = connect(&sshd.target(), &context(), person.clone())
        .await
        .unwrap();
    assert_eq!(
        *person.steps.lock().unwrap(),
        [
            Step::Resolved,
            Step::Connected,
            Step::Greeted,
            Step::LoggedIn
        ]
    );
    assert!(person.questions().is_empty());
    let exec = RemoteExec::new(session.clone());
    let limits = RunLimits::default();
    let output = exec
        .run(&sh("echo out; echo err >&2; exit 7"), limits)
        .await
        .unwrap();
    assert_eq!(output.exit, Exit::Status(7));
    assert_eq!(&output.stdout[..], b"out\n");
    assert_eq!(&output.stderr[..], b"err\n");

    let output = exec.run(&sh("kill -TERM $$"), limits).await.unwrap();
    assert!(
        matches!(output.exit, Exit::Signal(ref s) if s == "TERM"),
        "{output:?}"
    );
    assert!(session.round_trip().await.unwrap() < Duration::from_secs(5));
}

#[tokio::test]
async fn output_over_the_limit_is_counted_and_a_slow_command_is_hung_up_on() {
    let sshd = Sshd::start();
    let exec = exec_on(&sshd).await;
    let limits = RunLimits {
        output: 1000,
        ..RunLimits::default()
    };
    let output = exec
        .run(&sh("head -c 100000 /dev/zero"), limits)
        .await
        .unwrap();
    assert_eq!((output.stdout.len(), output.dropped), (1000, 99_000));

    let limits = RunLimits {
        timeout: Duration::from_millis(50),
        ..RunLimits::default()
    };
    let error = exec.run(&sh("sleep 5"), limits).await.unwrap_err();
    assert_eq!(error.kind, ExecErrorKind::Timeout);
}

#[tokio::test]
async fn every_login_shell_reads_a_line_alike() {
    let sshd = Sshd::start();
    let exec = exec_on(&sshd).await;
    let nasty = [
        "",
        "a b",
        "it's",
        r"a\b",
        r"a\\'b",
        "$HOME",
        "`id`",
        "*",
        "~",
        "=ls",
        "a;b&c|d>e<f",
        "new\nline",
        "tab\there",
        "{a,b}",
        "(x)",
        "[x]",
        "!!",
        "%1",
        "#no",
        "ü€😀",
        "-n",
        "\\",
    ];
    for shell in [
        &["bash", "-c"][..],
        &["zsh", "-c"],
        &["dash", "-c"],
        &["fish", "-c"],
        &["busybox", "sh", "-c"],
    ] {
        let mut inner = ShellCommand::new("printf").arg("%s\\0");
        for word in nasty {
            inner = inner.word(ShellWord::new(word).unwrap());
        }
        let line = inner.render();
        let mut words = shell.iter().map(|w| ShellWord::new(*w).unwrap());
        let mut outer = ShellCommand::from_word(words.next().unwrap());
        for word in words {
            outer = outer.word(word);
        }
        let outer = outer.word(ShellWord::new(line).unwrap());
        let output = exec.run(&outer, RunLimits::default()).await.unwrap();
        let seen: Vec<&[u8]> = output.stdout.split(|b| *b == 0).collect();
        let wanted: Vec<&[u8]> = nasty
            .iter()
            .map(|w| w.as_bytes())
            .chain([&b""[..]])
            .collect();
        assert_eq!(seen, wanted, "{shell:?}: {output:?}");
    }
}

async fn line(stream: &mut LineStream) -> (Fd, Bytes, u64) {
    match stream.next().await {
        Some(StreamEvent::Line { fd, bytes, dropped }) => (fd, bytes, dropped),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_stream_gives_lines_and_takes_input() {
    let sshd = Sshd::start();
    let exec = exec_on(&sshd).await;
    let script =
        r"echo ready; while read -r l; do printf 'got %s\377\n' $l; done; printf tail; exit 3";
    let mut stream = exec.stream(&sh(script)).await.unwrap();
    assert_eq!(line(&mut stream).await.1, "ready");
    stream.send(Bytes::from_static(b"one\n")).await.unwrap();
    assert_eq!(&line(&mut stream).await.1[..], b"got one\xff");
    stream.send(Bytes::from_static(b"two\n")).await.unwrap();
    assert_eq!(&line(&mut stream).await.1[..], b"got two\xff");
}

#[tokio::test]
async fn a_stream_ends_with_the_exit_and_then_nothing() {
    let sshd = Sshd::start();
    let exec = exec_on(&sshd).await;
    let mut stream = exec
        .stream(&sh("echo e >&2; printf tail; exit 3"))
        .await
        .unwrap();
    let mut lines = [line(&mut stream).await, line(&mut stream).await];
    lines.sort_by_key(|(fd, _, _)| *fd == Fd::Err);
    assert_eq!(lines[0], (Fd::Out, Bytes::from_static(b"tail"), 0));
    assert_eq!(lines[1], (Fd::Err, Bytes::from_static(b"e"), 0));
    assert_eq!(
        stream.next().await,
        Some(StreamEvent::Exit(Exit::Status(3)))
    );
    assert_eq!(stream.next().await, None);
}

#[tokio::test]
async fn a_huge_line_costs_its_bound_and_a_count() {
    let sshd = Sshd::start();
    let exec = exec_on(&sshd).await;
    let script = "head -c 100000000 /dev/zero | tr '\\0' x; echo; echo next";
    let mut stream = exec.stream(&sh(script)).await.unwrap();
    let (_, bytes, dropped) = line(&mut stream).await;
    assert_eq!(bytes.len(), LineStream::LONGEST_LINE);
    assert_eq!(bytes.len() as u64 + dropped, 100_000_000);
    assert_eq!(line(&mut stream).await.1, "next");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unread_flood_stalls_no_other_channel() {
    let sshd = Sshd::start();
    let exec = exec_on(&sshd).await;
    let mut flood = exec.stream(&sh("exec yes 0123456789")).await.unwrap();
    for _ in 0..20 {
        let output = exec
            .run(&sh("echo hi"), RunLimits::default())
            .await
            .unwrap();
        assert_eq!(&output.stdout[..], b"hi\n");
    }
    let mut missed = 0;
    while missed == 0 {
        match flood.next().await.unwrap() {
            StreamEvent::Gap { lines } => missed += lines,
            StreamEvent::Line { bytes, .. } => assert_eq!(bytes, "0123456789"),
            other @ StreamEvent::Exit(_) => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn eleven_commands_run_side_by_side() {
    let sshd = Sshd::start();
    let exec = exec_on(&sshd).await;
    let mut streams = Vec::new();
    for _ in 0..11 {
        let mut stream = exec.stream(&sh("echo up; cat")).await.unwrap();
        assert_eq!(line(&mut stream).await.1, "up");
        streams.push(stream);
    }
    for stream in &mut streams {
        stream.send(Bytes::from_static(b"alive\n")).await.unwrap();
        assert_eq!(line(stream).await.1, "alive");
    }
}

#[tokio::test]
async fn more_commands_than_channels_wait_for_their_turn() {
    let sshd = Sshd::start();
    let exec = exec_on(&sshd).await;
    let limits = RunLimits {
        timeout: Duration::from_mins(1),
        ..RunLimits::default()
    };
    let command = sh("echo done");
    let runs = (0..40).map(|_| exec.run(&command, limits));
    for output in futures_util::future::join_all(runs).await {
        assert_eq!(&output.unwrap().stdout[..], b"done\n");
    }
}

#[tokio::test]
async fn commands_that_are_given_up_leave_their_place_to_the_next() {
    let sshd = Sshd::start();
    let exec = exec_on(&sshd).await;
    // More than the places of both connections together.
    for _ in 0..40 {
        let mut stream = exec.stream(&sh("echo begun; exec yes")).await.unwrap();
        assert_eq!(&line(&mut stream).await.1[..], b"begun");
    }
}

#[tokio::test]
async fn files_arrive_whole_with_their_mode() {
    let sshd = Sshd::start();
    let exec = exec_on(&sshd).await;
    for (name, size) in [("small file's", 10), ("large", 3_000_000)] {
        let place = sshd.path(name);
        let path = RemotePath::new(place.display().to_string()).unwrap();
        let content: Vec<u8> = (0..size).map(|n: usize| (n % 251) as u8).collect();
        exec.upload(&path, 0o640, Bytes::from(content.clone()))
            .await
            .unwrap();
        assert!(std::fs::read(&place).unwrap() == content, "{name}");
        let mode = std::os::unix::fs::PermissionsExt::mode(
            &std::fs::metadata(&place).unwrap().permissions(),
        );
        assert_eq!(mode & 0o777, 0o640);
    }
    let nowhere = RemotePath::new("/nowhere/at/all").unwrap();
    let error = exec
        .upload(&nowhere, 0o600, Bytes::from_static(b"x"))
        .await
        .unwrap_err();
    assert_eq!(error.kind, ExecErrorKind::Refused);
    assert!(error.hint.is_some(), "{error:?}");
}

#[tokio::test]
async fn sockets_on_the_host_open_both_ways() {
    let sshd = Sshd::start();
    let exec = exec_on(&sshd).await;
    let tcp = tokio::net::TcpListener::bind(("127.0.0.1", 0))
        .await
        .unwrap();
    let port = tcp.local_addr().unwrap().port();
    let path = sshd.path("socket");
    let unix = tokio::net::UnixListener::bind(&path).unwrap();
    let echo = async {
        let (mut a, _) = tcp.accept().await.unwrap();
        let (mut r, mut w) = a.split();
        tokio::io::copy(&mut r, &mut w).await.unwrap();
        drop(a);
        let (mut b, _) = unix.accept().await.unwrap();
        let (mut r, mut w) = b.split();
        tokio::io::copy(&mut r, &mut w).await.unwrap();
    };
    let sockets = [
        HostSocket::Tcp {
            host: "127.0.0.1".parse().unwrap(),
            port: port.try_into().unwrap(),
        },
        HostSocket::Unix(RemotePath::new(path.display().to_string()).unwrap()),
    ];
    let talk = async {
        for socket in &sockets {
            let mut io = exec.connect(socket).await.unwrap();
            let sent = vec![b'z'; 500_000];
            let (mut read, mut write) = tokio::io::split(&mut io);
            let sending = async {
                write.write_all(&sent).await.unwrap();
                write.shutdown().await.unwrap();
            };
            let mut back = Vec::new();
            let reading = read.read_to_end(&mut back);
            let ((), read) = tokio::join!(sending, reading);
            read.unwrap();
            assert!(back == sent, "{socket:?}: {} bytes back", back.len());
        }
    };
    tokio::join!(echo, talk);

    let nobody = HostSocket::Tcp {
        host: "127.0.0.1".parse().unwrap(),
        port: super::sshd::free_port().try_into().unwrap(),
    };
    let Err(error) = exec.connect(&nobody).await else {
        panic!("nobody listens there");
    };
    assert_eq!(error.kind, ExecErrorKind::NotFound);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_breaks_mid_stream_says_so() {
    let sshd = Sshd::start();
    let exec = exec_on(&sshd).await;
    let mut stream = exec
        .stream(&sh("echo $PPID; printf half; cat"))
        .await
        .unwrap();
    // Above the shell stands the login shell, or sshd itself where that one made room.
    let above = line(&mut stream).await.1;
    let above: i32 = std::str::from_utf8(&above).unwrap().parse().unwrap();
    kill(session_of(above));
    let error = exec.session().closed().await;
    assert_eq!(error.kind(), SshErrorKind::Lost, "{error:?}");
    let mut last = None;
    while let Some(event) = stream.next().await {
        last = Some(event);
    }
    assert_eq!(last, Some(StreamEvent::Exit(Exit::Unknown)));
    let error = exec
        .run(&sh("true"), RunLimits::default())
        .await
        .unwrap_err();
    assert_eq!(error.kind, ExecErrorKind::Lost);
}

/// The sshd process that serves the connection a process belongs to.
fn session_of(mut pid: i32) -> i32 {
    loop {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
        let (head, tail) = stat.rsplit_once(')').unwrap();
        if head.contains("(sshd") {
            return pid;
        }
        pid = tail.split_whitespace().nth(1).unwrap().parse().unwrap();
    }
}

fn kill(pid: i32) {
    let pid = rustix::process::Pid::from_raw(pid).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
}

#[tokio::test]
async fn rekeying_all_the_time_loses_no_byte() {
    let sshd = Sshd::with("RekeyLimit 64K");
    let exec = exec_on(&sshd).await;
    let limits = RunLimits {
        output: 10_000_000,
        timeout: Duration::from_mins(1),
    };
    let command = sh("seq 1 500000");
    let runs = (0..4).map(|_| exec.run(&command, limits));
    for output in futures_util::future::join_all(runs).await {
        let output = output.unwrap();
        assert_eq!(output.stdout.len(), 3_388_895);
        assert_eq!(output.dropped, 0);
        assert!(output.stdout.ends_with(b"\n499999\n500000\n"));
    }
}

#[tokio::test]
async fn a_server_with_one_session_still_takes_a_second_command() {
    let sshd = Sshd::with("MaxSessions 1");
    let exec = exec_on(&sshd).await;
    let stream = exec.stream(&sh("echo up; cat")).await.unwrap();
    for n in ["one", "two"] {
        let output = exec
            .run(&sh(&format!("echo {n}")), RunLimits::default())
            .await
            .unwrap();
        assert_eq!(output.stdout, format!("{n}\n"));
    }
    drop(stream);
}

#[tokio::test]
async fn a_host_that_runs_no_commands_of_ours_says_what_it_does_instead() {
    let rows = [
        (
            "MaxSessions 0",
            "opens no channel for a command",
            "MaxSessions",
        ),
        (
            "ForceCommand printf 'go \\033[31maway\\n\\n'; exit 3",
            "the host did not run our command: go",
            "ForceCommand",
        ),
        (
            "ForceCommand internal-sftp",
            "This service allows sftp connections only",
            "ForceCommand",
        ),
    ];
    for (line, words, mend) in rows {
        let sshd = Sshd::with(line);
        let exec = exec_on(&sshd).await;
        let settings = SamplerSettings {
            period: Duration::from_secs(1),
            gpu: GpuSourceChoice::Auto,
        };
        let error = Sampler::start(&exec, &settings).await.unwrap_err();
        assert!(!error.silent(), "{line}");
        let cause = std::error::Error::source(&error).map(ToString::to_string);
        let told = format!("{error} {}", cause.unwrap_or_default());
        assert!(told.contains(words), "{line}: {told}");
        assert!(!told.contains('\x1b'), "{told:?}");
        assert!(error.hint().unwrap().contains(mend), "{line}: {error:?}");
    }
}
