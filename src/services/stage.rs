//! Files that a job of the host needs, sent there first (hands): as one stream, into a folder that only the login may read.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::Duration;

use thiserror::Error;

use super::tar::{InvalidArchive, MOST, Packed, tar};
use crate::domain::{BuildContext, ServiceSpec};
use crate::exec::{Exec, ExecError, RunLimits, feed};
use crate::shell::{RemotePath, ShellCommand, ShellWord};
use crate::text::SafeText;

/// Most files of a folder that is built from.
const FILES: usize = 2000;

/// Longest sending.
const LONG: Duration = Duration::from_mins(10);

/// Unpacks what comes; its last word is the folder. What was sent for a job that never began is struck after a day.
const UNPACK: &str = r#"umask 077
base=$1
[ -n "$base" ] || base=${HOME:?}/.pilothouse
mkdir -p "$base/sent" && folder=$(mktemp -d "$base/sent/XXXXXX") || exit 1
find "$base/sent" -mindepth 1 -maxdepth 1 -mtime +0 -exec rm -rf {} + 2>/dev/null
if tar -xf - -C "$folder" 2>/dev/null && [ -f "$folder/whole" ]; then
	rm -f "$folder/whole"
	printf 'pilothouse-sent %s\n' "$folder"
else
	rm -rf "${folder:?}"
	echo 'pilothouse-refused'
fi"#;

/// The embeddings service that comes with Pilothouse.
const EMBEDDINGS: [(&str, &str); 3] = [
    ("Dockerfile", include_str!("embeddings/Dockerfile")),
    (
        "requirements.txt",
        include_str!("embeddings/requirements.txt"),
    ),
    ("server.py", include_str!("embeddings/server.py")),
];

/// Why files could not be sent.
#[derive(Debug, Error)]
pub enum StageError {
    /// One of them can't be read here.
    #[error("{0} can't be read")]
    File(SafeText, #[source] std::io::Error),
    /// They can't be packed.
    #[error("the files can't be packed")]
    Archive(#[from] InvalidArchive),
    /// There are too many.
    #[error("there are more than 2000 files in {0}")]
    Many(SafeText),
    /// The host could not be reached, or took too long.
    #[error("the files could not be sent")]
    Host(#[from] ExecError),
    /// They did not arrive whole.
    #[error("the host could not unpack the files")]
    Refused,
}

/// The overlay files of a service, as `1`, `2`, … in their order.
pub async fn overlays(spec: &ServiceSpec) -> Result<Vec<Packed>, StageError> {
    let mut files = Vec::new();
    for (number, overlay) in spec.overlays.iter().enumerate() {
        files.push(Packed {
            name: (number + 1).to_string(),
            content: read(&overlay.from).await?,
            runs: false,
        });
    }
    Ok(files)
}

/// The files that an image is built from.
pub async fn context(from: &BuildContext) -> Result<Vec<Packed>, StageError> {
    match from {
        BuildContext::Embeddings => Ok(EMBEDDINGS
            .iter()
            .map(|(name, text)| Packed {
                name: (*name).to_owned(),
                content: text.as_bytes().to_vec(),
                runs: false,
            })
            .collect()),
        BuildContext::Folder(folder) => walk(folder).await,
    }
}

/// Sends files, and gives the folder of the host in which they lie.
pub async fn send(
    exec: &dyn Exec,
    base: Option<&RemotePath>,
    mut files: Vec<Packed>,
) -> Result<RemotePath, StageError> {
    // The last file: an archive that breaks off has none.
    files.push(Packed {
        name: "whole".into(),
        content: Vec::new(),
        runs: false,
    });
    let archive = tar(&files)?;
    let base = base.map_or("", RemotePath::as_str);
    let base = ShellWord::new(base).map_err(|_| StageError::Refused)?;
    let command = ShellCommand::new("sh")
        .arg("-c")
        .arg(UNPACK)
        .arg("pilothouse-send")
        .word(base);
    let limits = RunLimits {
        timeout: LONG,
        output: 4096,
    };
    let said = feed(exec, &command, &archive, limits).await?;
    let said = String::from_utf8_lossy(&said);
    let folder = said
        .lines()
        .find_map(|line| line.strip_prefix("pilothouse-sent "));
    folder
        .and_then(|folder| RemotePath::new(folder).ok())
        .ok_or(StageError::Refused)
}

async fn read(path: &Path) -> Result<Vec<u8>, StageError> {
    let shown = || SafeText::new(&path.to_string_lossy());
    let content = tokio::fs::read(path).await;
    let content = content.map_err(|error| StageError::File(shown(), error))?;
    if content.len() > MOST {
        return Err(InvalidArchive::TooBig.into());
    }
    Ok(content)
}

/// All plain files below a folder, by their way from it; links and `.git` are left out.
async fn walk(folder: &Path) -> Result<Vec<Packed>, StageError> {
    let failed =
        |path: &Path, error| StageError::File(SafeText::new(&path.to_string_lossy()), error);
    let mut found = Vec::new();
    let (mut todo, mut bytes) = (vec![(folder.to_owned(), String::new())], 0);
    while let Some((place, way)) = todo.pop() {
        let mut entries = tokio::fs::read_dir(&place)
            .await
            .map_err(|error| failed(&place, error))?;
        while let Some(entry) = entries.next_entry().await.map_err(|e| failed(&place, e))? {
            let path = entry.path();
            let kind = entry.file_type().await.map_err(|e| failed(&path, e))?;
            let name = format!("{way}{}", entry.file_name().to_string_lossy());
            if kind.is_dir() && name != ".git" {
                todo.push((path, format!("{name}/")));
            } else if kind.is_file() {
                let content = read(&path).await?;
                bytes += content.len();
                let about = entry.metadata().await.map_err(|e| failed(&path, e))?;
                found.push(Packed {
                    name,
                    content,
                    runs: about.permissions().mode() & 0o100 != 0,
                });
            }
            if found.len() > FILES {
                return Err(StageError::Many(SafeText::new(&folder.to_string_lossy())));
            }
            if bytes > MOST {
                return Err(InvalidArchive::TooBig.into());
            }
        }
    }
    found.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(found)
}
