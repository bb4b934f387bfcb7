//! The terminal's end of a log lens: orders go out in turn without anybody waiting, the newest picture comes in.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use tokio::sync::watch;

use crate::engine::{LensHandle, LensOrder, LensPicture};

/// Orders that wait at most; the lens takes them faster than a hand gives them.
const MOST: usize = 256;

/// The picture that an order asked for may come behind others: one that was on its way, and those of a search at work.
const AWAITED: u8 = 3;

/// An open lens, as the event loop holds it. Dropping it closes the lens.
pub(super) struct LensEnd {
    handle: LensHandle,
    pictures: watch::Receiver<Arc<LensPicture>>,
    waiting: VecDeque<LensOrder>,
    giving: Option<Pin<Box<dyn Future<Output = bool>>>>,
    rows: u16,
    /// How many of the next pictures may be what an order asked for.
    awaited: u8,
}

/// What a lens has to say.
pub(super) enum LensSaid {
    /// There is a newer picture.
    Picture(Arc<LensPicture>),
    /// It has ended.
    Ended,
}

impl LensEnd {
    pub(super) fn new(handle: LensHandle) -> Self {
        let mut pictures = handle.pictures();
        // The first one may have been made before anybody looked.
        pictures.mark_changed();
        Self {
            handle,
            pictures,
            waiting: VecDeque::new(),
            giving: None,
            rows: 0,
            awaited: 0,
        }
    }

    /// A handle of its own, for taking texts.
    pub(super) fn handle(&self) -> LensHandle {
        self.handle.clone()
    }

    /// Whether the picture that just came may be what an order asked for: a person waits for it.
    pub(super) fn answers(&mut self) -> bool {
        let awaited = self.awaited > 0;
        self.awaited = self.awaited.saturating_sub(1);
        awaited
    }

    /// Puts an order behind those that wait.
    pub(super) fn order(&mut self, order: LensOrder) {
        self.awaited = AWAITED;
        // Steps in one direction are one step: a held key never runs behind.
        let is_full = self.waiting.len() >= MOST;
        match (self.waiting.back_mut(), &order) {
            (Some(LensOrder::Move(by)), LensOrder::Move(more)) if by.signum() == more.signum() => {
                *by = by.saturating_add(*more);
            }
            (Some(LensOrder::Search(text)), LensOrder::Search(newer))
            | (Some(LensOrder::Filter(text)), LensOrder::Filter(newer)) => text.clone_from(newer),
            _ if is_full => tracing::warn!("the log lens takes no orders"),
            _ => self.waiting.push_back(order),
        }
    }

    /// Tells the lens how many rows there are, when that has changed.
    pub(super) fn make_room(&mut self, rows: usize) {
        let rows = u16::try_from(rows).unwrap_or(u16::MAX);
        if rows > 0 && rows != self.rows {
            self.rows = rows;
            self.order(LensOrder::Rows(rows));
        }
    }

    /// Gives what waits, and tells what the lens says. Cancel-safe.
    pub(super) async fn next(&mut self) -> LensSaid {
        loop {
            if self.giving.is_none() {
                self.giving = self.waiting.pop_front().map(|order| {
                    let handle = self.handle.clone();
                    Box::pin(async move { handle.order(order).await }) as Pin<Box<_>>
                });
            }
            let giving = async {
                match &mut self.giving {
                    Some(giving) => giving.await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                taken = giving => {
                    self.giving = None;
                    if !taken {
                        return LensSaid::Ended;
                    }
                }
                changed = self.pictures.changed() => {
                    return match changed {
                        Ok(()) => LensSaid::Picture(Arc::clone(&self.pictures.borrow_and_update())),
                        Err(_) => LensSaid::Ended,
                    };
                }
            }
        }
    }
}
