//! `install` of a service (pure): what its container is pulled or built from, and how it is run. Half of what was meant installs
//! nothing: whatever is wrong is told, and the entry is left out.

use std::collections::BTreeMap;

use super::duration::memory;
use super::hosts::Folders;
use super::layers::Layers;
use super::models::{own_path, remote_path};
use super::plain::is_plain;
use super::raw_models::RawInstall;
use super::reader::Lined;
use crate::domain::{
    BuildContext, Install, InstallImage, Managed, Mib, Port, ServicePreset, ShallowProbe,
};
use crate::shell::{EnvName, RemotePath};

/// The word for the build that comes with the program.
pub(crate) const EMBEDDINGS: &str = "embeddings";

/// The variable in which a NIM gets NGC's key: it is handed over, and stands in no file.
const NGC_KEY: &str = "NGC_API_KEY";

/// Longest value of a variable.
const LONGEST: usize = 4096;

/// What else is known of the service.
pub(super) struct Of<'a> {
    pub(super) kind: Option<ServicePreset>,
    pub(super) managed: Option<&'a Managed>,
    pub(super) port: Option<Port>,
    pub(super) shallow: Option<&'a ShallowProbe>,
}

impl Layers<'_> {
    /// What is installed; `None` where that can't be said, which has been told then.
    pub(super) fn install(
        &mut self,
        raw: &RawInstall,
        of: &Of<'_>,
        folders: &Folders<'_>,
    ) -> Option<Install> {
        let container = match of.managed {
            Some(Managed::Container(name)) => Some(name),
            _ => None,
        };
        let (Some(container), Some(port)) = (container, of.port) else {
            self.problems.at(
                raw.line,
                "what is installed is a container of its own that answers on a port",
                "add `container: NAME` and `port: 8000` to the service",
            );
            return None;
        };
        let image = self.image(raw, container, folders);
        let embeddings = matches!(
            image,
            Some(InstallImage::Built {
                context: BuildContext::Embeddings,
                ..
            })
        );
        let inside = match &raw.inside {
            Some(number) => self.service_port(number, "inside"),
            None if embeddings => ServicePreset::Embeddings.port(),
            None => of.kind.and_then(ServicePreset::port).or(Some(port)),
        };
        let health = self.health(raw, of, image.as_ref());
        let volume = raw.volume.as_ref().map(|text| self.volume(text));
        let memory = raw.memory.as_ref().map(|text| self.memory(text));
        let env = self.env(raw, image.as_ref());
        let usual = embeddings || matches!(image, Some(InstallImage::Nim(_)));
        let gpus = raw.gpus.as_ref().map_or(usual, |gpus| gpus.value);
        Some(Install {
            image: image?,
            inside: inside?,
            volume: match volume {
                None => None,
                Some(volume) => Some(volume?),
            },
            env: env?,
            memory: match memory {
                None => None,
                Some(memory) => Some(memory?),
            },
            gpus,
            health: health?,
        })
    }

    fn image(
        &mut self,
        raw: &RawInstall,
        container: &str,
        folders: &Folders<'_>,
    ) -> Option<InstallImage> {
        match (&raw.nim, &raw.build, &raw.image) {
            (Some(nim), None, None) => self.image_name(nim, "nim").map(InstallImage::Nim),
            (None, None, Some(image)) => self.image_name(image, "image").map(InstallImage::Pulled),
            (None, Some(build), named) => {
                let name = match named {
                    Some(named) => self.image_name(named, "image"),
                    None => Some(format!("pilothouse/{}", container.to_lowercase())),
                };
                let context = self.build(build, folders);
                Some(InstallImage::Built {
                    name: name?,
                    context: context?,
                })
            }
            (None, None, None) => {
                self.problems.at(
                    raw.line,
                    "`install` does not say what is installed",
                    "write `image: NAME` to pull it, `nim: NAME`, or `build: FOLDER`",
                );
                None
            }
            (Some(_), ..) => {
                self.problems.at(
                    raw.line,
                    "`nim` stands alone: it is an image by itself",
                    "remove `image` and `build`, or `nim`",
                );
                None
            }
        }
    }

    fn image_name(&mut self, text: &Lined<String>, key: &str) -> Option<String> {
        self.plain(
            text,
            (key, 1..=255, "._-/:@"),
            "write a name such as nvcr.io/nim/nvidia/parakeet:1.3.0",
        )
    }

    fn build(&mut self, text: &Lined<String>, folders: &Folders<'_>) -> Option<BuildContext> {
        if text.value == EMBEDDINGS {
            return Some(BuildContext::Embeddings);
        }
        let folder = own_path(&text.value, folders).map(BuildContext::Folder);
        if folder.is_none() {
            self.problems.at(
                text.line,
                format!("`build` is no folder of this machine: `{}`", text.value),
                format!("write a folder with a Dockerfile in it, or {EMBEDDINGS}, which comes with pilothouse"),
            );
        }
        folder
    }

    fn health(
        &mut self,
        raw: &RawInstall,
        of: &Of<'_>,
        image: Option<&InstallImage>,
    ) -> Option<String> {
        if let Some(path) = &raw.health {
            if super::service_probe::is_path(&path.value) {
                return Some(path.value.clone());
            }
            self.problems.at(
                path.line,
                format!("`health` is no path: `{}`", path.value),
                "write the path that answers once it works: /health",
            );
            return None;
        }
        Some(match (image, of.shallow) {
            // As NVIDIA documents it for all of them.
            (Some(InstallImage::Nim(_)), _) => "/v1/health/ready".to_owned(),
            (_, Some(ShallowProbe::Http { path, .. })) => path.clone(),
            _ => "/health".to_owned(),
        })
    }

    fn volume(&mut self, text: &Lined<String>) -> Option<(String, RemotePath)> {
        let parts = text.value.split_once(':');
        let found = parts.and_then(|(from, to)| {
            let from = match remote_path(from) {
                Some(folder) => folder.as_str().to_owned(),
                None if is_plain(from, 2..=255, "._-") => from.to_owned(),
                None => return None,
            };
            Some((from, remote_path(to)?))
        });
        if found.is_none() {
            self.problems.at(
                text.line,
                format!("`volume` can't be `{}`", text.value),
                "write NAME:/place or /folder/of/the/host:/place",
            );
        }
        found
    }

    fn memory(&mut self, text: &Lined<String>) -> Option<Mib> {
        let found = memory(&text.value).filter(|memory| memory.0 > 0);
        if found.is_none() {
            self.problems.at(
                text.line,
                format!("`memory` can't be `{}`", text.value),
                "write 512 MiB or 16 GiB",
            );
        }
        found
    }

    fn env(
        &mut self,
        raw: &RawInstall,
        image: Option<&InstallImage>,
    ) -> Option<BTreeMap<EnvName, String>> {
        let before = self.problems.all.len();
        let nim = matches!(image, Some(InstallImage::Nim(_)));
        let mut env = BTreeMap::new();
        for (name, value) in &raw.env {
            let fits = |value: &Lined<String>| {
                value.value.len() <= LONGEST && !value.value.chars().any(char::is_control)
            };
            match (EnvName::new(name.value.as_str()), value) {
                (Ok(_), _) if nim && name.value == NGC_KEY => self.problems.at(
                    name.line,
                    format!(
                        "`{NGC_KEY}` is a secret, and is handed over without being written here"
                    ),
                    "say where it is to be had as `ngc_key` under `models`",
                ),
                (Ok(known), Some(value)) if fits(value) => {
                    env.insert(known, value.value.clone());
                }
                // Without a value that is a text: that has been told.
                (Ok(_), None) => {}
                _ => self.problems.at(
                    name.line,
                    format!("`{}` is no variable with a value", name.value),
                    "write NAME: value, in one line",
                ),
            }
        }
        (self.problems.all.len() == before).then_some(env)
    }
}
