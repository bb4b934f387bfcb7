//! The pair of Sparks as a test uses it: two hosts that are empty when a test begins, a catalogue of recipes for the stand-in
//! engine, and the command line over a state of its own.

use std::fs::{self, File};
use std::path::Path;
use std::process::{Child, Output, Stdio};

use pilothouse::clock::Clock;
use serde_json::Value;

use crate::console::Console;
use crate::lab::Lab;

/// Recipes whose engine is well, and those that make it fail in each way that it can.
const CATALOG: &str = "\
models:
  tiny: {repo: lab/tiny, engine: vllm, image: vllm-node, mode: solo, port: 8000, context: 8192, container: lab-vllm, gpu_percent: 2}
  other: {repo: lab/other, engine: vllm, image: vllm-node, mode: solo, port: 8000, context: 8192, container: lab-vllm, gpu_percent: 2}
  crash: {repo: lab/tiny, engine: vllm, image: vllm-node, mode: solo, port: 8000, context: 8192, container: lab-vllm, gpu_percent: 2, env: {ENGINE: crash}}
  oom: {repo: lab/tiny, engine: vllm, image: vllm-node, mode: solo, port: 8000, context: 8192, container: lab-vllm, gpu_percent: 2, env: {ENGINE: oom}}
  hang: {repo: lab/tiny, engine: vllm, image: vllm-node, mode: solo, port: 8000, context: 8192, container: lab-vllm, gpu_percent: 2, env: {ENGINE: hang}}
  deaf: {repo: lab/tiny, engine: vllm, image: vllm-node, mode: solo, port: 8000, context: 8192, container: lab-vllm, gpu_percent: 2, env: {ENGINE: deaf}}
  slow: {repo: lab/tiny, engine: vllm, image: vllm-node, mode: solo, port: 8000, context: 8192, container: lab-vllm, gpu_percent: 2, env: {ENGINE: 'slow:1'}}
  slower: {repo: lab/tiny, engine: vllm, image: vllm-node, mode: solo, port: 8000, context: 8192, container: lab-vllm, gpu_percent: 2, env: {ENGINE: 'slow:4'}}
  wedge: {repo: lab/tiny, engine: vllm, image: vllm-node, mode: solo, port: 8000, context: 8192, container: lab-vllm, gpu_percent: 2, env: {ENGINE: 'wedge:2'}}
  elsewhere: {repo: lab/tiny, engine: vllm, image: vllm-node, mode: solo, port: 8095, context: 8192, container: lab-vllm, gpu_percent: 2}
  ray: {repo: lab/tiny, engine: spark-launcher, folder: ~/spark-vllm-docker, form: escaped, mode: cluster, port: 8888, context: 8192, tensor_parallel: 2, gpu_percent: 2}
  ranks: {repo: lab/tiny, engine: spark-launcher, folder: ~/spark-vllm-docker, form: escaped, ray: false, mode: cluster, port: 8888, context: 8192, tensor_parallel: 2, gpu_percent: 2}
  joined: {repo: lab/tiny, engine: spark-launcher, folder: ~/spark-vllm-docker-joined, form: joined, mode: cluster, port: 8888, context: 8192, tensor_parallel: 2, gpu_percent: 2}
  parallel: {repo: lab/tiny, engine: vllm, image: vllm-node, mode: cluster, port: 8888, context: 8192, container: lab-parallel, tensor_parallel: 2, gpu_percent: 2}
  alone: {repo: lab/tiny, engine: spark-launcher, folder: ~/spark-vllm-docker, form: escaped, mode: solo, port: 8888, context: 8192, gpu_percent: 2}
  gguf: {repo: lab/tiny-gguf, engine: llama.cpp, image: 'llama.cpp:server', mode: solo, port: 8080, container: lab-llama}
";

/// Everything that tests put on a Spark; what is not there is no reason to stop.
const SWEEP: &str = "ids=$(docker ps -aq); [ -z \"$ids\" ] || docker rm -f $ids >/dev/null
for job in .pilothouse/jobs/*/runner.is; do [ ! -e \"$job\" ] || read -r pid _ <\"$job\" && kill -KILL -- \"-$pid\" \"$pid\"; done 2>/dev/null
[ ! -e stranger ] || kill \"$(cat stranger)\" 2>/dev/null
rm -rf .cache/huggingface/hub/* .pilothouse stranger .said; true";

/// The pair, for one test at a time.
pub(crate) struct Pair<'a> {
    lab: &'a Lab,
    folder: tempfile::TempDir,
    _alone: File,
}

impl<'a> Pair<'a> {
    /// The two hosts with nothing on them, and a configuration; `more` is put behind its list of hosts.
    pub(crate) fn begin(lab: &'a Lab, more: &str) -> Self {
        let pair = lab.setting("LAB_PAIR");
        assert_ne!(
            pair, "none",
            "the lab has no pair of Sparks: it needs root, network namespaces and Docker"
        );
        let alone = File::create(format!("{pair}.lock")).unwrap();
        alone.lock().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let catalog = folder.path().join("models.yaml");
        fs::write(&catalog, CATALOG).unwrap();
        let told = format!("models:\n  catalogs: [{}]\n", catalog.display());
        let text = fs::read_to_string(pair).unwrap();
        let text = text.replacen("models:\n", &told, 1) + more;
        fs::write(folder.path().join("config.yaml"), text).unwrap();
        let pair = Self {
            lab,
            folder,
            _alone: alone,
        };
        pair.sweep();
        pair
    }

    fn sweep(&self) {
        for host in ["spark-a", "spark-b"] {
            self.on(host, SWEEP);
        }
    }

    /// The configuration of the test.
    pub(crate) fn config(&self) -> String {
        self.folder.path().join("config.yaml").display().to_string()
    }

    /// What a shell on a host prints. It fails where the command does.
    pub(crate) fn on(&self, host: &str, command: &str) -> String {
        let ran = self.lab.ssh(host, command);
        assert!(ran.status.success(), "{host}: {command}: {ran:?}");
        String::from_utf8(ran.stdout).unwrap()
    }

    /// Whether a command on a host succeeds.
    pub(crate) fn holds(&self, host: &str, command: &str) -> bool {
        self.lab.ssh(host, command).status.success()
    }

    /// Waits until a command on a host succeeds.
    pub(crate) fn until(&self, host: &str, command: &str) {
        let clock = Clock::system();
        while !self.holds(host, command) {
            assert!(clock.at().0 < 60_000, "{host}: never: {command}");
        }
    }

    /// One token of the model that answers on this port of a host, or the status that it answers with.
    pub(crate) fn token(&self, host: &str, port: u16, model: &str) -> String {
        let body = format!(
            "{{\\\"model\\\":\\\"{model}\\\",\\\"prompt\\\":\\\"Hi\\\",\\\"max_tokens\\\":1}}"
        );
        let ask = format!(
            "curl -s -o .said -w '%{{http_code}}' http://127.0.0.1:{port}/v1/completions -d \"{body}\"; true"
        );
        self.on(host, &ask)
    }

    /// The command line over the state of this name: each name is another console.
    pub(crate) fn command(&self, console: &str, words: &[&str]) -> std::process::Command {
        let mut command = self.lab.command(env!("CARGO_BIN_EXE_pilothouse"));
        command
            .args(["--config", &self.config()])
            .args(words)
            .env(
                "XDG_STATE_HOME",
                self.folder.path().join(console).join("state"),
            )
            .env(
                "XDG_DATA_HOME",
                self.folder.path().join(console).join("data"),
            )
            .env_remove("HF_ENDPOINT")
            .stdin(Stdio::null());
        command
    }

    /// The same, run to its end.
    pub(crate) fn run(&self, console: &str, words: &[&str]) -> Said {
        Said::of(self.command(console, words).output().unwrap())
    }

    /// The same, begun.
    pub(crate) fn begin_run(&self, console: &str, words: &[&str]) -> Child {
        self.command(console, words)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    }

    /// The same with `--json`, which has to succeed.
    pub(crate) fn json(&self, console: &str, words: &[&str]) -> Value {
        let said = self.run(console, &[&["--json"], words].concat());
        assert_eq!(said.code, Some(0), "{words:?}: {said:?}");
        serde_json::from_str(&said.out).unwrap_or_else(|why| panic!("{why}: {said:?}"))
    }

    /// What a host serves by a recipe, and how it stands: `tiny ready`, one word pair per engine that is not idle.
    pub(crate) fn serves(&self, console: &str, host: &str) -> Vec<String> {
        let menu = self.json(console, &["models", "list"]);
        let mut all = Vec::new();
        for model in menu["models"].as_array().unwrap() {
            for served in model["served"].as_array().unwrap() {
                if served["host"] == host && served["state"] != "idle" {
                    let key = model["key"].as_str().unwrap_or("?");
                    all.push(format!("{key} {}", served["state"].as_str().unwrap()));
                }
            }
        }
        all
    }

    /// On which hosts the weights of a repository are whole.
    pub(crate) fn whole(&self, console: &str, repo: &str) -> Vec<String> {
        let menu = self.json(console, &["models", "list"]);
        let models = menu["models"].as_array().unwrap();
        let model = models.iter().find(|model| model["repo"] == repo);
        let weights = model.map_or(&[][..], |model| model["weights"].as_array().unwrap());
        let whole = weights.iter().filter(|weights| weights["complete"] == true);
        whole
            .map(|weights| weights["host"].as_str().unwrap().to_owned())
            .collect()
    }

    /// Who began what these tests begin, as every console shows it.
    pub(crate) fn who(&self) -> String {
        let machine = fs::read_to_string("/proc/sys/kernel/hostname").unwrap();
        let user = self.lab.command("id").arg("-un").output().unwrap().stdout;
        format!(
            "{}@{}",
            String::from_utf8(user).unwrap().trim(),
            machine.trim()
        )
    }

    /// Every act of a console's ledger as `what: outcome`, once it verifies.
    pub(crate) fn acts(&self, console: &str) -> Vec<String> {
        self.acts_in(&self.folder.path().join(console))
    }

    /// The same of a console in a terminal, once it has ended.
    pub(crate) fn acts_of(&self, console: &Console) -> Vec<String> {
        self.acts_in(console.state())
    }

    fn acts_in(&self, folder: &Path) -> Vec<String> {
        let ledger = |words: &[&str]| {
            let mut command = self.command("desk", &[&["--json", "ledger"], words].concat());
            command.env("XDG_STATE_HOME", folder.join("state"));
            command.env("XDG_DATA_HOME", folder.join("data"));
            Said::of(command.output().unwrap())
        };
        ledger(&["verify"]).ends(0);
        let shown: Value = serde_json::from_str(&ledger(&["show"]).ends(0).out).unwrap();
        let acts = shown.as_array().unwrap().iter();
        acts.map(|act| {
            format!(
                "{}: {}",
                act["what"].as_str().unwrap(),
                act["outcome"].as_str().unwrap_or("none")
            )
        })
        .collect()
    }
}

impl Drop for Pair<'_> {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.sweep();
        }
    }
}

/// What a run of the program has said.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) out: String,
    pub(crate) err: String,
    pub(crate) code: Option<i32>,
}

impl Said {
    pub(crate) fn of(output: Output) -> Self {
        Self {
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
            code: output.status.code(),
        }
    }

    /// It has to have ended so.
    #[track_caller]
    pub(crate) fn ends(&self, code: i32) -> &Self {
        assert_eq!(self.code, Some(code), "{self:?}");
        self
    }

    /// And to have said this, on either output.
    #[track_caller]
    pub(crate) fn says(&self, words: &str) -> &Self {
        assert!(
            self.out.contains(words) || self.err.contains(words),
            "never said: {words}: {self:?}"
        );
        self
    }
}
