//! Who sits here: home, login name and agent, as ssh would take them.

use std::net::IpAddr;

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

/// Where the person sits: the far end of their own SSH connection, and the terminal.
pub(super) fn seat(environment: &Environment) -> String {
    let terminal = rustix::termios::ttyname(std::io::stdin(), Vec::new());
    let terminal = terminal
        .as_ref()
        .map_or("no terminal".into(), |name| name.to_string_lossy());
    match far_end(environment) {
        Some(address) => format!("ssh from {address}, {terminal}"),
        None => terminal.into_owned(),
    }
}

/// `SSH_CONNECTION` begins with the client's address and port. What is no address is not taken for one.
fn far_end(environment: &Environment) -> Option<IpAddr> {
    let connection = environment.text("SSH_CONNECTION")?;
    connection.split(' ').next()?.parse().ok()
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
    fn the_far_end_is_an_address_or_nothing() {
        let far_end = |text: &str| far_end(&[("SSH_CONNECTION", text)].into_iter().collect());
        let address = |text: &str| text.parse::<IpAddr>().ok();
        assert_eq!(far_end("10.0.0.5 50122 10.0.0.1 22"), address("10.0.0.5"));
        assert_eq!(far_end("fe80::1 50122 fe80::2 22"), address("fe80::1"));
        assert_eq!(far_end("nobody else"), None);
        assert_eq!(far_end(""), None);
    }

    #[test]
    fn an_account_is_found_by_its_number() {
        let accounts =
            "root:x:0:0:root:/root:/bin/sh\nbad line\nops:x:1000:1000::/home/ops:/bin/sh\n";
        assert_eq!(account(accounts, 1000), "ops".parse().ok());
        assert_eq!(account(accounts, 0), "root".parse().ok());
        assert_eq!(account(accounts, 7), None);
    }
}
