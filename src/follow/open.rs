//! Opens a source of a host, whatever its kind. Containers are opened by the room that speaks with their engine.

use std::sync::Arc;

use super::error::{FollowError, FollowErrorKind};
use super::file;
use super::source::{Follow, SourceSpec, Start};
use crate::exec::Exec;

/// Opens a unit, a file or the kernel's ring on a host.
///
/// # Errors
/// When there is no such source, or it can't be read: in words, with the mend.
pub async fn open(
    exec: Arc<dyn Exec>,
    spec: &SourceSpec,
    start: Start,
) -> Result<Box<dyn Follow>, FollowError> {
    match spec {
        SourceSpec::File(path) => Ok(Box::new(file::open(exec, path, &start).await?)),
        SourceSpec::Unit(_)
        | SourceSpec::Kernel
        | SourceSpec::Container(_)
        | SourceSpec::Actions => Err(FollowError::new(
            FollowErrorKind::Unsupported,
            format!("{spec} is no source that is read on a host"),
        )),
    }
}
