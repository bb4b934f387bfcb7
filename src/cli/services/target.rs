//! Which service a word means (pure): `HOST/NAME`, or `NAME` where that can mean only one. The configuration says which there
//! are, so that only the host of the one that is meant has to be asked.

use std::sync::Arc;

use crate::config::{Config, nearest};
use crate::domain::ServiceSpec;
use crate::engine::Refusal;

/// The service that a word means.
pub(super) fn find(word: &str, config: &Config) -> Result<Arc<ServiceSpec>, Refusal> {
    let (host, name) = match word.rsplit_once('/') {
        Some((host, name)) => (Some(host), name),
        None => (None, word),
    };
    let services = &config.settings.services;
    let found: Vec<&Arc<ServiceSpec>> = services
        .iter()
        .filter(|spec| {
            spec.name.as_str() == name && host.is_none_or(|host| spec.host.as_str() == host)
        })
        .collect();
    match found.as_slice() {
        [only] => Ok(Arc::clone(only)),
        [] => Err(none(word, services)),
        many => {
            let words: Vec<String> = many.iter().map(|spec| title(spec)).collect();
            Err(Refusal {
                why: format!("{name} means more than one service"),
                hint: Some(format!("say which: {}", words.join(", "))),
            })
        }
    }
}

fn none(word: &str, services: &[Arc<ServiceSpec>]) -> Refusal {
    if services.is_empty() {
        return Refusal {
            why: format!("there is no service `{word}`: the configuration names none"),
            hint: Some("write some under `services:`; `pilothouse config init` shows how".into()),
        };
    }
    let titles: Vec<String> = services.iter().map(|spec| title(spec)).collect();
    let names = services.iter().map(|spec| spec.name.as_str());
    let meant = nearest(word, titles.iter().map(String::as_str).chain(names));
    let list = "`pilothouse services list` lists them";
    Refusal {
        why: format!("there is no service `{word}`"),
        hint: Some(match meant {
            Some(meant) => format!("did you mean `{meant}`? {list}"),
            None => list.to_owned(),
        }),
    }
}

/// `spark-1/vllm`.
pub(super) fn title(spec: &ServiceSpec) -> String {
    format!("{}/{}", spec.host, spec.name)
}
