//! The verdicts of a preflight (pure): facts in, each check with its reasoning and its mend out.

use super::facts::{BoxFact, Flags, HostFacts};
use super::judge_memory;
use super::launch_llama::{self, Uses};
use super::{
    Check, Completeness, EngineKind, Finding, Launch, LockState, Preflight, Recipe, Verdict,
    Weights, is_swap,
};
use crate::capacity::{PortVerdict, port};
use crate::domain::{HostId, Place};
use crate::jobs::{Job, JobState};
use crate::text::SafeText;

/// Everything that the verdicts are made of.
#[derive(Debug, Clone)]
pub struct PreflightInput<'a> {
    /// The recipe.
    pub recipe: &'a Recipe,
    /// The place.
    pub place: &'a Place,
    /// What would be run.
    pub launch: &'a Launch,
    /// The names of the containers that are stopped before.
    pub stopped: &'a [String],
    /// The reservation on the head.
    pub lock: Option<&'a LockState>,
    /// The hosts, the head first.
    pub hosts: &'a [HostLook<'a>],
    /// What is served there now, with who uses it.
    pub users: Vec<SafeText>,
}

/// What is known of one host.
#[derive(Debug, Clone)]
pub struct HostLook<'a> {
    /// The host.
    pub host: &'a HostId,
    /// What it said, or why it said nothing.
    pub facts: Result<&'a HostFacts, SafeText>,
    /// The weights of this model there; `None`: they are not there. An error where its disk was not looked at.
    pub weights: Result<Option<&'a Weights>, SafeText>,
    /// Its jobs.
    pub jobs: &'a [Job],
    /// What is stopped is known to serve on the port of this launch.
    pub serves: bool,
}

/// Judges all checks, in the order of [`Check`].
pub fn preflight(input: &PreflightInput<'_>) -> Preflight {
    let mut verdicts = Vec::new();
    let uses = uses(input);
    for look in input.hosts {
        let head = look.host == input.place.head();
        let mut say = |check, finding| {
            verdicts.push(Verdict {
                check,
                host: look.host.clone(),
                finding,
            });
        };
        say(Check::Lock, lock(input, look, head));
        say(Check::Weights, weights(look));
        let facts = match &look.facts {
            Ok(facts) => *facts,
            Err(why) => {
                for check in [Check::Memory, Check::Port, Check::Container, Check::Driver] {
                    say(check, Finding::Unknown(why.clone()));
                }
                continue;
            }
        };
        say(
            Check::Memory,
            judge_memory::memory(input, look, facts, uses),
        );
        if head {
            say(Check::Port, port_of(input, look, facts));
        }
        if let Some(name) = &input.launch.container {
            say(Check::Container, container(input, name, facts));
        }
        say(Check::Driver, driver(facts, uses));
        if !facts.nodes.is_empty() {
            say(Check::Peers, peers(facts));
        }
        if head && facts.flags != Flags::NotAsked {
            say(Check::Flags, flags(&input.launch.engine, &facts.flags));
        }
    }
    // By check first, the hosts in their order.
    verdicts.sort_by_key(|verdict| verdict.check);
    Preflight {
        model: input.launch.model.clone(),
        place: input.place.clone(),
        verdicts,
        command: input.launch.shown(),
        users: input.users.clone(),
    }
}

pub(super) fn pass(why: impl Into<SafeText>) -> Finding {
    Finding::Pass(why.into())
}

pub(super) fn warn(why: impl Into<SafeText>, hint: &str) -> Finding {
    Finding::Warn {
        why: why.into(),
        hint: hint_of(hint),
    }
}

pub(super) fn fail(why: impl Into<SafeText>, hint: &str) -> Finding {
    Finding::Fail {
        why: why.into(),
        hint: hint_of(hint),
    }
}

fn hint_of(hint: &str) -> Option<SafeText> {
    (!hint.is_empty()).then(|| hint.into())
}

fn lock(input: &PreflightInput<'_>, look: &HostLook<'_>, head: bool) -> Finding {
    let at_work = look
        .jobs
        .iter()
        .find(|job| is_swap(job) && job.state == JobState::Running);
    if let Some(job) = at_work {
        let who = job
            .marks
            .get("by")
            .map_or("somebody", |by| by.value.as_str());
        let why = format!("a swap of {who} is at work: {}", job.label);
        return fail(why, "wait for its end, or cancel it");
    }
    match input.lock.filter(|_| head) {
        None => pass("free"),
        Some(lock) if lock.ours => pass("reserved, and the token is here"),
        Some(lock) => {
            let minutes = lock.left.as_secs().div_ceil(60);
            let why = format!(
                "reserved by {} for another {minutes} min: {}",
                lock.holder, lock.note
            );
            fail(why, "wait for its end, give its token, or break it")
        }
    }
}

fn weights(look: &HostLook<'_>) -> Finding {
    match &look.weights {
        Err(why) => Finding::Unknown(why.clone()),
        Ok(None) => fail(
            "they are not on this host",
            "download them, or copy them from a host that has them",
        ),
        Ok(Some(weights)) => match &weights.completeness {
            Completeness::Complete => {
                let size = crate::domain::Mib::from_bytes(weights.size.0);
                pass(format!("{} files, {size}, all there", weights.files))
            }
            Completeness::Partial(what) => fail(
                format!("not whole: {what}"),
                "go on with the download: what is there is kept",
            ),
        },
    }
}

fn port_of(input: &PreflightInput<'_>, look: &HostLook<'_>, facts: &HostFacts) -> Finding {
    let wanted = input.launch.port;
    match port(wanted, &facts.listeners, input.stopped, look.serves) {
        PortVerdict::Free => pass(format!("{wanted} is free")),
        PortVerdict::Freed(owner) => pass(format!(
            "{wanted} is held by {}, which is stopped",
            owner.words()
        )),
        PortVerdict::Unsure(owner) => warn(
            format!(
                "{wanted} is held by {}; whether that is what is stopped can't be seen",
                owner.words()
            ),
            "",
        ),
        PortVerdict::Taken(owner) => fail(
            format!("{wanted} is taken by {}", owner.words()),
            "stop it, or give the recipe another port",
        ),
    }
}

fn container(input: &PreflightInput<'_>, name: &str, facts: &HostFacts) -> Finding {
    if let Some(why) = &facts.docker_trouble {
        return fail(
            format!("docker does not answer: {why}"),
            "look at the docker service, and at whether the login is in the group docker",
        );
    }
    if let Some((image, _)) = facts.images.iter().find(|(_, there)| !there) {
        return fail(
            format!("the image {image} is not on this host"),
            "pull or build it there first",
        );
    }
    let there = facts.boxes.iter().find(|one| one.name == name);
    let stopped = input.stopped.iter().any(|one| one == name);
    match there {
        None => pass(format!("the name {name} is free")),
        Some(BoxFact {
            model: Some(model), ..
        }) => pass(format!("{name} serves {model} for us, and is replaced")),
        Some(one) if stopped || !one.runs => warn(
            format!("{name} is there and was not launched by us: it is kept under another name"),
            "",
        ),
        Some(_) => fail(
            format!("{name} runs, was not launched by us, and is not what is served here"),
            "stop or rename it, or give the recipe another name",
        ),
    }
}

/// What the engine does with the GPUs.
fn uses(input: &PreflightInput<'_>) -> Uses {
    match &input.recipe.engine {
        EngineKind::LlamaCpp { image, .. } => {
            launch_llama::uses(image.as_deref(), &input.launch.engine)
        }
        _ => Uses::Gpus,
    }
}

/// The newest CUDA that GB10 and other parts of compute capability 12.1 need, and the drivers that NVIDIA and the launcher's own
/// notes warn of there (shared reference: 590 deadlocks CUDA graphs on GB10, 580 is preferred).
fn driver(facts: &HostFacts, uses: Uses) -> Finding {
    if uses == Uses::Cpu {
        return pass("not needed: it leaves the GPUs alone");
    }
    if let Some(why) = &facts.smi_trouble {
        let missing = why.as_str() == "missing";
        if missing && uses == Uses::GpusIfAny {
            return warn(
                "nvidia-smi is not on this host: it is served by the CPU",
                "where that is meant, say so: --n-gpu-layers 0",
            );
        }
        let words = if missing {
            "nvidia-smi is not on this host".to_owned()
        } else {
            format!("the driver does not answer: {why}")
        };
        return fail(
            words,
            "look at the driver; if its tool hangs, restart the host",
        );
    }
    let Some(gpu) = facts.gpus.first() else {
        return fail("the driver has no GPU", "look at the kernel's log");
    };
    let major: u32 = gpu
        .driver
        .as_str()
        .split('.')
        .next()
        .and_then(|major| major.parse().ok())
        .unwrap_or(0);
    let cuda = facts
        .cuda
        .map(|(major, minor)| format!(", CUDA {major}.{minor}"))
        .unwrap_or_default();
    let known = format!("{} {}{cuda}", gpu.name, gpu.driver);
    let spark = gpu.name.as_str().contains("GB10");
    if spark && facts.cuda.is_some_and(|cuda| cuda < (13, 0)) {
        return fail(
            format!("{known}: this part needs CUDA 13.0"),
            "update the driver to 580 or later",
        );
    }
    if spark && (590..600).contains(&major) {
        return warn(
            format!("{known}: 590 is known to deadlock CUDA graphs on this part"),
            "prefer a driver 580",
        );
    }
    if major > 0 && major < 525 {
        return fail(
            format!("{known}: engines of today need CUDA 12"),
            "update the driver to 525 or later",
        );
    }
    pass(known)
}

fn peers(facts: &HostFacts) -> Finding {
    if let Some((name, state)) = &facts.link
        && !matches!(state.as_str(), "up" | "unknown")
    {
        return fail(
            format!("the fast network's interface {name} is {state}"),
            "look at the cable and at the interface's name in models.clusters",
        );
    }
    let lost = facts
        .nodes
        .iter()
        .find_map(|(node, why)| why.as_ref().map(|why| (node, why)));
    match lost {
        Some((node, why)) => fail(
            format!("this host can't log in to {node} without being asked something: {why}"),
            "let an SSH login from this host to that address work without a question",
        ),
        None => {
            let names: Vec<String> = facts
                .nodes
                .iter()
                .map(|(node, _)| node.to_string())
                .collect();
            pass(format!("logs in to {}", names.join(", ")))
        }
    }
}

fn flags(engine: &[String], known: &Flags) -> Finding {
    let known = match known {
        Flags::Known(known) => known,
        Flags::Asked => {
            return Finding::Unknown(
                "the image is being asked for its flags, which takes minutes the first time: look again".into(),
            );
        }
        Flags::Silent(why) => return Finding::Unknown(why.clone()),
        Flags::NotAsked => return Finding::Unknown("nobody asked".into()),
    };
    let used: Vec<String> = engine.iter().filter_map(|word| flag_of(word)).collect();
    let odd: Vec<&str> = used
        .iter()
        .filter(|flag| !known.contains(*flag))
        .map(String::as_str)
        .collect();
    let Some(first) = odd.first() else {
        return pass(format!("this build knows all {} flags", used.len()));
    };
    let near = known
        .iter()
        .map(|flag| (distance(first, flag), flag))
        .min()
        .filter(|(far, _)| *far <= 4)
        .map_or_else(
            || "take it out of the recipe, or take another image".to_owned(),
            |(_, flag)| format!("did you mean {flag}?"),
        );
    fail(
        format!("this build does not know {}", odd.join(", ")),
        &near,
    )
}

/// The flag of a word as `--help` writes it: without its value, without what it sets inside of a JSON value, with dashes.
fn flag_of(word: &str) -> Option<String> {
    let bare = word.strip_prefix("--")?;
    let end = bare.find(['=', '.']).unwrap_or(bare.len());
    let bare = bare.get(..end).filter(|bare| !bare.is_empty())?;
    Some(format!("--{}", bare.replace('_', "-")))
}

/// How many letters have to change (Levenshtein).
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (at, a) in one.chars().enumerate() {
        let mut left = at + 1;
        let mut corner = at;
        for (b, cell) in other.iter().zip(row.iter_mut().skip(1)) {
            let here = (corner + usize::from(a != *b)).min(left + 1).min(*cell + 1);
            corner = *cell;
            *cell = here;
            left = here;
        }
        if let Some(first) = row.first_mut() {
            *first = at + 1;
        }
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_are_compared_as_help_writes_them() {
        let known = [
            "--max-model-len",
            "--port",
            "--speculative-config",
            "--no-enable-prefix-caching",
        ];
        let known = Flags::Known(known.into_iter().map(str::to_owned).collect());
        let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        let good =
            words("vllm serve x --max_model_len=4 --port 80 --speculative-config.method=mtp -- y");
        assert!(
            matches!(flags(&good, &known), Finding::Pass(why) if why.as_str().contains("all 3"))
        );
        let odd = words("vllm serve x --max-modell-len=4 --nonsense-of-somebody");
        let Finding::Fail { why, hint } = flags(&odd, &known) else {
            panic!("they are unknown");
        };
        assert_eq!(
            why.as_str(),
            "this build does not know --max-modell-len, --nonsense-of-somebody"
        );
        assert_eq!(hint.unwrap().as_str(), "did you mean --max-model-len?");
        assert!(matches!(flags(&odd, &Flags::Asked), Finding::Unknown(_)));
    }

    #[test]
    fn distances_by_rows() {
        for (one, other, far) in [
            ("", "", 0),
            ("a", "", 1),
            ("", "ab", 2),
            ("kitten", "sitting", 3),
            ("--x", "--x", 0),
        ] {
            assert_eq!(distance(one, other), far, "{one} {other}");
        }
    }

    #[test]
    fn drivers_by_rows() {
        let facts =
            |said: &str| super::super::facts::parse(&format!("pilothouse-facts 1\n{said}end\n"));
        let gpu = |driver: &str, name: &str| format!("gpu u, 0, 100, 50, {driver}, {name}\n");
        assert!(matches!(
            driver(&facts("smi missing\n"), Uses::Gpus),
            Finding::Fail { .. }
        ));
        assert!(matches!(
            driver(&facts(""), Uses::Gpus),
            Finding::Fail { .. }
        ));
        assert!(matches!(
            driver(&facts(&gpu("580.95.05", "NVIDIA GB10")), Uses::Gpus),
            Finding::Pass(_)
        ));
        assert!(matches!(
            driver(&facts(&gpu("590.10", "NVIDIA GB10")), Uses::Gpus),
            Finding::Warn { .. }
        ));
        let old = format!("cuda 12.8\n{}", gpu("570.10", "NVIDIA GB10"));
        assert!(matches!(
            driver(&facts(&old), Uses::Gpus),
            Finding::Fail { .. }
        ));
        assert!(matches!(
            driver(&facts(&gpu("470.1", "NVIDIA A100")), Uses::Gpus),
            Finding::Fail { .. }
        ));
        assert!(matches!(
            driver(&facts(&gpu("535.1", "NVIDIA A100")), Uses::Gpus),
            Finding::Pass(_)
        ));
    }

    #[test]
    fn an_engine_that_wants_no_gpu_needs_no_driver() {
        let facts =
            |said: &str| super::super::facts::parse(&format!("pilothouse-facts 1\n{said}end\n"));
        let bare = facts("mem 67108864 50331648\nsmi missing\n");
        assert!(matches!(driver(&bare, Uses::Cpu), Finding::Pass(_)));
        let Finding::Warn { why, .. } = driver(&bare, Uses::GpusIfAny) else {
            panic!("it is served by the CPU");
        };
        assert!(why.as_str().ends_with("served by the CPU"), "{why}");
        // A driver that is there and does not answer is another matter.
        let hung = facts("smi it hangs\n");
        assert!(matches!(
            driver(&hung, Uses::GpusIfAny),
            Finding::Fail { .. }
        ));
        assert!(matches!(driver(&hung, Uses::Cpu), Finding::Pass(_)));
    }

    #[test]
    fn a_model_for_the_cpu_fits_into_the_memory_of_a_host_without_gpus() {
        let bare =
            "pilothouse-facts 1\nmem 67108864 50331648\nsmi missing\ndocker not found\nend\n";
        let facts = super::super::facts::parse(bare);
        let host = HostId::new("box");
        let place = Place::Solo(host.clone());
        let judged = |words: &str, size: u64| {
            let text = format!(
                "models:\n  tiny: {{local_path: /srv/tiny, engine: llama.cpp, args: [{words}]}}\n"
            );
            let catalog = crate::models::Catalog::load(&[("m", &text)]);
            assert_eq!(catalog.problems, []);
            let recipe = catalog.recipes.values().next().unwrap();
            let knobs = std::collections::BTreeMap::new();
            let launch = crate::models::launch(recipe, &place, &knobs, None).unwrap();
            let weights = Weights {
                source: recipe.source.clone(),
                path: crate::shell::RemotePath::new("/srv/tiny").unwrap(),
                size: crate::domain::Bytes(size << 30),
                files: 1,
                changed: crate::domain::Wall(0),
                completeness: Completeness::Complete,
                config: None,
            };
            let hosts = [HostLook {
                host: &host,
                facts: Ok(&facts),
                weights: Ok(Some(&weights)),
                jobs: &[],
                serves: false,
            }];
            preflight(&PreflightInput {
                recipe,
                place: &place,
                launch: &launch,
                stopped: &[],
                lock: None,
                hosts: &hosts,
                users: Vec::new(),
            })
        };
        for words in ["--n-gpu-layers, 0", "-ngl, 0", "--device, none", ""] {
            let found = judged(words, 4);
            assert!(found.passes(), "{words}: {found:#?}");
            let memory = &found.verdicts.iter().find(|one| one.check == Check::Memory);
            let said = format!("{:?}", memory.unwrap().finding);
            assert!(said.contains("the memory of the host"), "{words}: {said}");
        }
        assert!(!judged("-ngl, 0", 400).passes());
    }
}
