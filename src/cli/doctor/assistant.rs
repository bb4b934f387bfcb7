//! Whether Claude could be had in the breakglass pane: its program and whose login it would use. Asks nothing of its API; the
//! switch, the ladder and the runbooks need none of it.

use super::check::Check;
use crate::config::{Config, Environment};
use crate::engine::{AssistantTrouble, look_for_assistant};
use crate::exec::LocalExec;

/// Checks the program and the login.
pub(super) async fn checks(
    config: &Config,
    environment: &Environment,
    exec: &LocalExec,
) -> [Check; 2] {
    let found = look_for_assistant(&config.settings.assistant, environment, exec).await;
    [
        finding("assistant.program", found.program),
        finding("assistant.login", found.login),
    ]
}

/// Pilothouse works without it: a lack is a warning.
fn finding(id: &str, found: Result<String, AssistantTrouble>) -> Check {
    match found {
        Ok(what) => Check::pass(id, what),
        Err(trouble) => {
            let mend = trouble.hint.map_or_else(
                || "`assistant:` in the configuration says what is used".to_owned(),
                |hint| hint.to_string(),
            );
            Check::warn(id, trouble.sentence.to_string(), mend)
        }
    }
}
