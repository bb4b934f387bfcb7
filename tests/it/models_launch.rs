//! What starts a model, read by real shells: the launcher of both ages, the shell of another node, the search for weights. Every
//! word arrives as it was written.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::Duration;

use pilothouse::domain::{Bytes, Cluster, ClusterNode, HostId, ModelKey, Place, Wall};
use pilothouse::exec::{Exec as _, LocalExec, RunLimits};
use pilothouse::models::{
    Catalog, Completeness, EngineKind, HostFolder, Knob, LauncherForm, ModelSource, Recipe,
    Weights, launch,
};
use pilothouse::shell::{EnvName, RemotePath, ShellCommand, ShellWord};
use pilothouse::tasks::Tasks;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use crate::quoting::{SHELLS, by_login_shell};

/// Prints its arguments, a NUL behind each.
const PRINTER: &str = "#!/bin/sh\nprintf '%s\\0' \"$@\"\n";

/// What the launcher does with `exec` and the words behind it, in its two ages.
const JOINED: &str = "#!/bin/bash\nwhile [ \"$1\" != exec ]; do shift; done\nshift\nPATH=\"$PWD:$PATH\" exec bash -c \"$*\"\n";
const ESCAPED: &str =
    "#!/bin/bash\nwhile [ \"$1\" != exec ]; do shift; done\nshift\nshift\nexec ./vllm \"$@\"\n";

fn program(folder: &Path, name: &str, text: &str) {
    let file = folder.join(name);
    fs::write(&file, text).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
}

fn recipe(key: &str) -> Recipe {
    Catalog::with_bundled(&[]).recipes[&ModelKey::new(key)]
        .as_ref()
        .clone()
}

fn pair() -> Place {
    let node = |host: &str, address: &str| ClusterNode {
        host: HostId::new(host),
        address: address.parse().unwrap(),
    };
    Place::Cluster(Cluster {
        name: "pair".into(),
        head: node("spark-1", "192.168.177.11"),
        workers: vec![node("spark-2", "192.168.177.12")],
        interface: None,
        devices: Vec::new(),
    })
}

fn weights(source: &ModelSource, folder: &Path) -> Weights {
    Weights {
        source: source.clone(),
        path: RemotePath::new(folder.to_str().unwrap()).unwrap(),
        size: Bytes(1),
        files: 1,
        changed: Wall::default(),
        completeness: Completeness::Complete,
        config: None,
    }
}

/// The words of one argument list, and what a shell made of the line.
fn printed(shell: &[&str], line: &str) -> (Vec<String>, String) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let host = LocalExec::new(Tasks::new());
    let limits = RunLimits {
        timeout: Duration::from_mins(1),
        ..RunLimits::default()
    };
    let output = runtime
        .block_on(host.run(&by_login_shell(shell, line), limits))
        .unwrap();
    let text = String::from_utf8(output.stdout.to_vec()).unwrap();
    let words = text.split_terminator('\0').map(str::to_owned).collect();
    (words, format!("{output:?}"))
}

fn nasty() -> impl Strategy<Value = Vec<String>> {
    let characters: Vec<char> = "'\"\\`$!*?[]{}()<>|&;#~^=%@,:+- é日aZ0/._"
        .chars()
        .collect();
    let word = prop::collection::vec(prop::sample::select(characters), 0..14)
        .prop_map(|chars| format!("--x={}", String::from_iter(chars)));
    prop::collection::vec(word, 1..12)
}

#[test]
fn both_ages_of_the_launcher_hand_every_word_on() {
    let folder = tempfile::tempdir().unwrap();
    program(folder.path(), "vllm", PRINTER);
    for (form, script) in [
        (LauncherForm::Joined, JOINED),
        (LauncherForm::Escaped, ESCAPED),
    ] {
        program(folder.path(), "launch-cluster.sh", script);
        let mut runner = TestRunner::new(Config::with_cases(12));
        runner
            .run(&nasty(), |args| {
                let mut recipe = recipe("qwen3.5-122b");
                recipe.engine = EngineKind::SparkLauncher {
                    folder: HostFolder::new(folder.path().to_str().unwrap()).unwrap(),
                    form,
                    image: None,
                    mods: Vec::new(),
                    ray: true,
                };
                recipe.args = args;
                let knobs = BTreeMap::from([("seed".to_owned(), Knob::Value("a 'b' $c".into()))]);
                let launch = launch(&recipe, &pair(), &knobs, None).unwrap();
                for shell in SHELLS {
                    let (words, seen) = printed(shell, &launch.command.render());
                    prop_assert_eq!(&words[..], &launch.engine[1..], "{:?}: {}", shell, seen);
                }
                Ok(())
            })
            .unwrap();
    }
}

#[test]
fn the_shell_of_another_node_hands_every_word_on() {
    let folder = tempfile::tempdir().unwrap();
    program(folder.path(), "docker", PRINTER);
    let path = format!("{}:/usr/bin:/bin", folder.path().display());
    let mut runner = TestRunner::new(Config::with_cases(12));
    runner
        .run(&nasty(), |args| {
            let mut recipe = recipe("qwen3.5-122b");
            recipe.engine = EngineKind::Vllm {
                image: "some/image:1".into(),
            };
            recipe.args = args;
            let on_disk = weights(&recipe.source, Path::new("/cache"));
            let launch = launch(&recipe, &pair(), &BTreeMap::new(), Some(&on_disk)).unwrap();
            let far = launch.before[0].argv().pop().unwrap();
            // What ssh hands to the login shell there.
            for shell in ["dash", "bash"] {
                let there = ShellCommand::new("sh")
                    .arg("-c")
                    .arg("exec \"$0\" -c \"$1\"")
                    .word(ShellWord::new(shell).unwrap())
                    .word(ShellWord::new(far.clone()).unwrap())
                    .env(
                        EnvName::new("PATH").unwrap(),
                        ShellWord::new(path.clone()).unwrap(),
                    );
                let (words, seen) = printed(&["sh", "-c"], &there.render());
                let kept = recipe.args.iter().all(|arg| words.contains(arg));
                prop_assert!(
                    kept && words.first().is_some_and(|word| word == "run"),
                    "{}",
                    seen
                );
            }
            Ok(())
        })
        .unwrap();
}

#[test]
fn the_weights_of_llama_are_found_in_their_folder() {
    let folder = tempfile::tempdir().unwrap();
    program(folder.path(), "llama-server", PRINTER);
    let mut recipe = recipe("qwen3-8b-gguf");
    recipe.engine = EngineKind::LlamaCpp {
        image: None,
        file: None,
    };
    let path = format!("{}:/usr/bin:/bin", folder.path().display());
    recipe.env.insert(EnvName::new("PATH").unwrap(), path);
    for (name, files, found) in [
        (
            "one",
            &["a b.gguf", "mmproj-x.gguf", "notes.txt"][..],
            Some("a b.gguf"),
        ),
        (
            "split",
            &[
                "m-00002-of-00003.gguf",
                "m-00001-of-00003.gguf",
                "m-00003-of-00003.gguf",
            ],
            Some("m-00001-of-00003.gguf"),
        ),
        ("two", &["a.gguf", "b.gguf"], None),
        ("none", &["a.bin"], None),
        ("-rf", &["$(id).gguf"], Some("$(id).gguf")),
    ] {
        let there = folder.path().join(name);
        fs::create_dir(&there).unwrap();
        for file in files {
            fs::write(there.join(file), "").unwrap();
        }
        let on_disk = weights(&recipe.source, &there);
        let place = Place::Solo(HostId::new("box"));
        let launch = launch(&recipe, &place, &BTreeMap::new(), Some(&on_disk)).unwrap();
        for shell in SHELLS {
            let (words, seen) = printed(shell, &launch.command.render());
            match found {
                Some(file) => {
                    let wanted = there.join(file).to_str().unwrap().to_owned();
                    assert_eq!(words.last(), Some(&wanted), "{seen}");
                    assert_eq!(
                        words[..4],
                        ["--host", "127.0.0.1", "--port", "8080"],
                        "{seen}"
                    );
                }
                None => {
                    assert!(words.is_empty(), "{seen}");
                    assert!(seen.contains(".gguf in"), "{seen}");
                }
            }
        }
    }
}
