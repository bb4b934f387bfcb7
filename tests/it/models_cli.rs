//! `pilothouse models` and `services` in the real binary, on this machine: what is seen of a disk, what is refused, how each ends.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use crate::desk::Desk;

/// A person at a machine with a hub's cache in their home.
struct Modeller {
    home: TempDir,
}

const SNAPSHOT: &str = "cache/hub/models--x--bee/snapshots/abc";

impl Modeller {
    fn new(config: &str) -> Self {
        let desk = Self {
            home: tempfile::tempdir().unwrap(),
        };
        desk.write("config/pilothouse/config.yaml", config);
        desk.write("recipes.yaml", RECIPES);
        desk.write("cache/hub/models--x--bee/refs/main", "abc");
        desk.write(&format!("{SNAPSHOT}/config.json"), "{}");
        desk.write(&format!("{SNAPSHOT}/model.safetensors"), "weights");
        desk
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path
    }

    /// What bash prints.
    fn bash(&self, line: &str) -> String {
        let ran = self.program("bash", &["--norc", "-c", line]);
        assert_eq!(ran.code, Some(0), "{line}: {}", ran.err);
        ran.out
    }
}

impl Desk for Modeller {
    fn home(&self) -> &Path {
        self.home.path()
    }

    fn environment(&self) -> Vec<(&'static str, String)> {
        let path = |name| self.path(name).display().to_string();
        vec![
            ("HF_HOME", path("cache")),
            ("XDG_CONFIG_HOME", path("config")),
        ]
    }
}

const RECIPES: &str = "\
models:
  bee: {name: Bee, engine: vllm, image: \"vllm/vllm-openai:v1\", repo: x/bee, args: [\"--enable-prefix-caching\"]}
  broken: {name: No}
";

const CONFIG: &str = "\
models:
  catalogs: [../../recipes.yaml]
hosts:
  - local
";

fn of<'a>(list: &'a Value, key: &str) -> &'a Value {
    let models = list["models"].as_array().unwrap();
    models.iter().find(|model| model["key"] == key).unwrap()
}

#[test]
fn what_is_on_disk_is_listed_and_shown_with_its_launch() {
    let desk = Modeller::new(CONFIG);
    let list = desk.json(&["models", "list", "--json"], 0);
    let bee = of(&list, "bee");
    assert_eq!(bee["weights"][0]["host"], "local");
    assert_eq!(bee["weights"][0]["complete"], true);
    assert_eq!(list["hosts"][0]["state"], "read");
    let said = desk.says(&["models", "list"], 0, &["bee", "local", "(--all)"]);
    assert!(said.contains("recipes.yaml:3: broken: "), "{said}");
    desk.says(
        &["models", "show", "bee"],
        0,
        &["launched on local by", "docker", "--enable-prefix-caching"],
    );
    desk.says(
        &["models", "show", "bees"],
        2,
        &["there is no model `bees`", "did you mean `bee`?"],
    );
    fs::remove_file(desk.path(&format!("{SNAPSHOT}/model.safetensors"))).unwrap();
    let list = desk.json(&["models", "list", "--json"], 0);
    assert_eq!(of(&list, "bee")["weights"][0]["complete"], false);
}

#[test]
fn wrong_words_end_with_2_and_hostile_ones_reach_no_shell() {
    let desk = Modeller::new(CONFIG);
    for (words, told) in [
        (&["models"][..], "Usage"),
        (&["models", "swap", "bee"], "--on"),
        (
            &["models", "download", "../etc", "--on", "local"],
            "ORGANISATION/NAME",
        ),
        (&["models", "rm", "x/$(id)"], "ORGANISATION/NAME"),
        (&["models", "rm", "--", "-x/y"], "ORGANISATION/NAME"),
        (
            &["models", "lock", "local", "--ttl", "25h"],
            "from 1s to 24h",
        ),
        (
            &["models", "swap", "bee", "--on", "locl"],
            "did you mean `local`?",
        ),
        (&["models", "swap", "bee", "--on", "$(id)"], ""),
        (&["models", "swap", "bee", "--on", "-oProxyCommand=id"], ""),
        (&["models", "status", "a;b"], ""),
        (&["models", "import", "nowhere.yaml"], "can't be read"),
        (
            &["services", "show", "vllm"],
            "the configuration names none",
        ),
        (
            &["services", "report", "vllm", "fine", "x"],
            "[possible values: ok, failed]",
        ),
    ] {
        desk.says(words, 2, &[told]);
    }
    assert!(!desk.path("state/pilothouse/ledger").exists());
}

/// A process that works with these weights, as an engine names them.
#[expect(clippy::disallowed_methods, reason = "the test plays the engine")]
fn engine(repo: &str) -> std::process::Child {
    let words = ["-c", "read -r end", "serve", repo];
    let piped = Stdio::piped();
    Command::new("bash")
        .args(words)
        .stdin(piped)
        .spawn()
        .unwrap()
}

#[test]
fn a_change_needs_its_name_and_read_only_refuses_it() {
    let desk = Modeller::new(CONFIG);
    let rm = ["models", "rm", "x/bee"];
    let with = |more: &[&'static str]| [&rm[..], more].concat();
    desk.says(&rm, 3, &["not confirmed", "--yes x/bee"]);
    desk.says(&with(&["--dry-run"]), 0, &["would"]);
    desk.says(&with(&["--yes", "x/bees"]), 3, &[]);
    desk.says(&with(&["--yes", "x/bee", "--read-only"]), 3, &["read-only"]);
    let mut engine = engine("x/bee");
    desk.says(
        &with(&["--yes", "x/bee"]),
        3,
        &["works with x/bee", "stop what is served first"],
    );
    engine.kill().unwrap();
    engine.wait().unwrap();
    assert!(desk.path(SNAPSHOT).exists(), "nothing of this was meant");
    desk.says(&with(&["--yes", "x/bee"]), 0, &["are gone"]);
    assert!(!desk.path(SNAPSHOT).exists());
    let acts = desk.json(&["ledger", "show", "--json"], 0);
    let outcomes: Vec<&Value> = acts
        .as_array()
        .unwrap()
        .iter()
        .map(|act| &act["outcome"])
        .collect();
    assert_eq!(outcomes.len(), 2, "{acts}");
    assert!(outcomes.contains(&&Value::from("done")), "{acts}");
}

#[test]
fn a_place_is_reserved_and_given_back_with_its_token() {
    let desk = Modeller::new(CONFIG);
    let file = desk.path("token");
    let token = file.to_str().unwrap();
    let lock = [
        "models",
        "lock",
        "local",
        "--note",
        "tests",
        "--token-file",
        token,
    ];
    desk.says(
        &[&lock[..], &["--yes", "local"]].concat(),
        0,
        &["is reserved by"],
    );
    assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    desk.says(
        &[&lock[..], &["--yes", "local"]].concat(),
        2,
        &["is there already"],
    );
    let list = desk.json(&["models", "list", "--json"], 0);
    assert_eq!(list["hosts"][0]["lock"]["note"], "tests");

    let unlock = [
        "models",
        "unlock",
        "local",
        "--yes",
        "local",
        "--token-file",
    ];
    let with = |file: &str| [&unlock[..], &[file]].concat().join("\n");
    let run = |line: String, code, told: &[&str]| {
        let words: Vec<&str> = line.lines().collect();
        desk.says(&words, code, told)
    };
    let open = desk.write("open", "word\n");
    fs::set_permissions(&open, fs::Permissions::from_mode(0o644)).unwrap();
    run(
        with(open.to_str().unwrap()),
        2,
        &["others may read the token"],
    );
    fs::set_permissions(&open, fs::Permissions::from_mode(0o600)).unwrap();
    fs::write(&open, "two words").unwrap();
    run(with(open.to_str().unwrap()), 2, &["holds no token"]);
    // A console that does not keep the token has nothing to give back.
    let kept = desk.path("state/pilothouse/reservations");
    assert!(kept.exists(), "the token is kept elsewhere");
    fs::remove_dir_all(&kept).unwrap();
    let plain = ["models", "unlock", "local", "--yes", "local"];
    desk.says(&plain, 3, &["local is reserved by", "--break"]);
    let said = run(with(token), 0, &["local is free"]);
    let secret = fs::read_to_string(&file).unwrap();
    assert!(!said.contains(secret.trim()));
    let ledger = desk.run(&["ledger", "show", "--json"]).out;
    assert!(!ledger.contains(secret.trim()), "the ledger has the token");
}

#[test]
fn a_host_that_can_t_be_reached_ends_with_4() {
    let desk = Modeller::new(CONFIG);
    let closed = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .to_string();
    desk.says(
        &["models", "list", "--host", &closed],
        4,
        &["unreachable (tcp)"],
    );
    let swap = ["models", "swap", "bee", "--on", &closed, "--yes", &closed];
    desk.says(&swap, 4, &["unreachable (tcp)"]);
    desk.says(&["services", "list", &closed], 4, &["unreachable (tcp)"]);
}

#[test]
fn recipe_files_are_shown_as_they_are_understood_and_kept_on_request() {
    let desk = Modeller::new(CONFIG);
    let text = "\
recipe_version: \"1\"
name: Wasp
model: x/wasp
container: vllm-node
command: |
  vllm serve x/wasp --port {port} --max-model-len {max_model_len}
defaults: {port: 8000, max_model_len: 4096}
";
    let file = desk.write("wasp.yaml", text);
    let file = file.to_str().unwrap();
    desk.says(&["models", "import", file], 0, &["x/wasp"]);
    let shown = desk.json(&["models", "import", file, "--json"], 0);
    let key = shown[0]["recipe"]["key"].as_str().unwrap().to_owned();
    assert!(!desk.run(&["models", "show", &key]).out.contains("x/wasp"));
    desk.says(&["models", "import", file, "--keep"], 0, &["is kept"]);
    desk.says(&["models", "show", &key], 0, &["x/wasp"]);
    let bad = desk.write("bad.yaml", "command: |\n  vllm serve $(id)\n");
    desk.says(
        &["models", "import", bad.to_str().unwrap()],
        1,
        &["gives no recipe"],
    );
}

#[test]
fn a_shell_completes_the_names_of_hosts_models_and_services() {
    let desk = Modeller::new(&format!(
        "{CONFIG}  - spark-1\n  - spark-2\nservices:\n  - {{name: queue, host: spark-1, port: 5672}}\n"
    ));
    let names = |words: &[&str]| {
        let ran = desk.run(&[&["names", "--"], words].concat());
        assert_eq!(ran.code, Some(0), "{}", ran.err);
        ran.out.lines().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(names(&["models", "swap", "be"]), ["bee"]);
    assert_eq!(
        names(&["models", "swap", "bee", "--on", "spark"]),
        ["spark-1", "spark-2"]
    );
    assert_eq!(names(&["models", "rm", "x/"]), ["x/bee"]);
    assert_eq!(
        names(&["services", "restart", ""]),
        ["queue", "spark-1/queue"]
    );
    assert!(names(&["models", "swap", "-"]).is_empty());
    let script = desk.write("completions", &desk.run(&["completions", "bash"]).out);
    // Bash itself, at the end of `pilothouse models swap be`.
    let line = format!(
        ". {}; COMP_WORDS=(pilothouse models swap be); COMP_CWORD=3; _pilothouse_named {} be swap; printf '%s\\n' \"${{COMPREPLY[@]}}\"",
        script.display(),
        env!("CARGO_BIN_EXE_pilothouse"),
    );
    assert_eq!(desk.bash(&line), "bee\n");
}

#[test]
fn weights_without_a_recipe_get_the_one_that_is_inferred_once_it_is_confirmed() {
    let desk = Modeller::new(CONFIG);
    let stray = "cache/hub/models--x--Stray-8B";
    desk.write(&format!("{stray}/refs/main"), "abc");
    let config = r#"{"architectures": ["Qwen3ForCausalLM"], "max_position_embeddings": 40960}"#;
    desk.write(&format!("{stray}/snapshots/abc/config.json"), config);
    desk.write(&format!("{stray}/snapshots/abc/model.safetensors"), "w");
    let file = desk.path("config/pilothouse/models/stray-8b.yaml");
    for words in [
        &["models", "keep", "x/Stray-8B", "--dry-run"][..],
        &["models", "keep", "stray-8b", "--on", "local", "--dry-run"],
    ] {
        desk.says(words, 0, &["repo: \"x/Stray-8B\"", "would keep it in"]);
    }
    let told = [
        "--tool-call-parser=hermes",
        "not confirmed",
        "--yes stray-8b",
    ];
    desk.says(&["models", "keep", "stray-8b"], 3, &told);
    desk.says(
        &["models", "keep", "stray-8b", "--yes", "x"],
        3,
        &["not confirmed"],
    );
    assert!(!file.exists(), "nothing of this was meant");
    let yes = ["models", "keep", "stray-8b", "--yes", "stray-8b"];
    desk.says(&yes, 0, &["stray-8b is kept in"]);
    assert!(file.exists());
    desk.says(&["models", "show", "stray-8b"], 0, &["x/Stray-8B", "32768"]);
    desk.says(&yes, 2, &["stray-8b launches it already"]);
    desk.says(
        &["models", "keep", "x/stray"],
        2,
        &["there is no model `x/stray`"],
    );
    let shadow = "cache/hub/models--y--bee";
    desk.write(&format!("{shadow}/refs/main"), "abc");
    desk.write(&format!("{shadow}/snapshots/abc/model.gguf"), "w");
    let keep = ["models", "keep", "y/bee", "--dry-run"];
    desk.says(&keep, 2, &["bee is the recipe of x/bee already", "--key"]);
    let own = [&keep[..], &["--key", "bee-y"]].concat();
    desk.says(&own, 0, &["llama.cpp", "bee-y"]);
    let odd = [&keep[..], &["--key", "../x"]].concat();
    desk.says(&odd, 2, &[]);
}

#[test]
fn services_are_looked_at_and_doctor_tells_what_is_wrong_with_models() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let open = listener.local_addr().unwrap();
    let closed = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let desk = Modeller::new(&format!(
        "{CONFIG}services:\n  - {{name: queue, host: local, probe: {{tcp: \"{open}\"}}}}\n  - {{name: gone, host: local, probe: {{tcp: \"{closed}\"}}}}\n"
    ));
    let hub = desk.write("hub-token", "t");
    fs::set_permissions(&hub, fs::Permissions::from_mode(0o644)).unwrap();
    let list = desk.json(&["services", "list", "--json"], 1);
    let services = list["hosts"][0]["services"].as_array().unwrap();
    let state = |name: &str| {
        let of = |service: &&Value| service["name"] == name;
        services.iter().find(of).unwrap()["state"].clone()
    };
    assert_eq!(state("queue"), "healthy");
    assert_ne!(state("gone"), "healthy");
    desk.says(&["services", "probe", "queue"], 0, &["local/queue good"]);
    desk.says(&["services", "probe", "local/gone"], 1, &["local/gone"]);
    desk.says(
        &["services", "probe", "queue", "--deep"],
        2,
        &["no deep look"],
    );
    desk.says(
        &["services", "show", "queue"],
        0,
        &["TCP to", "only watched"],
    );
    desk.says(&["services", "show", "queu"], 2, &["did you mean"]);
    desk.says(
        &[
            "services",
            "restart",
            "queue",
            "--read-only",
            "--yes",
            "queue",
        ],
        3,
        &[],
    );

    let doctor = desk.run(&["doctor"]).out;
    assert!(doctor.contains("recipes.yaml:3: broken: "), "{doctor}");
    assert!(doctor.contains("1 file laid over them"), "{doctor}");
}
