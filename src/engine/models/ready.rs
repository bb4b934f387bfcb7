//! Whether a new engine answers, asked by a console for a host that has nothing to ask with.

use std::time::Duration;

use super::watch::ModelWatch;
use crate::domain::Endpoint;
use crate::models::{PhaseState, SwapPhase, SwapReport, found_ready};
use crate::reach::{Http, Unanswered, models, one_token};

/// What the script says while it waits for a console.
const ASKS: &str = "a console has to ask";

/// How long one token may take.
const TOKEN: Duration = Duration::from_mins(1);

/// Whether a swap waits for a console to ask its engine.
pub(super) fn is_wanted(report: &SwapReport) -> bool {
    report.phases.iter().any(|phase| {
        let PhaseState::Running { words, .. } = &phase.state else {
            return false;
        };
        phase.phase == SwapPhase::Ready && words.as_str().contains(ASKS)
    })
}

/// Asks the engine for one token, and hands the finding to the swap. What does not answer yet is asked again by the next look.
pub(super) async fn ask(watch: &ModelWatch, report: &SwapReport) {
    // The finding is written there: a console that changes nothing leaves it to another.
    let read_only = watch.shared.handle.fleet().borrow().read_only;
    let Some(endpoint) = endpoint(watch, report).filter(|_| !read_only) else {
        return;
    };
    let http = Http::new(std::sync::Arc::clone(&watch.link.exec));
    let listed = match models(&http, &endpoint).await {
        Ok(listed) => listed,
        Err(error) => {
            tracing::debug!(host = %watch.host, %error, "a new engine does not answer yet");
            return;
        }
    };
    let Some(first) = listed.first() else { return };
    let found = one_token(&http, &endpoint, &first.id, TOKEN).await;
    let words = found.as_ref().err().map(Unanswered::words);
    let found = words.as_deref().map_or(Ok(()), Err);
    let told = found_ready(watch.link.exec.as_ref(), None, &report.work.0, found).await;
    if let Err(why) = told {
        tracing::warn!(host = %watch.host, %why, "a swap could not be told that its engine answers");
    }
}

/// Where the engine listens, as its host sees it.
fn endpoint(watch: &ModelWatch, report: &SwapReport) -> Option<Endpoint> {
    let fleet = watch.shared.handle.fleet();
    let fleet = fleet.borrow();
    let recipe = fleet.catalog.recipes.get(report.model.as_ref()?)?;
    let host = match recipe.listen.as_str() {
        "0.0.0.0" | "::" => "127.0.0.1",
        listen => listen,
    };
    Some(Endpoint {
        host: host.parse().ok()?,
        port: recipe.port,
    })
}
