//! Our reading of known_hosts against OpenSSH's own client, file by file, on a real sshd: nothing that it refuses may be
//! accepted or even asked about here, and wherever we are stricter stands in a list.
#![allow(
    clippy::disallowed_methods,
    reason = "a test runs the other side of the comparison itself"
)]

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Mutex;

use pilothouse::ssh::{SshErrorKind, SshTarget, connect};

use super::sshd::{Person, Sshd, arg, context, keygen, prepare};

/// One known_hosts file. In its text stand: `{N}` the name, `{B}` the bare host, `{K}` the server's ed25519 key, `{P}` its
/// ecdsa key where it has one, `{O}` another ed25519 key, `{R}` an RSA key; `{HK}` and `{HO}` hashed lines for the name.
struct Case {
    label: String,
    user: Vec<u8>,
    global: Vec<u8>,
    alias: bool,
}

/// Files that OpenSSH accepts (or would learn from) and we refuse (or would ask about), each with its reason.
const STRICTER_LINES: [(&str, &str); 4] = [
    (
        "revoked for the bare host",
        "OpenSSH looks at the name with its port only and learns the key",
    ),
    (
        "revoked, wrong type word",
        "OpenSSH skips the line and the revocation is lost",
    ),
    (
        "tab after @revoked",
        "OpenSSH takes the line for a bad one and the revocation is lost",
    ),
    (
        "type right, key cut short",
        "OpenSSH skips a key that it can't parse; we compare its bytes",
    ),
];
const STRICTER_NAMES: [(&str, &str); 2] = [
    (
        "@revoked !{N},* same",
        "the bare host is not excluded, and a revocation of it counts for all its ports",
    ),
    (
        "@revoked *,!{N} same",
        "the bare host is not excluded, and a revocation of it counts for all its ports",
    ),
];

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Outcome {
    Refused,
    /// Learnt by accept-new there, asked about here.
    New,
    Known,
}

#[test]
fn every_marker_with_every_name_and_key() {
    let cases = generated();
    assert!(cases.len() >= 60, "{} cases", cases.len());
    let stricter = compare_all(&Sshd::start(), cases);
    assert_eq!(stricter, STRICTER_NAMES.map(|(label, _)| label));
}

#[test]
fn lines_that_are_written_in_odd_ways() {
    let stricter = compare_all(&Sshd::start(), shapes());
    assert_eq!(stricter, STRICTER_LINES.map(|(label, _)| label));
}

#[test]
fn a_server_with_many_keys_is_asked_for_the_one_we_know() {
    let stricter = compare_all(&many_keys(), algorithms());
    assert_eq!(stricter, [""; 0]);
}

/// Compares case by case; fails where OpenSSH is stricter, and hands out where we are, sorted.
fn compare_all(sshd: &Sshd, cases: Vec<Case>) -> Vec<String> {
    let faults = Mutex::new(String::new());
    let stricter = Mutex::new(Vec::new());
    let cases = Mutex::new(cases);
    let work = || {
        loop {
            let Some(case) = cases.lock().unwrap().pop() else {
                break;
            };
            let (theirs, ours) = compare(sshd, &case);
            if ours > theirs {
                let words = format!("{}: OpenSSH {theirs:?}, we {ours:?}\n", case.label);
                *faults.lock().unwrap() += &words;
            } else if ours < theirs {
                stricter.lock().unwrap().push(case.label);
            }
        }
    };
    std::thread::scope(|scope| {
        scope.spawn(work);
        scope.spawn(work);
    });
    let faults = faults.into_inner().unwrap();
    assert!(faults.is_empty(), "less strict than OpenSSH:\n{faults}");
    let mut stricter = stricter.into_inner().unwrap();
    stricter.sort();
    stricter
}

/// A server with keys of three algorithms.
fn many_keys() -> Sshd {
    let folder = tempfile::tempdir().unwrap();
    prepare(folder.path());
    let at = |name: &str| arg(&folder.path().join(name));
    keygen(&["-t", "ecdsa", "-b", "256", "-f", &at("host_ecdsa")]);
    keygen(&["-t", "rsa", "-b", "2048", "-f", &at("host_rsa")]);
    Sshd::in_folder(folder, "HostKey {}/host_ecdsa\nHostKey {}/host_rsa")
}

fn case(label: &str, user: &str) -> Case {
    Case {
        label: label.to_owned(),
        user: user.as_bytes().to_vec(),
        global: Vec::new(),
        alias: false,
    }
}

/// Every marker with every way to name a host with every key.
fn generated() -> Vec<Case> {
    let markers = ["", "@revoked ", "@cert-authority "];
    let hosts = [
        "{N}",
        "[127.0.0.1]:*",
        "[127.0.0.?]*",
        "!{N},*",
        "*,!{N}",
        "!other,*",
        "other,{N}",
        "other",
        "{B}",
        "[127.0.0.1]:1",
    ];
    let keys = [("same", "{K}"), ("other", "{O}"), ("rsa", "{R}")];
    let mut cases = Vec::new();
    for marker in markers {
        for host in hosts {
            for (word, key) in keys {
                // These are in the list of differences, under their own names.
                if (marker, host, word) == ("@revoked ", "{B}", "same") {
                    continue;
                }
                let line = format!("{marker}{host} {key}\n");
                cases.push(case(&format!("{marker}{host} {word}"), &line));
            }
        }
    }
    for (label, text) in [
        ("alias same", "spark {K}\n"),
        ("alias other", "spark {O}\n"),
        ("alias wildcard other", "sp* {O}\n"),
        ("alias upper case", "SPARK {O}\n"),
        ("alias unknown", "{N} {O}\n"),
        ("alias revoked", "spark {K}\n@revoked * {K}\n"),
        ("alias hashed same", "{HK}"),
        ("alias hashed other", "{HO}"),
    ] {
        cases.push(Case {
            alias: true,
            ..case(label, text)
        });
    }
    cases
}

/// Lines that are written in odd ways.
fn shapes() -> Vec<Case> {
    let mut cases: Vec<Case> = [
        ("empty", ""),
        ("no newline", "{N} {O}"),
        ("comment", "# {N} {O}\n"),
        ("comment after blanks", "  # {N} {O}\n"),
        ("tabs", "{N}\t{OT}\n"),
        ("leading blanks", " \t {N} {O}\n"),
        ("two blanks", "{N}  {O}\n"),
        ("carriage return", "{N} {O}\r\n"),
        ("carriage return, same", "{N} {K}\r\n"),
        ("carriage return alone", "\r\n{N} {O}\r\n"),
        ("comment behind the key", "{N} {O} me@here\n"),
        ("tab behind the key", "{N} {O}\tme@here\n"),
        ("broken line, then other", "{N} ssh-ed25519\n{N} {O}\n"),
        ("broken line, then same", "{N} ssh-ed25519\n{N} {K}\n"),
        ("broken line alone", "{N} ssh-ed25519\n"),
        ("name alone", "{N}\n"),
        ("bad base64", "{N} ssh-ed25519 AAAA!!!!\n"),
        (
            "unpadded base64",
            "{N} ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI\n",
        ),
        (
            "type right, key cut short",
            "{N} ssh-ed25519 AAAAC3NzaC1lZDI1NTE5\n",
        ),
        ("wrong type word, other", "{N} ssh-rsa {OB}\n"),
        ("wrong type word, same", "{N} ssh-rsa {KB}\n"),
        ("unknown type word, same", "{N} ssh-new {KB}\n"),
        ("rsa by its signature's name", "{N} rsa-sha2-512 {RB}\n"),
        ("hash comment in key", "{N} #{O}\n"),
        ("unknown marker", "@trusted {N} {O}\n"),
        ("marker cut short", "@revoke {N} {K}\n"),
        ("two markers", "@revoked @revoked {N} {K}\n"),
        ("marker without blank", "@revoked{N} {K}\n"),
        ("tab after @revoked", "@revoked\t{N} {K}\n"),
        ("tabs only after @revoked", "@revoked\t{N}\t{KT}\n"),
        ("two blanks after @revoked", "@revoked  {N} {K}\n"),
        ("blanks before @revoked", "  @revoked {N} {K}\n"),
        ("revoked, then same", "@revoked {N} {K}\n{N} {K}\n"),
        ("same, then revoked", "{N} {K}\n@revoked {N} {K}\n"),
        ("other revoked, same known", "{N} {K}\n@revoked {N} {O}\n"),
        ("other revoked, none known", "@revoked {N} {O}\n"),
        ("revoked for the bare host", "@revoked {B} {K}\n"),
        ("revoked, wrong type word", "@revoked {N} ssh-rsa {KB}\n"),
        ("revoked with carriage return", "@revoked {N} {K}\r\n"),
        ("same and other", "{N} {K}\n{N} {O}\n"),
        ("other and same", "{N} {O}\n{N} {K}\n"),
        ("other algorithm and same", "{N} {R}\n{N} {K}\n"),
        ("bare same, port other", "{B} {K}\n{N} {O}\n"),
        ("bare other, port same", "{B} {O}\n{N} {K}\n"),
        ("hashed same", "{HK}"),
        ("hashed other", "{HO}"),
        ("hashed other, same", "{HO}{N} {K}\n"),
        ("revoked by hash", "@revoked {HK}"),
        ("bad hash", "|1|AAAA|BBBB {O}\n"),
        ("unknown hash", "|2|AAAA|BBBB {O}\n"),
        ("pattern too long", "{LONG},{N} {O}\n"),
        ("long pattern after", "{N},{LONG} {O}\n"),
        ("empty pattern", ",{N} {O}\n"),
        ("bang alone", "!,{N} {O}\n"),
        ("nul in the line", "{N} {O}\0\n"),
        ("nul before the name", "\0{N} {O}\n"),
        ("nul in the key", "{N} ssh-ed25519 \0{KB}\n"),
        ("form feed", "\x0c{N} {O}\n"),
        ("no utf-8 nearby", "\u{fffd} x y\n{N} {O}\n"),
    ]
    .into_iter()
    .map(|(label, text)| case(label, text))
    .collect();
    for (label, user, global) in [
        ("two files: unknown, other", "", "{N} {O}\n"),
        ("two files: same, other", "{N} {K}\n", "{N} {O}\n"),
        ("two files: other, same", "{N} {O}\n", "{N} {K}\n"),
        ("two files: same, revoked", "{N} {K}\n", "@revoked * {K}\n"),
        ("two files: revoked, same", "@revoked * {K}\n", "{N} {K}\n"),
        ("two files: unknown, same", "", "{N} {K}\n"),
    ] {
        cases.push(Case {
            global: global.as_bytes().to_vec(),
            ..case(label, user)
        });
    }
    let mut latin = case("invalid utf-8", "");
    latin.user = b"caf\xe9 ssh-rsa AAAA\n{N} {O}\n".to_vec();
    cases.push(latin);
    cases
}

/// Against a server with several keys: which one it is asked for decides.
fn algorithms() -> Vec<Case> {
    [
        ("many keys, none known", ""),
        ("many keys, ed25519 known", "{N} {K}\n"),
        ("many keys, ecdsa known", "{N} {P}\n"),
        ("many keys, ecdsa and other ed25519", "{N} {O}\n{N} {P}\n"),
        ("many keys, other rsa", "{N} {R}\n"),
        ("many keys, ecdsa by wildcard", "[127.*]:* {P}\n"),
        (
            "many keys, ecdsa revoked, ed25519 known",
            "@revoked * {P}\n{N} {K}\n",
        ),
        ("many keys, ecdsa for the bare host", "{B} {P}\n"),
        (
            "many keys, an authority too",
            "@cert-authority * {O}\n{N} {K}\n",
        ),
    ]
    .into_iter()
    .map(|(label, text)| case(label, text))
    .collect()
}

fn compare(sshd: &Sshd, case: &Case) -> (Outcome, Outcome) {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let filled = |text: &[u8]| fill(text, sshd, case.alias, folder.path());
    let (user, global) = (filled(&case.user), filled(&case.global));
    fs::write(at("global"), &global).unwrap();
    let accepts = |policy: &str| {
        fs::write(at(policy), &user).unwrap();
        openssh_accepts(sshd, case.alias, policy, &at(policy), &at("global"))
    };
    // What `accept-new` refuses, `yes` refuses too.
    let theirs = match (accepts("accept-new"), || accepts("yes")) {
        (false, _) => Outcome::Refused,
        (true, yes) if yes() => Outcome::Known,
        (true, _) => Outcome::New,
    };
    fs::write(at("ours"), &user).unwrap();
    let mut target = sshd.stranger();
    target.identities = Vec::new();
    target.known_hosts = vec![at("ours")];
    target.global_known_hosts = vec![at("global")];
    target.host_key_alias = case.alias.then(|| "spark".parse().unwrap());
    (theirs, our_outcome(&target))
}

fn our_outcome(target: &SshTarget) -> Outcome {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let person = Person::silent();
    let connected = runtime.block_on(connect(target, &context(), person.clone()));
    match connected {
        Ok(_) => panic!("there was no key to log in with"),
        Err(error) if error.kind() == SshErrorKind::Login => Outcome::Known,
        Err(error) if error.kind() == SshErrorKind::UserRefused => Outcome::New,
        Err(error) => {
            assert!(
                matches!(
                    error.kind(),
                    SshErrorKind::KeyChanged | SshErrorKind::KeyRevoked
                ),
                "{error:?}"
            );
            assert!(person.questions().is_empty());
            Outcome::Refused
        }
    }
}

fn openssh_accepts(sshd: &Sshd, alias: bool, policy: &str, user: &Path, global: &Path) -> bool {
    let mut command = Command::new("ssh");
    command.args(["-F", "none", "-p", &sshd.port.to_string()]);
    let mut options = vec![
        format!("StrictHostKeyChecking={policy}"),
        format!("UserKnownHostsFile={}", user.display()),
        format!("GlobalKnownHostsFile={}", global.display()),
    ];
    options.extend(
        [
            "BatchMode=yes",
            "PreferredAuthentications=none",
            "IdentityAgent=none",
            "UpdateHostKeys=no",
            "CheckHostIP=no",
        ]
        .map(str::to_owned),
    );
    if alias {
        options.push("HostKeyAlias=spark".to_owned());
    }
    for option in options {
        command.args(["-o", &option]);
    }
    let output = command
        .args(["127.0.0.1", "true"])
        .stdin(Stdio::null())
        .output()
        .expect("ssh is missing: install openssh-client (tests/run does)");
    let said = String::from_utf8_lossy(&output.stderr);
    // Neither side shows a key to log in with: what is compared is over by then.
    let accepted = said.contains("Permission denied");
    assert!(
        accepted || said.contains("Host key verification failed"),
        "ssh failed for another reason: {said}"
    );
    accepted
}

fn fill(text: &[u8], sshd: &Sshd, alias: bool, folder: &Path) -> Vec<u8> {
    let name = if alias {
        "spark".to_owned()
    } else {
        sshd.name()
    };
    let (same, other, rsa) = (sshd.public("host"), sshd.public("id"), rsa_key());
    let blob = |key: &str| key.split(' ').nth(1).unwrap().to_owned();
    let ecdsa = if sshd.path("host_ecdsa.pub").exists() {
        sshd.public("host_ecdsa")
    } else {
        String::new()
    };
    let hashed = |key: &str| -> String {
        let file = folder.join("hashed");
        fs::write(&file, format!("{name} {key}\n")).unwrap();
        keygen(&["-H", "-f", &arg(&file)]);
        fs::read_to_string(file).unwrap()
    };
    let mut filled = text.to_vec();
    for (mark, value) in [
        ("{KB}", blob(&same)),
        ("{OB}", blob(&other)),
        ("{RB}", blob(rsa)),
        ("{KT}", same.replace(' ', "\t")),
        ("{OT}", other.replace(' ', "\t")),
        ("{LONG}", "x".repeat(2000)),
        ("{N}", name.clone()),
        ("{B}", "127.0.0.1".to_owned()),
        ("{K}", same.clone()),
        ("{O}", other.clone()),
        ("{P}", ecdsa),
        ("{R}", rsa.to_owned()),
    ] {
        filled = replace(&filled, mark, &value);
    }
    for (mark, key) in [("{HK}", &same), ("{HO}", &other)] {
        if filled.windows(mark.len()).any(|w| w == mark.as_bytes()) {
            filled = replace(&filled, mark, &hashed(key));
        }
    }
    filled
}

fn replace(text: &[u8], mark: &str, value: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.windows(mark.len()).position(|w| w == mark.as_bytes()) {
        out.extend_from_slice(&rest[..at]);
        out.extend_from_slice(value.as_bytes());
        rest = &rest[at + mark.len()..];
    }
    out.extend_from_slice(rest);
    out
}

/// Some RSA key that no server here has.
fn rsa_key() -> &'static str {
    static KEY: std::sync::OnceLock<String> = std::sync::OnceLock::new();
    KEY.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rsa");
        keygen(&["-t", "rsa", "-b", "2048", "-f", &arg(&path)]);
        super::sshd::public(&path)
    })
}
