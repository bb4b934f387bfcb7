//! Secrets that the config names: read when they are needed, from a file of the person's own, a command or the environment, and kept
//! nowhere.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::Duration;

use crate::config::{Environment, SecretSource};
use crate::domain::Secret;
use crate::engine::command::Refusal;
use crate::exec::{Exec, RunLimits};
use crate::shell::{ShellCommand, ShellWord};

/// Longer secrets are none.
const LONGEST: u64 = 16 * 1024;

/// How long a command may take to tell one.
const COMMAND: RunLimits = RunLimits {
    timeout: Duration::from_secs(30),
    output: 16 * 1024,
};

/// Reads a secret; `here` is this machine.
pub(in crate::engine) async fn read(
    source: &SecretSource,
    here: &dyn Exec,
) -> Result<Secret<String>, Refusal> {
    let text = match source {
        SecretSource::File(path) => file(path).await?,
        SecretSource::Command(argv) => command(argv, here).await?,
        SecretSource::Variable(name) => {
            let found = Environment::of_process().text(name);
            found.ok_or_else(|| refusal(format!("the variable {name} is not set"), "set it"))?
        }
    };
    let text = text.trim();
    if text.is_empty() {
        return Err(refusal(
            "the secret is empty".into(),
            "look at what the config names",
        ));
    }
    Ok(Secret::new(text.to_owned()))
}

async fn file(path: &Path) -> Result<String, Refusal> {
    let shown = path.display();
    let unread = |error: std::io::Error| {
        refusal(
            format!("{shown} can't be read: {error}"),
            "look at the file that the config names",
        )
    };
    let meta = tokio::fs::metadata(path).await.map_err(unread)?;
    if meta.permissions().mode() & 0o077 != 0 {
        return Err(refusal(
            format!("{shown} may be read by others"),
            "take their rights away: chmod 600",
        ));
    }
    if meta.len() > LONGEST {
        return Err(refusal(
            format!("{shown} is too long for a secret"),
            "look at the file that the config names",
        ));
    }
    tokio::fs::read_to_string(path).await.map_err(unread)
}

async fn command(argv: &[String], here: &dyn Exec) -> Result<String, Refusal> {
    let hint = "run the command that the config names by hand";
    let words: Result<Vec<ShellWord>, _> = argv.iter().map(ShellWord::new).collect();
    let mut words = words
        .map_err(|error| refusal(error.to_string(), hint))?
        .into_iter();
    let Some(program) = words.next() else {
        return Err(refusal("the command of a secret has no words".into(), hint));
    };
    let command = words.fold(ShellCommand::from_word(program), ShellCommand::word);
    let output = here.run(&command, COMMAND).await;
    let output = output.map_err(|error| refusal(error.to_string(), hint))?;
    if !output.exit.is_success() {
        let what = format!("the command of a secret ended with {:?}", output.exit);
        return Err(refusal(what, hint));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

fn refusal(why: String, hint: &str) -> Refusal {
    Refusal {
        why,
        hint: Some(hint.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exec::LocalExec;
    use crate::tasks::Tasks;

    #[tokio::test]
    async fn a_secret_is_read_from_where_the_config_says_and_never_told() {
        let tasks = Tasks::new();
        let here = LocalExec::new(tasks.clone());
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        std::fs::write(&path, "hf_abc\n").unwrap();
        let at = |mode| std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode));
        at(0o644).unwrap();
        let source = SecretSource::File(path.clone());
        let error = read(&source, &here).await.unwrap_err();
        assert!(error.why.contains("may be read by others"), "{error:?}");
        at(0o600).unwrap();
        assert_eq!(read(&source, &here).await.unwrap().expose(), "hf_abc");
        let words = |line: &str| line.split(' ').map(str::to_owned).collect();
        let source = SecretSource::Command(words("printf x%s y"));
        assert_eq!(read(&source, &here).await.unwrap().expose(), "xy");
        for bad in ["false", "printf ", "/nowhere/at/all"] {
            let source = SecretSource::Command(words(bad));
            assert!(read(&source, &here).await.is_err(), "{bad}");
        }
        let source = SecretSource::Variable("PILOTHOUSE_NO_SUCH_VARIABLE".into());
        assert!(read(&source, &here).await.is_err());
        assert!(tasks.shutdown(Duration::from_secs(5)).await);
    }
}
