//! Texts on their way out: to the clipboard by the first way that takes them, or to a file; and orders to the open lens.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use super::clipboard;
use super::event_loop::Console;
use super::frame::Reason;
use super::lens_end::{LensEnd, LensSaid};
use super::options::Outside;
use super::source::Source;
use super::terminal;
use super::ui::CopyRoute;
use super::ui_update::{self, Copied, LensHand, TextTo, UiEffect};
use crate::domain::{LensId, Severity};
use crate::engine::TextScope;

/// A text on its way.
pub(super) type Copying = Pin<Box<dyn Future<Output = Taken>>>;

/// How a text went out.
pub(super) enum Taken {
    /// Copied: what, and by which way, with what there is to say of it.
    Copied(String, Result<(CopyRoute, String), String>),
    /// Fetched, to be quoted in a question.
    Quoted(String),
    /// Saved: what, and where.
    Saved(String, Result<String, String>),
}

/// Where a text can go.
#[derive(Clone)]
struct Ways {
    outside: Arc<dyn Outside>,
    in_tmux: bool,
}

impl Ways {
    /// The first way that takes the text.
    async fn copy(self, what: String, text: String) -> Taken {
        let mut note = String::new();
        for route in clipboard::routes(self.in_tmux, text.len()) {
            let text = text.clone();
            let tried = match route {
                CopyRoute::Tmux => {
                    let copied = self.outside.copy_to_tmux(text).await;
                    copied.map(|()| String::new())
                }
                CopyRoute::Osc52 => {
                    terminal::write_frame(&clipboard::osc52(&text));
                    Ok(note.clone())
                }
                CopyRoute::File => {
                    let path = self.outside.copy_to_file(text).await;
                    path.map(|path| path.display().to_string())
                }
            };
            match tried {
                Ok(told) => return Taken::Copied(what, Ok((route, told))),
                Err(why) => note = format!("; tmux did not take it: {why}"),
            }
        }
        Taken::Copied(what, Err(note))
    }

    async fn save(self, what: String, text: String, path: Option<String>) -> Taken {
        let saved = match path {
            Some(path) => self.outside.save(text, &path).await,
            None => self.outside.copy_to_file(text).await,
        };
        Taken::Saved(what, saved.map(|path| path.display().to_string()))
    }
}

impl Console {
    fn ways(&self) -> Ways {
        Ways {
            outside: Arc::clone(&self.options.outside),
            in_tmux: self.options.in_tmux,
        }
    }

    pub(super) fn copy(&self, Copied { what, text }: Copied) -> Copying {
        Box::pin(self.ways().copy(what, text))
    }

    /// Does something with a lens.
    pub(super) fn lens_hand(&mut self, hand: LensHand) {
        match hand {
            LensHand::Take(id) => self.take_lens(id),
            // Fetched and dropped: nobody looks at it.
            LensHand::Close(id) => drop(self.source.lens(id)),
            LensHand::Order(order) => {
                if let Some(lens) = &mut self.lens {
                    lens.order(order);
                }
            }
            LensHand::Text {
                what,
                scope,
                form,
                to,
            } => {
                let Some(handle) = self.lens.as_ref().map(LensEnd::handle) else {
                    return;
                };
                let ways = self.ways();
                self.copying.push(Box::pin(async move {
                    let text = handle.text(scope, form).await;
                    // Lines came while they were asked for: those that are told are those that went out.
                    let what = match (&text, scope) {
                        (Some(text), TextScope::Shown) => format!("{} lines", text.lines().count()),
                        _ => what,
                    };
                    match (text, to) {
                        (Some(text), TextTo::Clipboard) => ways.copy(what, text).await,
                        (Some(text), TextTo::Draft) => Taken::Quoted(text),
                        (Some(text), TextTo::File(path)) => ways.save(what, text, path).await,
                        (None, _) => Taken::Saved(what, Err("the logs have ended".into())),
                    }
                }));
            }
        }
    }

    fn take_lens(&mut self, id: LensId) {
        self.lens = self.source.lens(id).map(LensEnd::new);
        if self.lens.is_none() {
            ui_update::lens_ended(&mut self.ui);
            let text = "the logs were opened, and are gone already";
            self.ui.say(Severity::Error, text, None);
        }
    }

    /// Takes what the lens says.
    pub(super) fn lens_said(&mut self, said: LensSaid) -> Vec<UiEffect> {
        let answers = self.lens.as_mut().is_some_and(LensEnd::answers);
        self.pace.want(if answers {
            Reason::Person
        } else {
            Reason::Lines
        });
        match said {
            LensSaid::Picture(picture) => ui_update::lens_pictured(&mut self.ui, picture),
            LensSaid::Ended => {
                self.lens = None;
                ui_update::lens_ended(&mut self.ui);
                Vec::new()
            }
        }
    }

    /// Says how a text went out.
    pub(super) fn taken(&mut self, taken: Taken) -> Vec<UiEffect> {
        self.pace.want(Reason::Person);
        match taken {
            Taken::Copied(what, outcome) => ui_update::copied(&mut self.ui, &what, outcome),
            Taken::Saved(what, outcome) => ui_update::saved(&mut self.ui, &what, outcome),
            Taken::Quoted(lines) => return self.update(ui_update::Input::Quote(lines)),
        }
        Vec::new()
    }
}

/// What an open lens says; without one, nothing ever.
pub(super) async fn lens_says(lens: &mut Option<LensEnd>) -> LensSaid {
    match lens {
        Some(lens) => lens.next().await,
        None => std::future::pending().await,
    }
}

impl Source {
    /// A lens that was opened; a recording has none.
    fn lens(&self, id: LensId) -> Option<crate::engine::LensHandle> {
        match self {
            Self::Live(handle) => handle.lens(id),
            Self::Replay(_) => None,
        }
    }
}
