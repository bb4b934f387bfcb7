//! Looks at what a host serves (hands): its engines are asked over their ports, and what they answer is joined with their
//! containers and with the memory of their GPU processes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use tokio::time::timeout;

use super::loading::{Loading, loading};
use super::meter::Meter;
use super::serving::{Served, ServedBy, ServedState, Serving};
use super::serving_place::{Expected, ServingPlace, places, runs};
use crate::docker::{Docker, follow};
use crate::domain::{At, Bytes, Container, ContainerState, Endpoint, GpuProcess, ModelKey, Port};
use crate::exec::Exec;
use crate::follow::{FollowEvent, Start, StartAt};
use crate::reach::{Http, HttpAsk, HttpError, HttpErrorKind, Listed, Unanswered, models};
use crate::text::SafeText;

/// Largest page of metrics.
const METRICS: usize = 4 * 1024 * 1024;

/// Lines of a log that tell how far a start is.
const LINES: u32 = 200;

/// Longest wait for those.
const LOG: Duration = Duration::from_secs(3);

/// What is known of a host before its engines are asked.
#[derive(Debug, Clone, Copy, Default)]
pub struct Asked<'a> {
    /// Its containers.
    pub containers: &'a [Container],
    /// The processes on its GPUs.
    pub processes: &'a [GpuProcess],
    /// What recipes expect there.
    pub expected: &'a [Expected],
    /// Ports that are looked at and never touched.
    pub watched: &'a [Port],
}

/// The engines of one host, look by look: rates are between two looks.
#[derive(Debug)]
pub struct ServingWatch {
    http: Http,
    before: BTreeMap<Endpoint, Meter>,
}

impl ServingWatch {
    /// Nothing was looked at yet.
    pub fn new(exec: Arc<dyn Exec>) -> Self {
        Self {
            http: Http::new(exec),
            before: BTreeMap::new(),
        }
    }

    /// The way to its services, for one more question such as a token.
    pub fn http(&self) -> &Http {
        &self.http
    }

    /// What was counted before is forgotten: rates over a time in which nobody looked would be those of the past.
    pub fn forget(&mut self) {
        self.before.clear();
    }

    /// Looks at all engines at once. Of ports that are merely expected and idle, one is told of, and only where nothing else is.
    pub async fn look(&mut self, docker: Option<&Docker>, asked: Asked<'_>, now: At) -> Serving {
        let places = places(asked.containers, asked.expected, asked.watched);
        let looks = places
            .iter()
            .map(|place| self.one(docker, place, &asked, now));
        let looked = futures_util::future::join_all(looks).await;
        let present: BTreeSet<_> = places.iter().map(|place| &place.endpoint).collect();
        self.before.retain(|endpoint, _| present.contains(endpoint));
        let mut serving = Serving::default();
        let mut idle = None;
        for (place, (served, meter)) in places.iter().zip(looked) {
            if let Some(meter) = meter {
                self.before.insert(place.endpoint.clone(), meter);
            }
            let bare = place.container.is_none() && !place.watched_only;
            if bare && served.state == ServedState::Idle {
                idle.get_or_insert(served);
            } else {
                serving.served.push(served);
            }
        }
        if serving.served.is_empty() {
            serving.served.extend(idle);
        }
        serving
    }

    async fn one(
        &self,
        docker: Option<&Docker>,
        place: &ServingPlace,
        asked: &Asked<'_>,
        now: At,
    ) -> (Served, Option<Meter>) {
        let mut served = Served::unseen(place.endpoint.port);
        served.watched_only = place.watched_only;
        served.recipe.clone_from(&place.recipe);
        if let Some(container) = &place.container {
            let known = whole(docker, container).await;
            of_container(
                &mut served,
                known.as_ref().unwrap_or(container),
                asked.processes,
            );
        }
        let meter = match self.answers(&place.endpoint).await {
            Ok(listed) => self.ready(&mut served, &place.endpoint, &listed, now).await,
            Err(Trouble::Silent) => {
                served.state = silent(docker, place.container.as_ref()).await;
                None
            }
            Err(Trouble::Loads(words)) => {
                served.state = ServedState::Loading { words };
                None
            }
            Err(Trouble::Fails(why)) => {
                served.state = ServedState::Failing { why };
                None
            }
        };
        if served.recipe.is_none() {
            served.recipe = recipe_of(served.model.as_ref(), place.endpoint.port, asked.expected);
        }
        (served, meter)
    }

    /// The models of an engine that is well.
    async fn answers(&self, endpoint: &Endpoint) -> Result<Vec<Listed>, Trouble> {
        let health = self.http.ask(&HttpAsk::get(endpoint, "/health")).await?;
        if health.status >= 500 {
            let said = String::from_utf8_lossy(&health.body);
            // llama.cpp answers so while it loads.
            if said.to_ascii_lowercase().contains("loading model") {
                return Err(Trouble::Loads("loads the weights".into()));
            }
            let why = format!("its health check answers {}", health.status);
            return Err(Trouble::Fails(why.into()));
        }
        match models(&self.http, endpoint).await {
            Ok(listed) => Ok(listed),
            Err(Unanswered::Http(error)) => Err(error.into()),
            Err(other) => Err(Trouble::Fails(other.words().into())),
        }
    }

    async fn ready(
        &self,
        served: &mut Served,
        endpoint: &Endpoint,
        listed: &[Listed],
        now: At,
    ) -> Option<Meter> {
        let Some(first) = listed.first() else {
            served.state = ServedState::Idle;
            return None;
        };
        served.state = ServedState::Ready;
        served.model = Some(SafeText::new(&first.id));
        served.context = first.context.into();
        served.by = match first.owner.as_str() {
            "vllm" => ServedBy::Vllm,
            "llamacpp" => ServedBy::LlamaCpp,
            _ => ServedBy::OpenAi,
        };
        let page = HttpAsk::get(endpoint, "/metrics").at_most(METRICS);
        let meter = match self.http.ask(&page).await {
            Ok(page) if page.is_good() => Some(Meter::read(&page.body, now)),
            // llama.cpp counts only where it was told to.
            Ok(_) => None,
            Err(error) => {
                tracing::debug!(%endpoint, %error, "the metrics of an engine can't be read");
                None
            }
        };
        if let Some(meter) = &meter {
            served.by = meter.by.unwrap_or(served.by);
            meter.tell(self.before.get(endpoint), served);
        }
        if served.by == ServedBy::LlamaCpp && first.context.is_none() {
            served.context = self.context(endpoint).await.into();
        }
        meter
    }

    /// The context of llama.cpp's server, which its list of models does not tell.
    async fn context(&self, endpoint: &Endpoint) -> Option<u64> {
        #[derive(Deserialize)]
        struct Props {
            default_generation_settings: Settings,
        }
        #[derive(Deserialize)]
        struct Settings {
            n_ctx: u64,
        }
        let answer = self
            .http
            .ask(&HttpAsk::get(endpoint, "/props"))
            .await
            .ok()?;
        let props: Props = serde_json::from_slice(&answer.body).ok()?;
        Some(props.default_generation_settings.n_ctx)
    }
}

/// Why an engine has no models to tell of.
enum Trouble {
    /// Nothing listens.
    Silent,
    /// It says that it loads.
    Loads(SafeText),
    /// It does not answer as it should.
    Fails(SafeText),
}

impl From<HttpError> for Trouble {
    fn from(error: HttpError) -> Self {
        match error.kind {
            HttpErrorKind::Refused => Self::Silent,
            _ => Self::Fails(error.what.into()),
        }
    }
}

/// The row of a container with what a list does not tell: since when it runs, and how often it was started anew.
async fn whole(docker: Option<&Docker>, container: &Container) -> Option<Container> {
    if container.started.is_some() && container.restarts.value().is_some() {
        return None;
    }
    match docker?.container(&container.id).await {
        Ok(whole) => Some(whole),
        Err(error) => {
            tracing::debug!(container = %container.id, %error, "it can't be looked at");
            None
        }
    }
}

fn of_container(served: &mut Served, container: &Container, processes: &[GpuProcess]) {
    served.name = container.name.clone();
    served.container = Some(container.id.clone());
    served.since = container.started;
    served.restarts = container.restarts.value().copied().unwrap_or_default();
    let own = processes.iter().filter(|process| container.holds(process));
    let held: Vec<_> = own.filter_map(|process| process.memory.value()).collect();
    let sum = || {
        held.iter()
            .map(|mib| Bytes(mib.0.saturating_mul(1024 * 1024)))
            .sum()
    };
    served.memory = (!held.is_empty()).then(sum).into();
}

/// What it means that nothing listens: idle where no container runs, or one does and its log tells of no start.
async fn silent(docker: Option<&Docker>, container: Option<&Container>) -> ServedState {
    let Some(container) = container else {
        return ServedState::Idle;
    };
    match container.state {
        ContainerState::Exited(code) => {
            let why = format!("its container ended with {code}").into();
            return ServedState::Failing { why };
        }
        ContainerState::Restarting => {
            let why = "its container is started again and again".into();
            return ServedState::Failing { why };
        }
        _ if !runs(Some(container)) => return ServedState::Idle,
        _ => {}
    }
    let Some(docker) = docker else {
        return ServedState::Loading {
            words: "its port does not answer yet".into(),
        };
    };
    match tail(docker, container.id.as_str()).await {
        Loading::Loads(words) => ServedState::Loading { words },
        Loading::Started => ServedState::Loading {
            words: "about to answer".into(),
        },
        Loading::Failed(why) => ServedState::Failing { why },
        Loading::Nothing => ServedState::Idle,
    }
}

/// What the last lines of a container's log say of its start.
async fn tail(docker: &Docker, container: &str) -> Loading {
    let start = Start {
        from: StartAt::Tail(LINES),
        until: None,
        follow: false,
    };
    let mut lines: Vec<Vec<u8>> = Vec::new();
    let read = async {
        let Ok(mut source) = follow(docker, container, start).await else {
            return;
        };
        loop {
            match source.next().await {
                FollowEvent::Lines(batch) => {
                    lines.extend(batch.iter().map(|line| line.bytes.to_vec()));
                }
                FollowEvent::Ended { .. } => return,
                FollowEvent::Missing { .. } | FollowEvent::Note(_) => {}
            }
        }
    };
    if timeout(LOG, read).await.is_err() {
        tracing::debug!(
            container,
            "its log takes long: what was read of it has to do"
        );
    }
    loading(lines.iter().map(Vec::as_slice))
}

/// The recipe whose model is served on that port, where there is only one.
fn recipe_of(model: Option<&SafeText>, port: Port, expected: &[Expected]) -> Option<ModelKey> {
    let model = model?.as_str();
    let mut all = expected.iter().filter(|one| one.model == model);
    let mut here = all.clone().filter(|one| one.port == port);
    match (here.next(), here.next()) {
        (Some(one), None) => Some(one.recipe.clone()),
        (Some(_), Some(_)) => None,
        (None, _) => {
            let one = all.next()?;
            all.next().is_none().then(|| one.recipe.clone())
        }
    }
}
