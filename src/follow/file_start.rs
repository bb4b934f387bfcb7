//! Where a file is begun: the last lines, a moment, a place, or the lines before a place. Finds the offsets by reading the
//! file backwards in blocks.

use std::collections::VecDeque;

use super::error::{FollowError, FollowErrorKind};
use super::file_host::{CHUNK, FileHost, Look, Part};
use super::line::Stamp;
use super::resume::{Sibling, Step, older, plan};
use super::source::{Place, Start, StartAt};
use super::written_at::LineClock;
use crate::text::SafeText;

/// The most that is read backwards in search of lines: a file of one endless line is not read whole.
const BACK: u64 = 16 * 1024 * 1024;

/// A moment is searched for to this precision.
const CLOSE: u64 = 256 * 1024;

/// A part of a file that is to be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Segment {
    pub(super) step: Step,
    /// Where it ends; `None`: at the end of the file.
    pub(super) to: Option<u64>,
    /// Whether the file has the wanted name: it may grow.
    pub(super) present: bool,
    /// What lines without a time are taken for.
    pub(super) written: Option<Stamp>,
}

impl Segment {
    pub(super) fn old(step: Step) -> Self {
        Self {
            step,
            to: None,
            present: false,
            written: None,
        }
    }

    pub(super) fn present(step: Step) -> Self {
        Self {
            present: true,
            ..Self::old(step)
        }
    }

    fn of(file: &Sibling, offset: u64, to: Option<u64>, path: &str) -> Self {
        Self {
            step: Step {
                inode: file.inode,
                offset,
                name: file.name.clone(),
            },
            to,
            present: file.name == path,
            written: Some(Stamp(file.written.saturating_mul(1_000_000_000))),
        }
    }
}

/// How reading begins.
pub(super) struct Begun {
    pub(super) segments: VecDeque<Segment>,
    pub(super) since: Option<Stamp>,
    pub(super) missing: Option<SafeText>,
    /// Whether it can go on with what is written later.
    pub(super) forward: bool,
}

/// The inode that a start is about.
pub(super) fn wanted_inode(start: &Start) -> Option<u64> {
    match &start.from {
        StartAt::After(Place::File { inode, .. })
        | StartAt::Before(Place::File { inode, .. }, _) => Some(*inode),
        _ => None,
    }
}

/// Finds what is to be read.
pub(super) async fn begin(
    host: &FileHost,
    look: &Look,
    start: &Start,
) -> Result<Begun, FollowError> {
    let mut begun = Begun {
        segments: VecDeque::new(),
        since: None,
        missing: None,
        forward: true,
    };
    let present = look.files.iter().find(|file| file.name == host.path());
    match &start.from {
        StartAt::Tail(count) => {
            if let Some(file) = present {
                begun.segments = back(host, look, file, file.size, *count).await?;
                open_end(&mut begun.segments);
            }
        }
        StartAt::Since(moment) => {
            begun.since = Some(*moment);
            begun.segments = since(host, look, *moment).await?;
        }
        StartAt::After(Place::File { inode, offset }) => {
            let plan = plan(&look.files, host.path(), Some((*inode, *offset)));
            begun.missing = plan.missing;
            begun
                .segments
                .extend(plan.old.into_iter().map(Segment::old));
            begun.segments.extend(plan.present.map(Segment::present));
        }
        StartAt::Before(Place::File { inode, offset }, count) => {
            begun.forward = false;
            match look.files.iter().find(|file| file.inode == *inode) {
                Some(file) => begun.segments = back(host, look, file, *offset, *count).await?,
                None => begun.missing = Some("the older file is gone or compressed".into()),
            }
        }
        StartAt::After(_) | StartAt::Before(..) => {
            return Err(FollowError::new(
                FollowErrorKind::Failed,
                "this is a place in another source",
            ));
        }
    }
    Ok(begun)
}

/// What is written while the last lines are searched for belongs to them.
fn open_end(segments: &mut VecDeque<Segment>) {
    if let Some(last) = segments.back_mut() {
        last.to = None;
    }
}

/// The last `count` lines before an offset, across rotated files.
async fn back(
    host: &FileHost,
    look: &Look,
    file: &Sibling,
    end: u64,
    count: u32,
) -> Result<VecDeque<Segment>, FollowError> {
    let mut segments = VecDeque::new();
    let (mut file, mut end, mut wanted) = (file, end, u64::from(count));
    loop {
        let (begin, found) = lines_back(host, file, end, wanted).await?;
        segments.push_front(Segment::of(file, begin, Some(end), host.path()));
        wanted = wanted.saturating_sub(found);
        match older(&look.files, host.path(), file.inode) {
            Some(before) if wanted > 0 && begin == 0 => (file, end) = (before, before.size),
            _ => return Ok(segments),
        }
    }
}

/// Where the last `count` lines before an offset begin, and how many there are.
async fn lines_back(
    host: &FileHost,
    file: &Sibling,
    end: u64,
    count: u64,
) -> Result<(u64, u64), FollowError> {
    if count == 0 || end == 0 {
        return Ok((end, 0));
    }
    let mut found = 0;
    let mut upper = end;
    while upper > 0 {
        if end - upper >= BACK {
            return Ok((upper, found));
        }
        let lower = upper.saturating_sub(CHUNK / 4);
        let block = piece(host, file, lower, upper - lower).await?;
        for at in memchr::memrchr_iter(b'\n', &block) {
            let after = lower + at as u64 + 1;
            // The end of the last line does not begin another one.
            if after < end {
                found += 1;
                if found == count {
                    return Ok((after, found));
                }
            }
        }
        upper = lower;
    }
    Ok((0, found + 1))
}

async fn piece(
    host: &FileHost,
    file: &Sibling,
    from: u64,
    most: u64,
) -> Result<bytes::Bytes, FollowError> {
    let step = Step {
        inode: file.inode,
        offset: from,
        name: file.name.clone(),
    };
    match host.read(&step, from, most).await? {
        Part::Bytes(bytes) => Ok(bytes),
        Part::Moved => Err(FollowError::new(
            FollowErrorKind::Lost,
            "the file was rotated while its last lines were searched for",
        )),
    }
}

/// Every file that was written to since a moment, the first of them from about there on.
async fn since(
    host: &FileHost,
    look: &Look,
    moment: Stamp,
) -> Result<VecDeque<Segment>, FollowError> {
    let seconds = moment.0.div_euclid(1_000_000_000);
    let mut chain = Vec::new();
    let mut next = look.files.iter().find(|file| file.name == host.path());
    while let Some(file) = next.filter(|file| chain.is_empty() || file.written >= seconds) {
        chain.insert(0, file);
        next = older(&look.files, host.path(), file.inode);
    }
    let mut segments = VecDeque::new();
    for (index, file) in chain.into_iter().enumerate() {
        let from = match index {
            0 => search(host, file, look.clock, moment).await?,
            _ => 0,
        };
        segments.push_back(Segment::of(file, from, None, host.path()));
    }
    Ok(segments)
}

/// The beginning of a line that lies shortly before a moment.
async fn search(
    host: &FileHost,
    file: &Sibling,
    clock: LineClock,
    moment: Stamp,
) -> Result<u64, FollowError> {
    let (mut early, mut late) = (0, file.size);
    let mut dated = false;
    while late - early > CLOSE {
        let middle = early + (late - early) / 2;
        let block = piece(host, file, middle, CLOSE / 4).await?;
        let mut lines = block.split(|byte| *byte == b'\n').skip(1);
        match lines.find_map(|line| clock.read(line)) {
            Some(stamp) if stamp < moment => (early, dated) = (middle, true),
            Some(_) => (late, dated) = (middle, true),
            None => late = middle,
        }
    }
    if !dated && file.size > CLOSE {
        // Nothing says when its lines were written: the last ones will do.
        early = file.size.saturating_sub(CLOSE * 32);
    }
    if early == 0 {
        return Ok(0);
    }
    let block = piece(host, file, early, CLOSE / 4).await?;
    let begin = memchr::memchr(b'\n', &block).map_or(block.len(), |end| end + 1);
    Ok(early + begin as u64)
}
