//! The container rung, tried by hand: is there a daemon's socket, may we use it, does it answer a ping. Docker and Podman
//! speak alike here.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::timeout;

use super::ladder::Finding;
use crate::exec::{Exec, ExecError, ExecErrorKind, HostSocket, RunLimits};
use crate::shell::{RemotePath, ShellCommand, ShellWord};
use crate::text::SafeText;

/// Longest wait for a daemon on its own machine.
const PATIENCE: Duration = Duration::from_secs(5);

/// Rounds without a socket before it is looked for again.
const LOOK_AGAIN: u32 = 10;

/// The sockets that Docker and Podman listen on, those of a login without root included. Where the kernel tells who
/// listens (`__SO_ACCEPTCON` in /proc/net/unix; it may know the folder by another name), a socket is `heard`.
/// Its argument is put before every path.
const LOOK: &str = r#"run="/run/user/$(id -u)"
for socket in /var/run/docker.sock "$run/docker.sock" /run/podman/podman.sock "$run/podman/podman.sock"; do
  socket=$1$socket
  [ -S "$socket" ] || continue
  if [ -r "$socket" ] && [ -w "$socket" ]; then echo "open $socket"; else echo "shut $socket"; continue; fi
  while read -r _ _ _ flags _ _ _ path; do
    case $flags,$path in 00010000,*"${socket#/var}") echo "heard $socket"; break ;; esac
  done </proc/net/unix
done 2>/dev/null"#;

/// Tries the container rung of one host, round by round; remembers where the daemon listens.
#[derive(Debug, Default)]
pub struct ContainerProbe {
    known: Known,
}

/// What is known of the daemon's socket.
#[derive(Debug, Default)]
enum Known {
    /// Nobody has looked.
    #[default]
    Nothing,
    /// Here, and we may use it.
    Open(RemotePath),
    /// There was none so many rounds ago.
    None(u32),
}

impl ContainerProbe {
    /// Tries the rung once.
    pub async fn probe(&mut self, exec: &dyn Exec) -> Finding {
        if let Known::None(rounds) = &mut self.known
            && *rounds < LOOK_AGAIN
        {
            *rounds += 1;
            return Finding::NotApplicable;
        }
        if let Known::Open(socket) = &self.known {
            let finding = ping(exec, socket, false).await;
            if finding == Finding::Holds {
                return finding;
            }
        }
        // What failed may have moved, stopped, or been forbidden: look before saying which.
        self.look(exec).await
    }

    async fn look(&mut self, exec: &dyn Exec) -> Finding {
        self.known = Known::Nothing;
        let command = look_below(ShellWord::literal(""));
        let limits = RunLimits {
            timeout: PATIENCE,
            output: 4096,
        };
        let sockets = match exec.run(&command, limits).await {
            Ok(output) => sockets(&output.stdout),
            Err(error) => return fails(error.kind == ExecErrorKind::Timeout, &error.what, None),
        };
        match sockets {
            Sockets::Open { socket, heard } => {
                let finding = ping(exec, &socket, heard).await;
                self.known = Known::Open(socket);
                finding
            }
            Sockets::Shut(socket) => fails(
                false,
                &format!("no permission for {socket}"),
                Some("add the login to the socket's group, often: sudo usermod -aG docker USER"),
            ),
            Sockets::None => {
                self.known = Known::None(0);
                Finding::NotApplicable
            }
        }
    }
}

/// Looks for sockets below this folder.
fn look_below(root: ShellWord) -> ShellCommand {
    ShellCommand::new("sh")
        .arg("-c")
        .arg(LOOK)
        .arg("pilothouse-containers")
        .word(root)
}

/// What looking for sockets gave.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Sockets {
    Open {
        socket: RemotePath,
        /// Somebody listens on it, as the host's kernel says.
        heard: bool,
    },
    Shut(RemotePath),
    None,
}

/// Reads what [`LOOK`] printed: the first that we may use, else the first that is there.
fn sockets(printed: &[u8]) -> Sockets {
    let printed = String::from_utf8_lossy(printed);
    let named = |word: &str| {
        printed
            .lines()
            .filter_map(|line| line.strip_prefix(word)?.strip_prefix(' '))
            .find_map(|path| RemotePath::new(path).ok())
    };
    match (named("open"), named("shut")) {
        (Some(socket), _) => Sockets::Open {
            heard: printed
                .lines()
                .any(|line| line == format!("heard {socket}")),
            socket,
        },
        (None, Some(socket)) => Sockets::Shut(socket),
        (None, None) => Sockets::None,
    }
}

/// Asks the daemon for its `/_ping`, the one request that costs it nothing.
async fn ping(exec: &dyn Exec, socket: &RemotePath, heard: bool) -> Finding {
    let socket_of_host = HostSocket::Unix(socket.clone());
    match timeout(PATIENCE, ask(exec, &socket_of_host)).await {
        Err(_) => fails(
            true,
            &format!("{socket} takes the connection and says nothing"),
            Some("restart the daemon: sudo systemctl restart docker"),
        ),
        Ok(Ok(status)) if status.contains(" 200") => Finding::Holds,
        Ok(Ok(status)) => fails(false, &format!("{socket} answers: {status}"), None),
        // An sshd says the same of a socket that nobody listens on and of one that it keeps from us.
        Ok(Err(Unasked::NotOpened(_))) if heard => fails(
            false,
            &format!("the host's sshd does not let us reach {socket}"),
            Some("set AllowStreamLocalForwarding to yes or local in its sshd_config"),
        ),
        Ok(Err(Unasked::NotOpened(error))) => fails(
            false,
            &format!("{socket}: {}", error.what),
            Some("is the daemon running? sudo systemctl start docker"),
        ),
        Ok(Err(Unasked::Broken(error))) => fails(false, &format!("{socket}: {error}"), None),
    }
}

/// Why a daemon gave no answer.
enum Unasked {
    /// The socket did not open.
    NotOpened(ExecError),
    /// It opened and broke.
    Broken(io::Error),
}

/// The first line of the answer.
async fn ask(exec: &dyn Exec, socket: &HostSocket) -> Result<String, Unasked> {
    let mut io = exec.connect(socket).await.map_err(Unasked::NotOpened)?;
    io.write_all(b"GET /_ping HTTP/1.1\r\nHost: docker\r\nConnection: close\r\n\r\n")
        .await
        .map_err(Unasked::Broken)?;
    let mut answer = [0; 256];
    let mut filled = 0;
    while let Some(room) = answer.get_mut(filled..).filter(|room| !room.is_empty()) {
        let read = io.read(room).await.map_err(Unasked::Broken)?;
        let ended = room.iter().take(read).any(|byte| *byte == b'\n');
        filled += read;
        if ended || read == 0 {
            break;
        }
    }
    let answer = String::from_utf8_lossy(answer.get(..filled).unwrap_or_default());
    let line = answer.lines().next().unwrap_or_default();
    Ok(SafeText::new(line).to_string())
}

fn fails(silent: bool, why: &str, hint: Option<&str>) -> Finding {
    Finding::Fails {
        silent,
        why: why.into(),
        hint: hint.map(Into::into),
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::UnixListener;

    use super::*;
    use crate::exec::{LocalExec, SimExec, SimReply};
    use crate::tasks::Tasks;

    #[test]
    fn the_first_socket_that_we_may_use_is_taken() {
        let path = |text: &str| RemotePath::new(text).unwrap();
        let open = |text: &str, heard| Sockets::Open {
            socket: path(text),
            heard,
        };
        let rows = [
            ("", Sockets::None),
            ("motd\nopenly said\n", Sockets::None),
            ("shut /a\nopen /b\nopen /c\nheard /c\n", open("/b", false)),
            ("open /b\nheard /b\nopen /c\n", open("/b", true)),
            ("shut /a\nshut /b\n", Sockets::Shut(path("/a"))),
            ("open relative\n", Sockets::None),
        ];
        for (printed, found) in rows {
            assert_eq!(sockets(printed.as_bytes()), found, "{printed:?}");
        }
    }

    #[tokio::test]
    async fn a_socket_that_somebody_listens_on_is_told_from_one_that_was_left() {
        let (folder, tasks) = (tempfile::tempdir().unwrap(), Tasks::new());
        let exec = LocalExec::new(tasks.clone());
        let root = folder.path().to_str().unwrap();
        let path = format!("{root}/var/run/docker.sock");
        std::fs::create_dir_all(format!("{root}/var/run")).unwrap();
        let looked = async || {
            let command = look_below(ShellWord::new(root).unwrap());
            let output = exec.run(&command, RunLimits::default()).await.unwrap();
            assert!(output.exit.is_success() && output.stderr.is_empty());
            sockets(&output.stdout)
        };
        assert_eq!(looked().await, Sockets::None);
        let listener = UnixListener::bind(&path).unwrap();
        let found = |heard| Sockets::Open {
            socket: RemotePath::new(&path).unwrap(),
            heard,
        };
        assert_eq!(looked().await, found(true));
        drop(listener);
        assert_eq!(looked().await, found(false));
        assert!(tasks.shutdown(Duration::from_secs(5)).await);
    }

    /// A daemon that answers every connection with these bytes.
    async fn answered(answer: &'static [u8]) -> Finding {
        let (folder, tasks) = (tempfile::tempdir().unwrap(), Tasks::new());
        let path = folder.path().join("docker.sock");
        let listener = UnixListener::bind(&path).unwrap();
        tasks.spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut asked = [0; 1024];
                let read = stream.read(&mut asked).await.unwrap();
                assert!(asked[..read].starts_with(b"GET /_ping HTTP/1.1\r\n"));
                stream.write_all(answer).await.unwrap();
            }
        });
        let exec = LocalExec::new(tasks.clone());
        let socket = RemotePath::new(path.to_str().unwrap()).unwrap();
        let finding = ping(&exec, &socket, true).await;
        assert!(tasks.shutdown(Duration::from_secs(5)).await);
        finding
    }

    #[tokio::test]
    async fn a_daemon_is_there_when_it_answers_its_ping() {
        let ok = answered(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK").await;
        assert_eq!(ok, Finding::Holds);
        for odd in [&b"HTTP/1.1 500 \x1b[31mno\r\n\r\n"[..], b"", &[b'x'; 4096]] {
            match answered(odd).await {
                Finding::Fails { silent, why, .. } => {
                    assert!(!silent && !why.as_str().contains('\x1b'), "{why}");
                }
                other => panic!("{other:?}"),
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn absence_is_no_failure_and_is_not_looked_at_every_time() {
        let tasks = Tasks::new();
        let host = SimExec::new(tasks.clone()).on("docker.sock", SimReply::Says(0, ""));
        let mut probe = ContainerProbe::default();
        for _ in 0..=LOOK_AGAIN {
            assert_eq!(probe.probe(&host).await, Finding::NotApplicable);
        }
        assert_eq!(host.asked().len(), 1);
        probe.probe(&host).await;
        assert_eq!(host.asked().len(), 2);
        assert!(tasks.shutdown(Duration::from_secs(5)).await);
    }

    #[tokio::test(start_paused = true)]
    async fn a_shut_socket_and_a_hung_host_are_words() {
        let tasks = Tasks::new();
        let rows = [
            (
                SimReply::Says(0, "shut /var/run/docker.sock\n"),
                "no permission for /var/run/docker.sock",
            ),
            (SimReply::Silent, "it took too long"),
            (
                SimReply::Says(0, "open /var/run/docker.sock\n"),
                "/var/run/docker.sock: nothing listens on a scripted machine",
            ),
            (
                SimReply::Says(0, "open /run/docker.sock\nheard /run/docker.sock\n"),
                "the host's sshd does not let us reach /run/docker.sock",
            ),
        ];
        for (reply, words) in rows {
            let host = SimExec::new(tasks.clone()).on("docker.sock", reply);
            match ContainerProbe::default().probe(&host).await {
                Finding::Fails { why, .. } => assert_eq!(why.as_str(), words),
                other => panic!("{words}: {other:?}"),
            }
        }
        assert!(tasks.shutdown(Duration::from_secs(5)).await);
    }
}
