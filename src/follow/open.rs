//! Opens a source of a host, whatever its kind. Containers are opened by the room that speaks with their engine.

use std::sync::Arc;

use super::error::{FollowError, FollowErrorKind};
use super::source::{Follow, Place, SourceSpec, Start, StartAt};
use super::{file, journal, kmsg};
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
        SourceSpec::Unit(name) => {
            let part = journal::Part::Unit(name.clone());
            Ok(Box::new(journal::open(exec, part, start).await?))
        }
        SourceSpec::Kernel => kernel(exec, start).await,
        SourceSpec::Container(_) | SourceSpec::Actions => Err(FollowError::new(
            FollowErrorKind::Unsupported,
            format!("{spec} is no source that is read on a host"),
        )),
    }
}

/// The kernel's lines: from the journal, which knows those of before, else from the ring itself.
async fn kernel(exec: Arc<dyn Exec>, start: Start) -> Result<Box<dyn Follow>, FollowError> {
    let of_ring = matches!(
        start.from,
        StartAt::After(Place::Kernel { .. }) | StartAt::Before(Place::Kernel { .. }, _)
    );
    if of_ring {
        return Ok(Box::new(kmsg::open(exec, start).await?));
    }
    match journal::open(Arc::clone(&exec), journal::Part::Kernel, start.clone()).await {
        Ok(journal) => Ok(Box::new(journal)),
        Err(error) if error.may_pass() || error.kind == FollowErrorKind::Failed => Err(error),
        Err(_) => Ok(Box::new(kmsg::open(exec, start).await?)),
    }
}
