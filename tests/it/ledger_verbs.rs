//! `pilothouse ledger …` in the real binary, on a ledger that was written here.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use pilothouse::domain::Wall;
use pilothouse::store::{Ledger, LedgerPaths};

use crate::ledger::{folder, intent, outcome};

/// Where the binary looks in this home.
fn paths(home: &Path) -> LedgerPaths {
    LedgerPaths {
        ledger: home.join("state/pilothouse/ledger.jsonl"),
        anchor: home.join("data/pilothouse/ledger.anchor"),
        key: home.join("data/pilothouse/ledger.key"),
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the test starts the program itself"
)]
fn run(home: &Path, words: &[&str]) -> (i32, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_pilothouse"))
        .arg("ledger")
        .args(words)
        .env_clear()
        .env("HOME", home)
        .env("TZ", "UTC")
        .env("XDG_CONFIG_HOME", home.join("config"))
        .env("XDG_STATE_HOME", home.join("state"))
        .env("XDG_DATA_HOME", home.join("data"))
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (
        output.status.code().unwrap(),
        text(output.stdout),
        text(output.stderr),
    )
}

async fn written(home: &Path) {
    let ledger = Ledger::in_files(paths(home));
    for event in [intent(1), intent(2), outcome(1)] {
        ledger.write(Wall(1_800_000_000_000), event).await.unwrap();
    }
}

#[tokio::test]
async fn acts_are_shown_and_exported() {
    let home = folder();
    let nothing = run(home.path(), &["show"]);
    assert_eq!(
        nothing,
        (0, String::new(), "nothing has been done yet\n".into())
    );
    assert!(
        run(home.path(), &["verify"])
            .1
            .contains("nothing has been written yet")
    );

    written(home.path()).await;
    let (code, out, err) = run(home.path(), &["show"]);
    assert_eq!((code, err.as_str()), (0, ""));
    let expected = "\
NO  WHEN                 WHO  OUTCOME  WHAT
1   2027-01-15 08:00:00  ops  done     stop container web-1 on spark-1
2   2027-01-15 08:00:00  ops  open     stop container web-2 on spark-2
";
    assert_eq!(out, expected);
    let one = run(home.path(), &["show", "--host", "spark-2"]).1;
    assert!(one.contains("web-2") && !one.contains("web-1"), "{one}");
    let newest: serde_json::Value =
        serde_json::from_str(&run(home.path(), &["show", "--json", "-n", "1"]).1).unwrap();
    assert_eq!(newest[0]["number"], 2);
    assert_eq!(newest[0]["outcome"], "open");
    assert!(
        newest[0]["request"]
            .as_str()
            .unwrap()
            .starts_with("POST /containers/")
    );

    let file = home.path().join("acts.csv");
    let file = file.to_str().unwrap();
    assert_eq!(run(home.path(), &["export", "--csv", file]).0, 0);
    assert_eq!(fs::read_to_string(file).unwrap().lines().count(), 3);
    let again = run(home.path(), &["export", "--csv", file]);
    assert!(
        again.0 == 2 && again.2.contains("is there already"),
        "{again:?}"
    );
    let all: serde_json::Value = serde_json::from_str(&run(home.path(), &["export"]).1).unwrap();
    assert_eq!(all.as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn verify_names_the_first_record_that_is_broken() {
    let home = folder();
    written(home.path()).await;
    let (code, out, err) = run(home.path(), &["verify"]);
    assert_eq!(code, 0, "{out}{err}");
    assert!(
        out.starts_with("3 records, all sound\nopen: record 2, "),
        "{out}"
    );
    assert!(err.contains("keep a copy elsewhere"), "{err}");

    let paths = paths(home.path());
    let kept = home.path().join("kept");
    fs::rename(&paths.key, &kept).unwrap();
    let (code, _, err) = run(home.path(), &["verify"]);
    assert!(code == 2 && err.contains("--key FILE"), "{code} {err}");
    let key = kept.to_str().unwrap();
    assert_eq!(run(home.path(), &["verify", "--key", key]).0, 0);

    let text = fs::read_to_string(&paths.ledger).unwrap();
    fs::write(&paths.ledger, text.replacen("web-2", "web-3", 1)).unwrap();
    let (code, out, _) = run(home.path(), &["verify", "--key", key]);
    assert!(
        code == 1 && out.starts_with("BROKEN at record 2: "),
        "{code} {out}"
    );
    let (code, out, _) = run(home.path(), &["verify", "--key", key, "--json"]);
    let report: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, &report["broken"]["record"]), (1, &2.into()));
    assert_eq!(report["sound"], false);
}
