//! Who sits here: home, login name and agent, as ssh would take them.

use super::error::CliError;
use crate::config::{Environment, Paths};
use crate::domain::UserName;
use crate::ssh::Defaults;

/// The person as ssh sees them.
pub(super) fn person(environment: &Environment, paths: &Paths) -> Result<Defaults, CliError> {
    Ok(Defaults {
        home: paths.home().ok_or(CliError::Homeless)?.to_owned(),
        user: login_name(environment).ok_or(CliError::Nameless)?,
        agent: environment.path("SSH_AUTH_SOCK"),
    })
}

/// The account that this process runs as; where the system can't name it, what the shell says.
fn login_name(environment: &Environment) -> Option<UserName> {
    let accounts = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let number = rustix::process::getuid().as_raw();
    account(&accounts, number)
        .or_else(|| environment.text("USER")?.parse().ok())
        .or_else(|| environment.text("LOGNAME")?.parse().ok())
}

/// The name of an account in the text of `/etc/passwd`.
fn account(accounts: &str, number: u32) -> Option<UserName> {
    accounts.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        let of = fields.nth(1)?;
        (of == number.to_string()).then(|| name.parse().ok())?
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_is_found_by_its_number() {
        let accounts =
            "root:x:0:0:root:/root:/bin/sh\nbad line\nops:x:1000:1000::/home/ops:/bin/sh\n";
        assert_eq!(account(accounts, 1000), "ops".parse().ok());
        assert_eq!(account(accounts, 0), "root".parse().ok());
        assert_eq!(account(accounts, 7), None);
    }
}
