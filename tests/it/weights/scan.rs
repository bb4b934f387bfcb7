//! What is seen of the weights on a host, and what is not looked at twice.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::atomic::Ordering;

use pilothouse::domain::Bytes;
use pilothouse::models::{Completeness, ModelSource, Weights, WeightsReport, WeightsScan};
use pilothouse::shell::RemotePath;

use super::host::{COMMIT, Host, KINDS, age, cached};

const INDEX: &[u8] = br#"{"metadata":{"total_size":9},"weight_map":{"a.weight":"model-00001-of-00003.safetensors",
"b":"model-00002-of-00003.safetensors","c":"model-00003-of-00003.safetensors","d":"model-00001-of-00003.safetensors"}}"#;

fn whole() -> Vec<(&'static str, &'static [u8])> {
    vec![
        (
            "config.json",
            br#"{"architectures":["Q"],"num_hidden_layers":2}"#,
        ),
        ("model.safetensors.index.json", INDEX),
        ("model-00001-of-00003.safetensors", b"one"),
        ("model-00002-of-00003.safetensors", b"two"),
        ("model-00003-of-00003.safetensors", b"three"),
        ("sub/extra.txt", b"x"),
        (".gitattributes", b""),
    ]
}

fn path(path: &Path) -> RemotePath {
    RemotePath::new(path.display().to_string()).unwrap()
}

async fn look(host: &Host, folders: &[&Path]) -> WeightsReport {
    let folders = folders.iter().map(|folder| path(folder)).collect();
    WeightsScan::new(folders).look(host).await.unwrap()
}

fn one<'a>(report: &'a WeightsReport, name: &str) -> &'a Weights {
    let named = |weights: &&Weights| match &weights.source {
        ModelSource::Repo(repo) => repo.as_str() == name,
        ModelSource::Local(path) => path.as_str().ends_with(name),
    };
    let found = report.weights.iter().find(named);
    found.unwrap_or_else(|| panic!("no {name} in {report:#?}"))
}

fn missing(weights: &Weights) -> &str {
    match &weights.completeness {
        Completeness::Complete => "",
        Completeness::Partial(what) => what.as_str(),
    }
}

#[tokio::test]
async fn a_host_without_weights_has_none_and_room_for_some() {
    for kind in KINDS {
        let host = Host::new(kind);
        let report = look(&host, &[Path::new("/nowhere/at/all")]).await;
        assert_eq!(report.weights, [], "{kind}");
        assert_eq!(report.cache, None);
        assert!(report.free.unwrap() > Bytes(0), "{kind}");
        assert!(report.troubles.is_empty(), "{kind} {report:?}");
    }
}

#[tokio::test]
async fn what_is_whole_is_told_from_what_is_not() {
    for kind in KINDS {
        let host = Host::new(kind);
        let hub = host.hub();
        cached(&hub, "models--ann--whole", &whole());
        let at = cached(&hub, "models--ann--half", &whole());
        fs::write(at.join("blobs/ffff.incomplete"), "xx").unwrap();
        fs::write(at.join("blobs/fffe.1a2b.incomplete"), "xx").unwrap();
        // A try before the one that fetched it whole.
        let blob = format!("{:040x}", 2);
        fs::write(at.join(format!("blobs/{blob}.incomplete")), "xx").unwrap();
        fs::write(at.join(format!("blobs/{blob}.77aa.incomplete")), "xx").unwrap();
        let at = cached(&hub, "models--ann--broken", &whole());
        fs::remove_file(at.join(format!("blobs/{:040x}", 3))).unwrap();
        cached(&hub, "models--ann--shards", &whole()[..4]);
        cached(&hub, "models--ann--words", &whole()[..1]);
        cached(&hub, "models--ann--empty", &[("model.safetensors", b"")]);
        cached(
            &hub,
            "models--ann--series",
            &[("q-00002-of-00002.gguf", b"x")],
        );
        let at = cached(&hub, "models--ann--gone", &whole());
        fs::remove_dir_all(at.join("snapshots")).unwrap();
        fs::create_dir_all(hub.join("models--ann--begun/blobs")).unwrap();
        fs::create_dir_all(hub.join("datasets--ann--set/blobs")).unwrap();
        let report = look(&host, &[]).await;
        assert_eq!(report.cache, Some(path(&hub)), "{kind}");
        assert!(report.troubles.is_empty(), "{kind} {report:?}");
        for (name, expected) in [
            ("ann/whole", ""),
            ("ann/half", "2 files half-downloaded"),
            ("ann/broken", "1 file missing"),
            ("ann/shards", "1 of 3 shards missing"),
            ("ann/words", "no file of weights among them"),
            ("ann/empty", "1 file empty"),
            ("ann/series", "1 of 2 shards missing"),
            ("ann/gone", "no file of weights among them"),
        ] {
            assert_eq!(missing(one(&report, name)), expected, "{kind} {name}");
        }
        assert_eq!(report.weights.len(), 8, "{kind}");
        let whole = one(&report, "ann/whole");
        assert_eq!(
            whole.path,
            path(&hub.join("models--ann--whole/snapshots").join(COMMIT))
        );
        let size: usize = self::whole().iter().map(|(_, content)| content.len()).sum();
        assert_eq!((whole.size, whole.files), (Bytes(size as u64), 7), "{kind}");
        let config = whole.config.as_ref().unwrap();
        assert_eq!(config.layers, Some(2));
        assert!(whole.changed.0 > 1_700_000_000_000);
    }
}

#[tokio::test]
async fn the_cache_is_where_its_own_programs_have_it() {
    let place = tempfile::tempdir().unwrap();
    let here = place.path().join("a b;$(touch x)");
    cached(&here, "models--ann--m", &[("m.gguf", b"xyz")]);
    cached(&here.join("hub"), "models--ann--n", &[("m.gguf", b"xyz")]);
    cached(
        &here.join("huggingface/hub"),
        "models--ann--o",
        &[("m.gguf", b"xyz")],
    );
    for kind in KINDS {
        for (variable, name) in [
            ("HF_HUB_CACHE", "ann/m"),
            ("HUGGINGFACE_HUB_CACHE", "ann/m"),
            ("HF_HOME", "ann/n"),
            ("XDG_CACHE_HOME", "ann/o"),
        ] {
            let host = Host::with(kind, &[&format!("{variable}={}", here.display())]);
            let report = look(&host, &[]).await;
            assert_eq!(report.weights.len(), 1, "{kind} {variable}");
            assert_eq!(one(&report, name).size, Bytes(3));
        }
    }
}

#[tokio::test]
async fn folders_of_local_models_are_looked_at() {
    for kind in KINDS {
        let host = Host::new(kind);
        let folder = host.home().join("my models");
        for (name, content) in [
            ("tuned/config.json", "{}"),
            ("tuned/model.safetensors", "12345"),
            ("org/name/q4.gguf", "1"),
            ("copying/config.json", "{}"),
            ("copying/.model.safetensors.Ab12Cd", "1"),
            ("cut/config.json", "{}"),
            ("cut/model-1-of-2.safetensors", "1"),
            ("cut/.cache/huggingface/download/abc.incomplete", "1"),
            ("notes/readme.txt", "1"),
        ] {
            fs::create_dir_all(folder.join(name).parent().unwrap()).unwrap();
            fs::write(folder.join(name), content).unwrap();
        }
        let report = look(&host, &[&folder]).await;
        assert_eq!(report.weights.len(), 4, "{kind} {report:#?}");
        assert_eq!(missing(one(&report, "/my models/tuned")), "", "{kind}");
        assert_eq!(one(&report, "/tuned").size, Bytes(7));
        assert_eq!(missing(one(&report, "/org/name")), "");
        assert_eq!(missing(one(&report, "/copying")), "1 file half-downloaded");
        assert_eq!(
            missing(one(&report, "/cut")),
            "1 file half-downloaded, 1 of 2 shards missing"
        );
    }
}

/// A safetensors file of one tensor, of which the last bytes are missing.
fn tensors(missing: usize) -> Vec<u8> {
    let header = br#"{"__metadata__":{"format":"pt"},"a":{"dtype":"F32","shape":[1000],"data_offsets":[0, 4000]}} "#;
    let mut all = (header.len() as u64).to_le_bytes().to_vec();
    all.extend(header);
    all.extend([b'x'; 4000]);
    all.truncate(all.len() - missing);
    all
}

#[tokio::test]
async fn a_copy_that_broke_off_is_told_by_the_file_itself() {
    for kind in KINDS {
        let host = Host::new(kind);
        let folder = host.home().join("models");
        for (name, missing) in [("whole", 0), ("cut", 1), ("begun", 4050)] {
            fs::create_dir_all(folder.join(name)).unwrap();
            fs::write(folder.join(name).join("config.json"), "{}").unwrap();
            let file = folder.join(name).join("model.safetensors");
            fs::write(file, tensors(missing)).unwrap();
        }
        let report = look(&host, &[&folder]).await;
        for (name, expected) in [
            ("whole", ""),
            ("cut", "1 file cut short"),
            ("begun", "1 file cut short"),
        ] {
            assert_eq!(
                missing(one(&report, &format!("/{name}"))),
                expected,
                "{kind} {name}"
            );
        }
    }
}

#[tokio::test]
async fn names_that_would_forge_an_answer_forge_none() {
    for kind in KINDS {
        let host = Host::new(kind);
        let hub = host.hub();
        let at = cached(&hub, "models--ann--m", &whole());
        let snapshot = at.join("snapshots").join(COMMIT);
        let names: [&[u8]; 7] = [
            b"x\nend\n",
            b"x\nbroken y",
            b"x\nfile 81a4 999999 1 1.1 z.safetensors",
            b"\x1b]0;title\x07.gguf",
            b"-rf --help",
            b"\xff\xfe.safetensors",
            b"$(touch forged) `touch forged`",
        ];
        for name in names {
            fs::write(snapshot.join(OsStr::from_bytes(name)), "x").unwrap();
        }
        symlink("/dev/zero", snapshot.join("zero.safetensors")).unwrap();
        fs::create_dir_all(hub.join("models--ann--m\nmodel models--ann--forged")).unwrap();
        fs::create_dir_all(hub.join("models--..--..")).unwrap();
        // A folder within itself, a configuration that never ends, and one that nobody writes to.
        let at = cached(&hub, "models--ann--pipe", &[("m.gguf", b"1")]);
        symlink(
            "/dev/zero",
            at.join("snapshots").join(COMMIT).join("config.json"),
        )
        .unwrap();
        symlink("..", at.join("snapshots").join(COMMIT).join("loop")).unwrap();
        let pipe = at
            .join("snapshots")
            .join(COMMIT)
            .join("model.safetensors.index.json");
        rustix::fs::mknodat(
            rustix::fs::CWD,
            &pipe,
            rustix::fs::FileType::Fifo,
            rustix::fs::Mode::RUSR,
            0,
        )
        .unwrap();
        let at = cached(&hub, "models--ann--ref", &whole());
        fs::write(at.join("refs/main"), "../../../../etc\n").unwrap();
        let report = look(&host, &[]).await;
        let names: Vec<String> = report
            .weights
            .iter()
            .map(|weights| match &weights.source {
                ModelSource::Repo(repo) => repo.to_string(),
                ModelSource::Local(path) => path.to_string(),
            })
            .collect();
        assert_eq!(names, ["ann/m", "ann/pipe", "ann/ref"], "{kind}");
        let m = one(&report, "ann/m");
        assert_eq!(missing(m), "", "{kind}");
        assert!(m.size < Bytes(1000), "{kind} {m:?}");
        assert_eq!(m.files, 7 + 6, "{kind}");
        assert_eq!(
            report
                .troubles
                .iter()
                .map(pilothouse::text::SafeText::as_str)
                .collect::<Vec<_>>(),
            ["a file name there is no text"]
        );
        assert_eq!(one(&report, "ann/pipe").files, 1);
        assert_eq!(one(&report, "ann/ref").completeness, Completeness::Complete);
        assert!(!host.home().join("forged").exists());
    }
}

#[tokio::test]
async fn what_did_not_change_is_not_listed_again() {
    for kind in KINDS {
        let host = Host::new(kind);
        let hub = host.hub();
        for number in 0..3 {
            cached(&hub, &format!("models--ann--m{number}"), &whole());
        }
        let local = host.home().join("models");
        fs::create_dir_all(local.join("a")).unwrap();
        fs::write(local.join("a/x.gguf"), "1").unwrap();
        age(&host.home());
        let mut scan = WeightsScan::new(vec![path(&local)]);
        let commands = || host.asked.swap(0, Ordering::Relaxed);
        let first = scan.look(&*host).await.unwrap();
        assert_eq!((first.weights.len(), commands()), (4, 2), "{kind}");
        let second = scan.look(&*host).await.unwrap();
        assert_eq!(commands(), 1, "{kind}");
        assert_eq!(second.weights, first.weights);
        // One blob more is half there: it alone is listed.
        fs::write(hub.join("models--ann--m1/blobs/ff.incomplete"), "1").unwrap();
        let third = scan.look(&*host).await.unwrap();
        assert_eq!(commands(), 2, "{kind}");
        assert_eq!(missing(one(&third, "ann/m1")), "1 file half-downloaded");
        // What is not whole is listed in the same command as the look.
        fs::remove_file(hub.join("models--ann--m1/blobs/ff.incomplete")).unwrap();
        let fourth = scan.look(&*host).await.unwrap();
        assert_eq!(
            (missing(one(&fourth, "ann/m1")), commands()),
            ("", 1),
            "{kind}"
        );
        fs::remove_dir_all(hub.join("models--ann--m0")).unwrap();
        fs::write(local.join("a/y.gguf"), "22").unwrap();
        let fifth = scan.look(&*host).await.unwrap();
        assert_eq!(fifth.weights.len(), 3, "{kind}");
        assert_eq!(one(&fifth, "/a").size, Bytes(3));
    }
}

#[tokio::test]
async fn a_host_that_says_something_else_is_no_host_without_weights() {
    let host = Host::new("dash");
    fs::remove_file(host.folder.path().join("bin/sh")).unwrap();
    symlink("/usr/bin/echo", host.folder.path().join("bin/sh")).unwrap();
    let error = WeightsScan::default().look(&*host).await.unwrap_err();
    assert_eq!(error.to_string(), "the host did not answer as it should");
    assert!(error.hint.is_some());
}
