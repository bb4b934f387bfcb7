//! A face's end of an open lens: orders in, the newest picture out, texts for copying and saving on demand.

use std::sync::Arc;

use tokio::sync::{mpsc, oneshot, watch};

use crate::logs::{LensOrder, LensPicture, TextForm, TextScope};

/// A face's end of an open lens. The lens is closed when the last of them is dropped.
#[derive(Debug, Clone)]
pub struct LensHandle {
    orders: mpsc::Sender<LensWish>,
    pictures: watch::Receiver<Arc<LensPicture>>,
}

/// What may be asked of a lens.
#[derive(Debug)]
pub(super) enum LensWish {
    /// An order.
    Order(LensOrder),
    /// Lines as text.
    Text(TextScope, TextForm, oneshot::Sender<String>),
}

impl LensHandle {
    /// Joins a face's ends of a lens.
    pub(super) fn new(
        orders: mpsc::Sender<LensWish>,
        pictures: watch::Receiver<Arc<LensPicture>>,
    ) -> Self {
        Self { orders, pictures }
    }

    /// Gives an order; the picture that follows from it comes by itself. False when the lens has ended.
    pub async fn order(&self, order: LensOrder) -> bool {
        self.orders.send(LensWish::Order(order)).await.is_ok()
    }

    /// The newest picture, and word when there is a newer one.
    pub fn pictures(&self) -> watch::Receiver<Arc<LensPicture>> {
        self.pictures.clone()
    }

    /// Lines as text, one after the other; `None` when the lens has ended.
    pub async fn text(&self, scope: TextScope, form: TextForm) -> Option<String> {
        let (reply, text) = oneshot::channel();
        let wish = LensWish::Text(scope, form, reply);
        self.orders.send(wish).await.ok()?;
        text.await.ok()
    }
}
