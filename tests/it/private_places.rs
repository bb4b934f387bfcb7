//! Where private sockets are made: a folder in which somebody else could put theirs is refused in words, and never used.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::Path;

use pilothouse::assistant::{Broker, BrokerError};
use pilothouse::tasks::Tasks;

use crate::talks::stage::Stage;

/// Makes a folder that is not for us alone, and says in what word that is told.
type Spoil = (&'static str, fn(&Path));

const SPOILS: [Spoil; 4] = [
    ("is a link", |place| {
        let real = place.with_extension("real");
        fs::create_dir(&real).unwrap();
        symlink(real, place).unwrap();
    }),
    ("can be written to by others", |place| made(place, 0o770)),
    ("can be written to by others", |place| made(place, 0o707)),
    ("belongs to somebody else", |place| {
        made(place, 0o700);
        std::os::unix::fs::chown(place, Some(65_534), None).unwrap();
    }),
];

fn made(place: &Path, mode: u32) {
    fs::create_dir(place).unwrap();
    fs::set_permissions(place, fs::Permissions::from_mode(mode)).unwrap();
}

/// The folders that can be made here: only root can give one away.
fn spoilt(base: &Path) -> Vec<(&'static str, std::path::PathBuf)> {
    let is_root = fs::metadata(base).unwrap().uid() == 0;
    let possible = SPOILS
        .iter()
        .filter(|(says, _)| is_root || !says.contains("somebody"));
    possible
        .enumerate()
        .map(|(n, (says, make))| {
            let place = base.join(n.to_string());
            fs::create_dir(&place).unwrap();
            make(&place.join("talks"));
            (*says, place)
        })
        .collect()
}

/// Everything below a folder.
fn all_below(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && !path.is_symlink() {
            found.extend(all_below(&path));
        }
        found.push(path);
    }
    found
}

#[tokio::test]
async fn the_tools_socket_is_made_in_no_folder_of_others() {
    let folder = tempfile::tempdir().unwrap();
    let tasks = Tasks::new();
    for (says, place) in spoilt(folder.path()) {
        let before = all_below(&place);
        let error = Broker::open(&tasks, &place.join("talks")).unwrap_err();
        assert!(matches!(error, BrokerError::Shared(_)), "{says}: {error}");
        assert!(error.to_string().contains(says), "{says}: {error}");
        assert!(error.hint().contains("XDG_RUNTIME_DIR"), "{}", error.hint());
        assert_eq!(all_below(&place), before, "{says}");
    }
    let error = Broker::open(&tasks, &folder.path().join("none")).unwrap_err();
    assert!(matches!(error, BrokerError::Place { .. }), "{error}");
    // Where everybody has a place of their own, we have one too.
    let shared = folder.path().join("shared");
    made(&shared, 0o1777);
    let (broker, _events) = Broker::open(&tasks, &shared).unwrap();
    drop(broker);
    assert_eq!(all_below(&shared), Vec::<std::path::PathBuf>::new());
}

#[tokio::test]
async fn a_conversation_listens_in_no_folder_of_others_and_says_so() {
    let folder = tempfile::tempdir().unwrap();
    for (says, place) in spoilt(folder.path()) {
        let before = all_below(&place);
        let stage = Stage::with(&place, None);
        let talk = stage.open().await;
        let mut fleet = stage.handle.fleet();
        let told = fleet.wait_for(|fleet| {
            let mut notices = fleet.notices.iter();
            notices.any(|notice| notice.sentence.as_str().contains(says))
        });
        let told = tokio::time::timeout(std::time::Duration::from_secs(20), told).await;
        drop(
            told.unwrap_or_else(|_| panic!("{says} is not told"))
                .unwrap(),
        );
        assert_eq!(all_below(&place), before, "{says}");
        drop(talk);
        stage.end().await;
    }
}
