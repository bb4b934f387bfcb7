//! What may be done with a service, as the exact order that does it (pure): a request to the container engine, a command of
//! systemd, or a detached job of its host. Whether it may be done is decided elsewhere.

use std::time::Duration;

use thiserror::Error;

use crate::domain::{
    ContainerAct, Install, InstallImage, Managed, Secret, ServiceAct, ServiceSpec,
};
use crate::jobs::{JobSpec, LeaseKey, Work};
use crate::shell::{RemotePath, ShellCommand, ShellWord};

const UPDATE: &str = include_str!("update.sh");
const REAPPLY: &str = include_str!("reapply.sh");
const INSTALL: &str = include_str!("install.sh");

/// Asks systemd, with root's rights where the login has none of its own; nobody is there to be asked for a password.
const SYSTEMD: &str = r#"if [ "$(id -u)" = 0 ]; then exec systemctl --no-ask-password "$1" -- "$2"; fi
systemctl --no-ask-password "$1" -- "$2" 2>/dev/null || exec sudo -n systemctl --no-ask-password "$1" -- "$2""#;

/// The longest a job of an act may take.
const UPDATING: Duration = Duration::from_hours(1);
const REAPPLYING: Duration = Duration::from_mins(10);
const INSTALLING: Duration = Duration::from_hours(4);

/// What does an act.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ServiceOrder {
    /// A request to the container engine, about the container of this name.
    Container {
        /// Its name.
        name: String,
        /// What.
        act: ContainerAct,
    },
    /// A command of the host.
    Command(ShellCommand),
    /// A job of the host.
    Job(Box<JobSpec>),
    /// Files are sent to the host first; then [`reapply`] makes the job.
    Reapply,
    /// What is built is sent to the host first; then [`install`] makes the job.
    Install,
}

/// Why an act can't be done with this service.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{what}")]
pub struct NoWay {
    /// One sentence.
    pub what: String,
    /// The mend.
    pub hint: Option<&'static str>,
}

/// The order for an act.
pub fn order(spec: &ServiceSpec, act: ServiceAct) -> Result<ServiceOrder, NoWay> {
    let name = &spec.name;
    let no = |what: String, hint| Err(NoWay { what, hint });
    match (act, &spec.managed) {
        (_, Managed::Watched) => no(
            format!("{name} is only watched"),
            Some("say in the config which container or unit it is"),
        ),
        (
            ServiceAct::Start | ServiceAct::Stop | ServiceAct::Restart,
            Managed::Container(container) | Managed::Git { container, .. },
        ) => Ok(ServiceOrder::Container {
            name: container.clone(),
            act: match act {
                ServiceAct::Start => ContainerAct::Start,
                ServiceAct::Stop => ContainerAct::Stop,
                _ => ContainerAct::Restart,
            },
        }),
        (ServiceAct::Start | ServiceAct::Stop | ServiceAct::Restart, Managed::Unit(unit)) => {
            Ok(ServiceOrder::Command(
                ShellCommand::new("sh")
                    .arg("-c")
                    .arg(SYSTEMD)
                    .arg("pilothouse-unit")
                    .arg(act.word())
                    .word(word(unit)?),
            ))
        }
        (ServiceAct::Update, Managed::Git { folder, .. }) => {
            let words = vec![word(folder.as_str())?];
            let spec = job(spec, UPDATE, words, "update", UPDATING)?;
            Ok(ServiceOrder::Job(Box::new(spec)))
        }
        (ServiceAct::Update, _) => no(
            format!("{name} is no checkout, so there is nothing to update it from"),
            None,
        ),
        (ServiceAct::Reapply, _) if spec.overlays.is_empty() => no(
            format!("the config names no overlay files for {name}"),
            Some("list them as `overlays`"),
        ),
        (ServiceAct::Reapply, Managed::Container(_) | Managed::Git { .. }) => {
            Ok(ServiceOrder::Reapply)
        }
        (ServiceAct::Install, Managed::Container(_)) if spec.install.is_some() => {
            Ok(ServiceOrder::Install)
        }
        (ServiceAct::Reapply | ServiceAct::Install, Managed::Unit(_) | Managed::Git { .. }) => {
            no(format!("{name} is no container of its own"), None)
        }
        (ServiceAct::Install, _) => no(
            format!("the config does not say what {name} is installed from"),
            Some("say it as `install`"),
        ),
    }
}

/// The job that puts the overlay files in: they lie in `folder` as `1`, `2`, … in their order.
pub fn reapply(spec: &ServiceSpec, folder: &RemotePath) -> Result<JobSpec, NoWay> {
    let (Managed::Container(container) | Managed::Git { container, .. }) = &spec.managed else {
        return Err(NoWay {
            what: format!("{} is no container", spec.name),
            hint: None,
        });
    };
    let mut words = vec![named(container)?, word(folder.as_str())?];
    words.extend(spec.overlays.iter().map(|one| one.to.clone().into()));
    job(spec, REAPPLY, words, "reapply", REAPPLYING)
}

/// The job that installs the container; `context` is where what it is built from lies on the host, `key` is NGC's.
pub fn install(
    spec: &ServiceSpec,
    context: Option<&RemotePath>,
    key: Option<Secret<String>>,
) -> Result<JobSpec, NoWay> {
    let (Managed::Container(container), Some(install), Some(port)) =
        (&spec.managed, &spec.install, spec.port)
    else {
        return Err(NoWay {
            what: format!(
                "the config does not say what {} is installed from",
                spec.name
            ),
            hint: Some("say its container, its port and `install`"),
        });
    };
    let mut words = Words(Vec::new());
    words.say("name", named(container)?);
    words.say("service", word(spec.name.as_str())?);
    words.say("port", u64::from(port.get()).into());
    words.image(install, context)?;
    words.rest(install)?;
    let mut job = job(spec, INSTALL, words.0, "install", INSTALLING)?;
    // The key is read with its line end; other installs read an empty line.
    job.input = Some(key.map_or_else(
        || Secret::new("\n".to_owned()),
        |key| Secret::new(format!("{}\n", key.expose().trim())),
    ));
    Ok(job)
}

/// Pairs of a name and a value.
struct Words(Vec<ShellWord>);

impl Words {
    fn say(&mut self, name: &'static str, value: ShellWord) {
        self.0.push(ShellWord::literal(name));
        self.0.push(value);
    }

    fn image(&mut self, install: &Install, context: Option<&RemotePath>) -> Result<(), NoWay> {
        let (kind, image) = match &install.image {
            InstallImage::Nim(image) => ("nim", image),
            InstallImage::Pulled(image) => ("pull", image),
            InstallImage::Built { name, .. } => ("build", name),
        };
        self.say("kind", ShellWord::literal(kind));
        self.say("image", named(image)?);
        match (&install.image, context) {
            (InstallImage::Built { .. }, Some(folder)) => {
                self.say("context", word(folder.as_str())?);
            }
            (InstallImage::Built { name, .. }, None) => {
                return Err(NoWay {
                    what: format!("there is nothing on the host to build {name} from"),
                    hint: None,
                });
            }
            _ => {}
        }
        Ok(())
    }

    fn rest(&mut self, install: &Install) -> Result<(), NoWay> {
        self.say("inside", u64::from(install.inside.get()).into());
        self.say("health", word(&install.health)?);
        if install.gpus {
            self.say("gpus", ShellWord::literal("1"));
        }
        if let Some(memory) = install.memory {
            self.say("memory", memory.0.into());
        }
        if let Some((volume, place)) = &install.volume {
            // A colon would begin another part of it.
            let whole = !volume.contains(':') && !place.as_str().contains(':');
            if !whole {
                return Err(NoWay {
                    what: format!("{volume:?} can't be a volume"),
                    hint: None,
                });
            }
            let volume = if volume.starts_with('/') {
                word(volume)?
            } else {
                named(volume)?
            };
            self.say("volume", volume);
            self.say("place", place.clone().into());
        }
        for (name, value) in &install.env {
            self.say("env", word(&format!("{}={value}", name.as_str()))?);
        }
        Ok(())
    }
}

fn job(
    spec: &ServiceSpec,
    script: &str,
    arguments: Vec<ShellWord>,
    verb: &str,
    limit: Duration,
) -> Result<JobSpec, NoWay> {
    let text = script.to_owned();
    let mut job = JobSpec::new(
        Work::Script { text, arguments },
        format!("{verb} {}", spec.name),
    );
    // One at a time for each service; a name that no lease can have shares one.
    let key = format!("service-{}", spec.name);
    let key = LeaseKey::new(&key).or_else(|_| LeaseKey::new("service"));
    job.lease = Some(key.map_err(|error| NoWay {
        what: error.what,
        hint: None,
    })?);
    job.limit = Some(limit);
    Ok(job)
}

fn word(text: &str) -> Result<ShellWord, NoWay> {
    ShellWord::new(text).map_err(|error| NoWay {
        what: error.to_string(),
        hint: None,
    })
}

/// A name of a container, an image or a volume: nothing that could be read as an option.
fn named(text: &str) -> Result<ShellWord, NoWay> {
    let mut bytes = text.bytes();
    let head = bytes
        .next()
        .is_some_and(|byte| byte.is_ascii_alphanumeric());
    let fits = head
        && text.len() <= 255
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || b"_.-/:@".contains(&byte));
    if fits {
        return word(text);
    }
    Err(NoWay {
        what: format!("{text:?} can't be the name of a container, an image or a volume"),
        hint: Some("letters, digits and _ . - / : @, the first a letter or a digit"),
    })
}
