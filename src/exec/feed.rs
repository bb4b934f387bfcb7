//! A command that is given its standard input whole. What must not stand in an argument, because a host's users see those,
//! goes this way.

use bytes::Bytes;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::timeout;

use super::{Exec, ExecError, ExecErrorKind, RunLimits};
use crate::shell::ShellCommand;

/// Runs a command with this as its standard input and gives what it says on standard output, up to the limit. A byte stream
/// has no exit status: the command has to say by a last word that it came to its end.
pub async fn feed(
    exec: &dyn Exec,
    command: &ShellCommand,
    input: &[u8],
    limits: RunLimits,
) -> Result<Bytes, ExecError> {
    let work = async {
        let (mut from, mut to) = tokio::io::split(exec.pipe(command).await?);
        let give = async {
            // A command that ends early reads no more; what it says tells more than that.
            if let Err(error) = to.write_all(input).await {
                return tracing::debug!(%error, "a command did not read all of its input");
            }
            if let Err(error) = to.shutdown().await {
                tracing::debug!(%error, "the input of a command could not be ended");
            }
        };
        let take = async {
            let mut said = Vec::new();
            let most = u64::try_from(limits.output).unwrap_or(u64::MAX);
            let read = (&mut from).take(most).read_to_end(&mut said).await;
            read.map(|_| Bytes::from(said))
        };
        let ((), said) = tokio::join!(give, take);
        said.map_err(|error| {
            ExecError::new(ExecErrorKind::Lost, "the connection ended meanwhile").source(error)
        })
    };
    match timeout(limits.timeout, work).await {
        Ok(said) => said,
        Err(_) => {
            let what = format!(
                "the command did not end in {} s",
                limits.timeout.as_secs_f32()
            );
            Err(ExecError::new(ExecErrorKind::Timeout, what))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::exec::{LocalExec, SimExec, SimReply};
    use crate::tasks::Tasks;

    fn limits(timeout: Duration) -> RunLimits {
        RunLimits {
            timeout,
            output: 1024 * 1024,
        }
    }

    #[tokio::test]
    async fn a_command_reads_all_it_is_given_and_is_heard_to_its_end() {
        let here = LocalExec::new(Tasks::new());
        // More than any pipe between holds, in both directions.
        let much = vec![b'x'; 700_000];
        let cat = ShellCommand::new("cat");
        let said = feed(&here, &cat, &much, limits(Duration::from_secs(20)));
        assert_eq!(said.await.unwrap(), much);
        let deaf = ShellCommand::new("echo").arg("no");
        let said = feed(&here, &deaf, &much, limits(Duration::from_secs(20))).await;
        assert_eq!(said.unwrap(), "no\n");
        let slow = ShellCommand::new("sleep").arg("600");
        let late = feed(&here, &slow, b"", limits(Duration::from_millis(50))).await;
        assert_eq!(late.unwrap_err().kind, ExecErrorKind::Timeout);
    }

    #[tokio::test]
    async fn a_scripted_machine_notes_what_it_is_given() {
        let host = SimExec::new(Tasks::new()).on("tee", SimReply::Says(0, "taken\n"));
        let tee = ShellCommand::new("tee");
        let said = feed(&host, &tee, b"a\nb", limits(Duration::from_secs(5))).await;
        assert_eq!(said.unwrap(), "taken\n");
        assert_eq!(host.asked(), ["tee", "fed a\nb"]);
    }
}
