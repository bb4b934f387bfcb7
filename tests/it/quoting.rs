//! A rendered command, read by the login shells that hosts have, gives back exactly its argv.

use std::time::Duration;

use pilothouse::exec::{Exec as _, LocalExec, RunLimits};
use pilothouse::shell::{ShellCommand, ShellWord};
use pilothouse::tasks::Tasks;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

/// Login shells and how each is started with a line.
pub(crate) const SHELLS: [&[&str]; 5] = [
    &["bash", "-c"],
    &["zsh", "-c"],
    &["dash", "-c"],
    &["fish", "-c"],
    &["busybox", "sh", "-c"],
];

/// What a login shell does with a line, without its own start-up files.
pub(crate) fn by_login_shell(shell: &[&str], line: &str) -> ShellCommand {
    let word = |text: &str| ShellWord::new(text).unwrap();
    let (program, options) = shell.split_first().unwrap();
    options
        .iter()
        .fold(ShellCommand::from_word(word(program)), |command, option| {
            command.word(word(option))
        })
        .word(word(line))
}

fn words() -> impl Strategy<Value = Vec<String>> {
    let nasty = prop::sample::select(
        "'\"\\`$!*?[]{}()<>|&;#~^=%@,:+- \t\n\r\u{1b}\u{7f}é日\u{202e}\u{feff}aZ0/._"
            .chars()
            .collect::<Vec<_>>(),
    );
    let character = prop_oneof![4 => nasty, 1 => any::<char>().prop_filter("NUL", |c| *c != '\0')];
    let word = prop::collection::vec(character, 0..12).prop_map(String::from_iter);
    prop::collection::vec(word, 1..40)
}

#[test]
fn five_shells_give_back_the_argv() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let host = LocalExec::new(Tasks::new());
    let limits = RunLimits {
        timeout: Duration::from_mins(1),
        ..RunLimits::default()
    };
    let mut runner = TestRunner::new(Config::with_cases(24));
    runner
        .run(&words(), |words| {
            // `env` finds the printf that is a program: the shells' own ones differ.
            let command = words.iter().fold(
                ShellCommand::new("env").arg("printf").arg("%s\\0"),
                |command, word| command.word(ShellWord::new(word.clone()).unwrap()),
            );
            let mut wanted = words.join("\0").into_bytes();
            wanted.push(0);
            for shell in SHELLS {
                let line = by_login_shell(shell, &command.render());
                let output = runtime.block_on(host.run(&line, limits)).unwrap();
                prop_assert_eq!(&output.stdout[..], &wanted[..], "{:?}: {:?}", shell, output);
            }
            Ok(())
        })
        .unwrap();
}
