//! Where a host's container engine listens: one script asks the host, and what it printed is read (pure).

use crate::domain::{HostName, Port};
use crate::exec::HostSocket;
use crate::shell::{EnvName, RemotePath, ShellCommand, ShellWord};
use crate::text::SafeText;

use super::error::{DockerError, DockerErrorKind};

/// Asks a host, in the order in which `docker` itself would look: `DOCKER_HOST`, the current context (the program is
/// only started where one is set), the known sockets of Docker and Podman, those of a login without root included.
/// Where the kernel tells who listens (`__SO_ACCEPTCON` in /proc/net/unix, whose paths are free of links), a socket is
/// `heard`; where it does not, the host is `deaf`. Its argument is put before every known path.
const LOOK: &str = r#"exec 2>/dev/null
root=$1
own="/run/user/$(id -u)"
run=${XDG_RUNTIME_DIR:-$own}
[ -r /proc/net/unix ] || echo deaf
for tool in docker podman; do
  if command -v $tool >/dev/null; then echo "tool $tool"; fi
done
named=$DOCKER_HOST
if [ -n "$named" ]; then
  echo "host $named"
elif command -v docker >/dev/null &&
  { [ -n "$DOCKER_CONTEXT" ] || grep -qs currentContext "${DOCKER_CONFIG:-$HOME/.docker}/config.json"; }; then
  named=$(docker context inspect --format '{{.Endpoints.docker.Host}}')
  [ -z "$named" ] || echo "context $named"
fi
[ -z "$DOCKER_TLS_VERIFY" ] || echo tls
look() {
  [ -S "$1" ] || return 0
  if [ -r "$1" ] && [ -w "$1" ]; then echo "open $1"; else echo "shut $1"; return 0; fi
  real=$(readlink -f "$1")
  while read -r _ _ _ flags _ _ _ path; do
    case $flags,$path in "00010000,$1" | "00010000,${real:-$1}") echo "heard $1"; break ;; esac
  done </proc/net/unix
}
case $named in
  '')
    for known in /var/run/docker.sock "$run/docker.sock" "$own/docker.sock" \
      /run/podman/podman.sock "$run/podman/podman.sock" "$own/podman/podman.sock"; do
      look "$root$known"
    done ;;
  unix://*) look "${named#unix://}" ;;
esac"#;

/// What was found on a host.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Found {
    /// An address that the host's own settings name, and which setting does.
    named: Option<(&'static str, String)>,
    /// The settings ask for TLS.
    tls: bool,
    /// `docker` and `podman`, those that are there.
    tools: Vec<Tool>,
    /// Sockets that are there, in the order of the search.
    sockets: Vec<Seen>,
    /// The kernel does not say who listens.
    deaf: bool,
}

/// A program of a container engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tool {
    Docker,
    Podman,
}

/// A socket that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Seen {
    path: RemotePath,
    use_: Use,
}

/// What can be done with a socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Use {
    /// We may not use it.
    Shut,
    /// We may; nothing shows that somebody listens.
    Open,
    /// We may, and somebody listens.
    Heard,
}

/// A socket to try, and what else leads there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Candidate {
    /// Where it listens.
    pub(super) socket: HostSocket,
    /// The same in words.
    pub(super) name: SafeText,
    /// Somebody listens there, as the host's kernel says.
    pub(super) heard: bool,
    /// Commands whose input and output are a connection to it, for where sockets can't be reached.
    pub(super) programs: Vec<ShellCommand>,
}

/// The command that looks for sockets below this folder.
pub(super) fn look_below(root: ShellWord) -> ShellCommand {
    ShellCommand::new("sh")
        .arg("-c")
        .arg(LOOK)
        .arg("pilothouse-containers")
        .word(root)
}

impl Found {
    /// Reads what the script printed; lines that it did not print are passed over.
    pub(super) fn read(printed: &[u8]) -> Self {
        let mut found = Self::default();
        for line in String::from_utf8_lossy(printed).lines() {
            let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
            match (word, rest) {
                ("deaf", "") => found.deaf = true,
                ("tls", "") => found.tls = true,
                ("tool", "docker") => found.tools.push(Tool::Docker),
                ("tool", "podman") => found.tools.push(Tool::Podman),
                ("host", address) => found.named = Some(("DOCKER_HOST", address.to_owned())),
                ("context", address) => {
                    found.named = Some(("the docker context", address.to_owned()));
                }
                ("open", path) => found.saw(path, Use::Open),
                ("shut", path) => found.saw(path, Use::Shut),
                ("heard", path) => found.saw(path, Use::Heard),
                _ => {}
            }
        }
        found
    }

    fn saw(&mut self, path: &str, use_: Use) {
        let Ok(path) = RemotePath::new(path) else {
            return;
        };
        match self.sockets.iter_mut().find(|seen| seen.path == path) {
            Some(seen) if use_ == Use::Heard => seen.use_ = use_,
            Some(_) => {}
            None => self.sockets.push(Seen { path, use_ }),
        }
    }

    /// The sockets to try, those that somebody listens on first; or why there is nothing to try.
    pub(super) fn candidates(&self) -> Result<Vec<Candidate>, DockerError> {
        if let Some((namer, address)) = &self.named
            && !address.starts_with("unix://")
        {
            return self.by_network(namer, address).map(|only| vec![only]);
        }
        let of = |wanted: Use| self.sockets.iter().filter(move |seen| seen.use_ == wanted);
        let usable: Vec<_> = of(Use::Heard)
            .chain(of(Use::Open))
            .map(|seen| self.candidate(seen))
            .collect();
        if !usable.is_empty() {
            return Ok(usable);
        }
        Err(match of(Use::Shut).next() {
            Some(seen) => no_permission(&SafeText::new(seen.path.as_str())),
            None => self.nothing(),
        })
    }

    fn candidate(&self, seen: &Seen) -> Candidate {
        // A socket that is known to be left over leads nowhere by other ways either.
        let worth_it = seen.use_ == Use::Heard || self.deaf;
        let programs = self.tools.iter().filter(|_| worth_it);
        Candidate {
            socket: HostSocket::Unix(seen.path.clone()),
            name: SafeText::new(seen.path.as_str()),
            heard: seen.use_ == Use::Heard,
            programs: programs.filter_map(|tool| tool.dials(&seen.path)).collect(),
        }
    }

    fn by_network(&self, namer: &str, address: &str) -> Result<Candidate, DockerError> {
        let shown = SafeText::new(address);
        let refused = |why: &str| {
            let what = format!("{namer} there names {shown}, {why}");
            DockerError::new(DockerErrorKind::Absent, what)
                .hint("name a socket of the host: DOCKER_HOST=unix:///var/run/docker.sock")
        };
        let endpoint = address
            .strip_prefix("tcp://")
            .ok_or_else(|| refused("and that is not reached from here"))?;
        if self.tls {
            return Err(refused("and asks for TLS, which is not spoken here"));
        }
        let (host, port) = endpoint
            .trim_end_matches('/')
            .rsplit_once(':')
            .unwrap_or((endpoint, "2375"));
        let host: Result<HostName, _> = host.trim_matches(['[', ']']).parse();
        match (host, port.parse::<Port>()) {
            (Ok(host), Ok(port)) => Ok(Candidate {
                socket: HostSocket::Tcp { host, port },
                name: shown,
                heard: false,
                programs: Vec::new(),
            }),
            _ => Err(refused("which is no address")),
        }
    }

    fn nothing(&self) -> DockerError {
        if let Some((namer, address)) = &self.named {
            let address = SafeText::new(address);
            let what = format!("{namer} there names {address}, and there is no such socket");
            return DockerError::new(DockerErrorKind::Absent, what)
                .hint("start the daemon, or take the setting back");
        }
        let (what, hint) = match self.tools.first() {
            Some(Tool::Docker) => (
                "docker is installed, and its daemon has no socket",
                "start it: sudo systemctl start docker",
            ),
            Some(Tool::Podman) => (
                "podman is installed, and its service has no socket",
                "start it: systemctl --user enable --now podman.socket",
            ),
            None => (
                "this host has no container engine",
                "install Docker Engine or Podman there",
            ),
        };
        DockerError::new(DockerErrorKind::Absent, what).hint(hint)
    }
}

impl Tool {
    /// The command that is a connection to this socket.
    fn dials(self, socket: &RemotePath) -> Option<ShellCommand> {
        let address = ShellWord::new(format!("unix://{socket}")).ok()?;
        Some(match self {
            Self::Docker => ShellCommand::new("docker")
                .arg("system")
                .arg("dial-stdio")
                .env(EnvName::new("DOCKER_HOST").ok()?, address),
            Self::Podman => ShellCommand::new("podman")
                .arg("--url")
                .word(address)
                .arg("system")
                .arg("dial-stdio"),
        })
    }
}

/// There is a socket, and it is kept from us.
pub(super) fn no_permission(socket: &SafeText) -> DockerError {
    DockerError::new(
        DockerErrorKind::NoPermission,
        format!("no permission for {socket}"),
    )
    .hint("add the login to the socket's group, often: sudo usermod -aG docker USER; then log in again")
}

#[cfg(test)]
mod tests {
    use tokio::net::UnixListener;

    use super::*;
    use crate::exec::{Exec as _, LocalExec, RunLimits};
    use crate::tasks::Tasks;

    fn tried(printed: &str) -> Result<Vec<String>, (DockerErrorKind, String)> {
        match Found::read(printed.as_bytes()).candidates() {
            Ok(all) => Ok(all
                .iter()
                .map(|one| {
                    let heard = if one.heard { " heard" } else { "" };
                    let programs: Vec<_> = one.programs.iter().map(ToString::to_string).collect();
                    format!("{}{heard} {}", one.name, programs.join("; "))
                })
                .collect()),
            Err(error) => Err((error.kind, error.what)),
        }
    }

    #[test]
    fn the_sockets_to_try_by_rows() {
        use DockerErrorKind::{Absent, NoPermission};
        let rows: &[(&str, &[&str])] = &[
            ("open /a\nopen /b\n", &["/a ", "/b "]),
            (
                "shut /a\nopen /b\nopen /c\nheard /c\n",
                &["/c heard ", "/b "],
            ),
            ("motd\ntool docker\nopen /a\n", &["/a "]),
            (
                "tool docker\ntool podman\nopen /a\nheard /a\n",
                &[
                    "/a heard env 'DOCKER_HOST=unix:///a' docker system dial-stdio; podman --url unix:///a system dial-stdio",
                ],
            ),
            (
                "deaf\ntool docker\nopen /a b\n",
                &["/a b env 'DOCKER_HOST=unix:///a b' docker system dial-stdio"],
            ),
            (
                "host tcp://127.0.0.1:2375\nopen /a\n",
                &["tcp://127.0.0.1:2375 "],
            ),
            ("host unix:///c\nopen /c\n", &["/c "]),
        ];
        for (printed, expected) in rows {
            assert_eq!(tried(printed).unwrap(), *expected, "{printed:?}");
        }
        let rows = [
            ("", Absent, "this host has no container engine"),
            (
                "open relative\n",
                Absent,
                "this host has no container engine",
            ),
            (
                "tool docker\n",
                Absent,
                "docker is installed, and its daemon has no socket",
            ),
            (
                "tool podman\n",
                Absent,
                "podman is installed, and its service has no socket",
            ),
            ("shut /a\nshut /b\n", NoPermission, "no permission for /a"),
            (
                "host unix:///x\n",
                Absent,
                "DOCKER_HOST there names unix:///x, and there is no such socket",
            ),
            (
                "host ssh://\u{1b}[31mme@far\n",
                Absent,
                "DOCKER_HOST there names ssh://me@far, and that is not reached from here",
            ),
            (
                "tls\ncontext tcp://far:2376\n",
                Absent,
                "the docker context there names tcp://far:2376, and asks for TLS, which is not spoken here",
            ),
            (
                "host tcp://:\n",
                Absent,
                "DOCKER_HOST there names tcp://:, which is no address",
            ),
        ];
        for (printed, kind, what) in rows {
            assert_eq!(
                tried(printed).unwrap_err(),
                (kind, what.into()),
                "{printed:?}"
            );
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
            assert!(
                output.exit.is_success() && output.stderr.is_empty(),
                "{output:?}"
            );
            let mut found = Found::read(&output.stdout);
            // Whatever this machine has of its own.
            found.named = None;
            found.tools.clear();
            found.sockets
        };
        let seen = |use_| {
            let path = RemotePath::new(&path).unwrap();
            vec![Seen { path, use_ }]
        };
        assert_eq!(looked().await, []);
        let listener = UnixListener::bind(&path).unwrap();
        assert_eq!(looked().await, seen(Use::Heard));
        drop(listener);
        assert_eq!(looked().await, seen(Use::Open));
        assert!(tasks.shutdown(std::time::Duration::from_secs(5)).await);
    }
}
