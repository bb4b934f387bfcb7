//! A swap of the demo (pure): what the console has said of it, played in moments. Its words are those of a real one; its times
//! are short, and its log says that it is a play.

use std::sync::Arc;

use super::command::words;
use super::launched::Launched;
use super::orders::{Beat, Deed, What};
use crate::domain::{RepoId, Wall};

/// Milliseconds that a load takes: a real one takes minutes.
const LOAD: i64 = 17_000;

/// What a swap finds on its machine.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// Containers that run, with the MiB that each holds.
    pub(super) running: Vec<(String, u64)>,
    /// What answered last.
    pub(super) before: Option<String>,
    /// Shards of the weights, where they are whole on every machine of the place.
    pub(super) shards: Option<u64>,
    /// Memory of a GPU, MiB, its free part, and how many there are.
    pub(super) gpu: (u64, u64, usize),
    /// Why the reservation says no.
    pub(super) reserved: Option<String>,
}

/// A swap as the console has told it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Swap {
    place: String,
    by: String,
    model: Option<String>,
    name: String,
    port: u16,
    stops: Vec<String>,
    launcher_stops: bool,
    nodes: Vec<String>,
    command: Vec<String>,
}

impl Swap {
    /// Pairs of a name and a value.
    pub(super) fn read(all: &[&str]) -> Self {
        let mut swap = Self::default();
        for pair in all.chunks_exact(2) {
            let [name, value] = pair else { continue };
            let value = (*value).to_owned();
            match *name {
                "place" => swap.place = value,
                "by" => swap.by = value,
                "model" => swap.model = Some(value),
                "name" => swap.name = value,
                "port" => swap.port = value.parse().unwrap_or_default(),
                "stop-container" => swap.stops.push(value),
                "stop-command" => swap.launcher_stops = true,
                "node" => swap.nodes.push(value),
                "launch" => swap.command = words(&value).unwrap_or_default(),
                _ => {}
            }
        }
        swap
    }

    /// The weights that it launches.
    pub(super) fn repo(&self) -> Option<String> {
        let mut words = self.command.iter();
        words.find(|word| matches!(word.as_str(), "serve" | "--model"))?;
        let repo = words.next()?;
        repo.parse::<RepoId>().is_ok().then(|| repo.clone())
    }

    fn value(&self, flag: &str) -> Option<&str> {
        let mut words = self.command.iter();
        let word = words.find(|word| word.starts_with(flag))?;
        match word.strip_prefix(flag)? {
            "" => words.next().map(String::as_str),
            rest => rest.strip_prefix('='),
        }
    }

    fn launched(&self, found: &Found) -> Option<Launched> {
        let share: f64 = self
            .value("--gpu-memory-utilization")
            .and_then(|share| share.parse().ok())
            .unwrap_or(0.9);
        let (total, _, count) = found.gpu;
        let split = self.value("--tensor-parallel-size");
        let split: usize = split.and_then(|n| n.parse().ok()).unwrap_or(1);
        let here = split.div_ceil(self.nodes.len() + 1).clamp(1, count.max(1));
        Some(Launched {
            model: self.model.clone()?,
            repo: self.repo()?,
            name: self.name.clone(),
            image: self
                .value("-t")
                .unwrap_or("vllm/vllm-openai:v0.11.2")
                .to_owned(),
            port: self.port,
            // The last ones: the first are those of whoever was here before.
            gpus: (count.saturating_sub(here)..count).collect(),
            gpu_mib: (total as f64 * share) as u64,
            nodes: self.nodes.clone(),
        })
    }

    /// Everything that it will do and say, and what it launches.
    pub(super) fn beats(&self, found: &Found, begun: Wall) -> (Vec<Beat>, Option<Arc<Launched>>) {
        let launched = self.launched(found).map(Arc::new);
        let mut script = Script::new(begun);
        script.mark("by", &self.by);
        script.mark("swap", &self.place);
        script.mark("model", self.model.as_deref().unwrap_or_default());
        script.say("this machine is simulated: the swap is a play, and a real load takes minutes");
        let played = self.play(&mut script, found, launched.as_ref());
        if let Err((phase, why)) = played {
            script.mark("end", &format!("failed {phase} {why}"));
        }
        (script.beats, launched)
    }

    fn play(
        &self,
        script: &mut Script,
        found: &Found,
        launched: Option<&Arc<Launched>>,
    ) -> Result<(), Failure> {
        script.begin("lock", "the reservation is looked at");
        if let Some(before) = &found.before {
            script.mark("before", before);
        }
        if let Some(why) = &found.reserved {
            return Err(script.fail(why));
        }
        script.wait(40);
        script.done("");
        let freed = self.stop(script, found);
        if self.model.is_none() {
            script.act(Deed::Served(None, String::new()));
            script.mark("end", "stopped");
            return Ok(());
        }
        script.begin("launch", "it is started");
        let Some(launched) = launched else {
            script.wait(400);
            let why = "it could not be started: only vLLM in a container is played here, and this is something else";
            return Err(script.fail(why));
        };
        if !launched.nodes.is_empty() {
            script.wait(900);
            script.seen("the other nodes are started");
        }
        script.wait(2_300);
        for deed in launched.everywhere(Deed::Launch(Arc::clone(launched))) {
            script.act(deed);
        }
        script.done(&format!("{} was started", self.name));
        Self::load(script, found, launched, freed)?;
        script.begin("ready", "its health is asked");
        script.wait(800);
        script.seen("one token is asked for");
        script.wait(700);
        script.done("it answers");
        let model = launched.model.clone();
        let held = launched.gpu_mib;
        let history = format!("- {} {held} {held} {model}", script.took());
        script.act(Deed::Served(Some(model), history));
        script.mark("end", "served");
        Ok(())
    }

    /// The MiB that came back.
    fn stop(&self, script: &mut Script, found: &Found) -> u64 {
        script.begin("stop", "the memory is looked at");
        script.wait(600);
        let wanted =
            |name: &String| self.stops.contains(name) || self.launcher_stops && name == "vllm_node";
        let all: Vec<&(String, u64)> = found
            .running
            .iter()
            .filter(|(name, _)| wanted(name))
            .collect();
        if all.is_empty() {
            script.done("nothing was served");
            return 0;
        }
        for (name, _) in &all {
            script.seen(&format!("{name} is asked to stop"));
            script.wait(2_400);
            let stop = Deed::Stop(name.clone());
            for node in &self.nodes {
                script.act(Deed::Over(node.clone(), Box::new(stop.clone())));
            }
            script.act(stop);
        }
        script.wait(900);
        let freed: u64 = all.iter().map(|(_, mib)| mib).sum();
        script.done(&format!("{} came back", gib(freed)));
        freed
    }

    fn load(
        script: &mut Script,
        found: &Found,
        launched: &Launched,
        freed: u64,
    ) -> Result<(), Failure> {
        script.begin("load", "it loads");
        script.wait(1_500);
        let ends = |script: &mut Script, why: &str| {
            script.act(Deed::Ends(launched.name.clone(), 1));
            script.say(why);
            Err(script.fail(&format!("its container ended with status 1: {why}")))
        };
        let Some(shards) = found.shards else {
            let why = format!(
                "OSError: {} is not a local folder here in full, and this machine reaches no hub",
                launched.repo
            );
            return ends(script, &why);
        };
        let (total, free, _) = found.gpu;
        let free = (free + freed).min(total);
        if free < launched.gpu_mib {
            let why = format!(
                "ValueError: Free memory on device ({}/{}) on startup is less than desired GPU memory utilization ({})",
                gib(free),
                gib(total),
                gib(launched.gpu_mib)
            );
            return ends(script, &why);
        }
        let each = (LOAD - 5_000) / i64::try_from(shards.max(1)).unwrap_or(1);
        for shard in 1..=shards {
            script.wait(each);
            script.seen(&format!("shard {shard} of {shards}"));
            script.line(format!(
                "Loading safetensors checkpoint shards: {:3} % Completed | {shard}/{shards}",
                shard * 100 / shards
            ));
        }
        for share in [35, 70, 100] {
            script.wait(1_000);
            script.seen(&format!("graphs {share} %"));
        }
        script.wait(500);
        script.line("INFO:     Application startup complete.".into());
        script.done("start-up is complete");
        Ok(())
    }
}

type Failure = (&'static str, String);

fn gib(mib: u64) -> String {
    format!("{:.1} GiB", mib as f64 / 1024.0)
}

/// A swap as it is written down, moment by moment.
struct Script {
    begun: Wall,
    at: i64,
    beats: Vec<Beat>,
    phase: &'static str,
    since: i64,
    took: Vec<i64>,
}

impl Script {
    fn new(begun: Wall) -> Self {
        Self {
            begun,
            at: 0,
            beats: Vec::new(),
            phase: "lock",
            since: 0,
            took: Vec::new(),
        }
    }

    fn add(&mut self, what: What) {
        self.beats.push(Beat { at: self.at, what });
    }

    fn mark(&mut self, key: &'static str, value: &str) {
        self.add(What::Mark(key, value.to_owned()));
    }

    fn line(&mut self, line: String) {
        self.add(What::Line(line));
    }

    fn say(&mut self, words: &str) {
        self.line(format!("pilothouse: {words}"));
    }

    fn act(&mut self, deed: Deed) {
        self.add(What::Do(deed));
    }

    fn wait(&mut self, millis: i64) {
        self.at += millis;
    }

    /// When the phase began, in seconds since the epoch.
    fn second(&self) -> i64 {
        (self.begun.0 + self.since) / 1000
    }

    fn begin(&mut self, phase: &'static str, words: &str) {
        (self.phase, self.since) = (phase, self.at);
        self.seen(words);
    }

    fn seen(&mut self, words: &str) {
        let value = format!("running {} {words}", self.second());
        self.mark(self.phase, &value);
    }

    fn done(&mut self, words: &str) {
        let took = (self.at - self.since) / 10;
        self.took.push(took);
        let value = format!("done {} {took} {words}", self.second());
        self.mark(self.phase, &value);
        let words = format!(
            "{}: done in {}.{} s. {words}",
            self.phase,
            took / 100,
            took / 10 % 10
        );
        self.say(&words);
    }

    fn fail(&mut self, why: &str) -> Failure {
        let took = (self.at - self.since) / 10;
        let value = format!("failed {} {took} {why}", self.second());
        self.mark(self.phase, &value);
        let words = format!("{} failed: {why}", self.phase);
        self.say(&words);
        (self.phase, why.to_owned())
    }

    /// What each phase took, as the history has it.
    fn took(&self) -> String {
        let all: Vec<String> = self.took.iter().map(i64::to_string).collect();
        all.join(" ")
    }
}
