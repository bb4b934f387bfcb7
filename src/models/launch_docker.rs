//! Models in a container by `docker run` (pure): vLLM on one host or over a cluster, and any image with the OpenAI API.

use std::net::IpAddr;

use super::catalog::{Knob, ModelSource, Recipe};
use super::cluster_env::cluster_env;
use super::flags::{self, Dialect};
use super::launch::{Job, Lasting, Launch, LaunchError, MODEL_LABEL, with_words};
use super::serving_place::PORT_LABEL;
use crate::domain::{Cluster, ClusterNode, Place, Port};
use crate::shell::{ShellCommand, ShellWord};

/// Where the hub's cache is seen inside of a container: a folder of ours, so that it does not matter who runs there.
const CACHE: &str = "/weights";
/// The port over which the nodes of a cluster find each other.
const MASTER_PORT: u16 = 29501;
/// Every address, inside of a container whose port is published on one.
const EVERYWHERE: &str = "0.0.0.0";

/// How a container reaches the network.
pub(super) enum Net {
    /// One port of it is published on an address of the host.
    Published(Port),
    /// It has the network of the host, for the fast network between nodes.
    Host,
}

/// What lies where inside of a container, and how it is told.
pub(super) struct Mounted {
    pub(super) mount: Option<String>,
    pub(super) env: Vec<(String, String)>,
    /// The folder of the weights as seen from inside.
    pub(super) folder: Option<String>,
}

/// vLLM.
pub(super) fn vllm(job: &Job<'_>, image: &str) -> Result<Launch, LaunchError> {
    let mounted = mounted(job, true)?;
    let Place::Cluster(cluster) = job.place else {
        let args = job.vllm_args(EVERYWHERE)?;
        let options = options(job, &mounted, &Net::Published(job.recipe.port), &[]);
        return finish(job, image, options, serve(job, args), Vec::new());
    };
    let args = job.vllm_args(&job.recipe.listen)?;
    let master = cluster.head.address.to_string();
    let part = |rank: usize| {
        let mut words = args.clone();
        words.extend([
            "--distributed-executor-backend=mp".to_owned(),
            format!("--nnodes={}", job.nodes()),
            format!("--node-rank={rank}"),
            format!("--master-addr={master}"),
            format!("--master-port={MASTER_PORT}"),
        ]);
        if rank > 0 {
            words.push("--headless".into());
        }
        serve(job, words)
    };
    let mut before = Vec::new();
    for (rank, worker) in (1..).zip(&cluster.workers) {
        let command = run(
            job,
            image,
            node_options(job, &mounted, cluster, worker),
            part(rank),
        )?;
        before.push(on_worker(worker.address, &command)?);
    }
    let options = node_options(job, &mounted, cluster, &cluster.head);
    finish(job, image, options, part(0), before)
}

/// Any image: its arguments are the recipe's and nothing else.
pub(super) fn container(
    job: &Job<'_>,
    image: &str,
    inner_port: Option<Port>,
) -> Result<Launch, LaunchError> {
    if matches!(job.place, Place::Cluster(_)) {
        return Err(LaunchError::OneHostOnly("a plain container"));
    }
    let mounted = mounted(job, false)?;
    let inside = inner_port.unwrap_or(job.recipe.port);
    let options = options(job, &mounted, &Net::Published(inside), &[]);
    let args = flags::with_knobs(Dialect::Plain, &job.recipe.args, &job.knobs);
    finish(job, image, options, (None, args), Vec::new())
}

/// A program inside of the image that takes the place of its own, and the words behind it.
pub(super) type Inside = (Option<&'static str>, Vec<String>);

fn serve(job: &Job<'_>, args: Vec<String>) -> Inside {
    let mut words = vec!["serve".to_owned(), job.model().to_owned()];
    words.extend(args);
    (Some("vllm"), words)
}

pub(super) fn finish(
    job: &Job<'_>,
    image: &str,
    options: Vec<String>,
    inside: Inside,
    before: Vec<ShellCommand>,
) -> Result<Launch, LaunchError> {
    let engine = inside
        .0
        .into_iter()
        .map(str::to_owned)
        .chain(inside.1.iter().cloned())
        .collect();
    Ok(Launch {
        model: job.recipe.key.clone(),
        host: job.place.head().clone(),
        before,
        command: run(job, image, options, inside)?,
        lasts: Lasting::Ends,
        container: Some(job.recipe.container.clone()),
        port: job.recipe.port,
        listen: job.recipe.listen.clone(),
        engine,
    })
}

fn run(
    job: &Job<'_>,
    image: &str,
    options: Vec<String>,
    (program, words): Inside,
) -> Result<ShellCommand, LaunchError> {
    let mut all = vec![
        "--name".to_owned(),
        job.recipe.container.clone(),
        "--label".to_owned(),
        format!("{MODEL_LABEL}={}", job.recipe.key),
        "--label".to_owned(),
        format!("{PORT_LABEL}={}", job.recipe.port),
    ];
    all.extend(options);
    if let Some(program) = program {
        all.extend(["--entrypoint".to_owned(), program.to_owned()]);
    }
    all.push(image.to_owned());
    all.extend(words);
    with_words(ShellCommand::new("docker").arg("run").arg("-d"), all)
}

/// Options of `docker run` beside the name: the GPUs, the memory they share, the network, the weights, the environment.
pub(super) fn options(
    job: &Job<'_>,
    mounted: &Mounted,
    net: &Net,
    more: &[(String, String)],
) -> Vec<String> {
    let mut words: Vec<String> = ["--gpus", "all", "--ipc", "host", "--ulimit", "memlock=-1"]
        .map(str::to_owned)
        .to_vec();
    match net {
        Net::Published(inside) => {
            words.extend(["-p".to_owned(), published(job, *inside)]);
        }
        Net::Host => words.extend(["--network".to_owned(), "host".to_owned()]),
    }
    if let Some(mount) = &mounted.mount {
        words.extend(["--mount".to_owned(), mount.clone()]);
    }
    let own = job
        .recipe
        .env
        .iter()
        .map(|(name, value)| (name.as_str().to_owned(), value.clone()));
    // What the recipe says stands last, and counts.
    for (name, value) in mounted.env.iter().chain(more).cloned().chain(own) {
        words.extend(["-e".to_owned(), format!("{name}={value}")]);
    }
    words
}

/// The same options for an engine that leaves the GPUs alone: a host without any has nothing to hand over.
pub(super) fn without_gpus(options: Vec<String>) -> Vec<String> {
    let mut words = options.into_iter();
    let mut kept = Vec::new();
    while let Some(word) = words.next() {
        if word == "--gpus" {
            words.next();
        } else {
            kept.push(word);
        }
    }
    kept
}

/// `127.0.0.1:8000:8000`, with brackets around an IPv6 address.
fn published(job: &Job<'_>, inside: Port) -> String {
    let listen = match job.recipe.listen.parse() {
        Ok(IpAddr::V6(address)) => format!("[{address}]"),
        _ => job.recipe.listen.clone(),
    };
    format!("{listen}:{}:{inside}", job.recipe.port)
}

/// The options of one node of a cluster.
fn node_options(
    job: &Job<'_>,
    mounted: &Mounted,
    cluster: &Cluster,
    node: &ClusterNode,
) -> Vec<String> {
    let mut words = options(job, mounted, &Net::Host, &cluster_env(cluster, node));
    if !cluster.devices.is_empty() {
        words.extend(["--device".to_owned(), "/dev/infiniband".to_owned()]);
    }
    words
}

/// A command on another node, by the SSH of the head: `ssh` joins its words, and a login shell there reads them again.
fn on_worker(address: IpAddr, command: &ShellCommand) -> Result<ShellCommand, LaunchError> {
    Ok(ShellCommand::new("ssh")
        .arg("-o")
        .arg("BatchMode=yes")
        .arg("-o")
        .arg("ConnectTimeout=5")
        .arg("--")
        .word(ShellWord::new(address.to_string())?)
        .word(ShellWord::new(command.render())?))
}

/// Stops the containers of all nodes and takes them away, the head's first: it is what takes requests.
pub(super) fn halt(
    recipe: &Recipe,
    place: &Place,
    grace: u64,
) -> Result<Vec<ShellCommand>, LaunchError> {
    let name = ShellWord::new(recipe.container.clone())?;
    let pair = [
        ShellCommand::new("docker")
            .arg("stop")
            .arg("-t")
            .word(grace)
            .word(name.clone()),
        ShellCommand::new("docker").arg("rm").arg("-f").word(name),
    ];
    let mut all = pair.to_vec();
    if let Place::Cluster(cluster) = place {
        for worker in &cluster.workers {
            for command in &pair {
                all.push(on_worker(worker.address, command)?);
            }
        }
    }
    Ok(all)
}

/// The weights as a container sees them. Nothing is fetched at the start of a model: what is on disk is all there is.
pub(super) fn mounted(job: &Job<'_>, needed: bool) -> Result<Mounted, LaunchError> {
    match &job.recipe.source {
        ModelSource::Local(folder) => {
            let path = folder.as_str();
            Ok(Mounted {
                mount: Some(bind(path, path)?),
                env: Vec::new(),
                folder: Some(path.to_owned()),
            })
        }
        ModelSource::Repo(repo) => {
            let folder = repo.folder();
            let Some(weights) = job.weights else {
                if needed {
                    let host = job.place.head().clone();
                    return Err(LaunchError::NoWeights(job.recipe.key.clone(), host));
                }
                return Ok(Mounted {
                    mount: None,
                    env: Vec::new(),
                    folder: None,
                });
            };
            let path = weights.path.as_str();
            let Some((cache, below)) = cached(path, &folder) else {
                return Ok(Mounted {
                    mount: Some(bind(path, path)?),
                    env: Vec::new(),
                    folder: Some(path.to_owned()),
                });
            };
            let inside = format!("{CACHE}/{folder}");
            Ok(Mounted {
                mount: Some(bind(&format!("{cache}/{folder}"), &inside)?),
                env: vec![
                    ("HF_HUB_CACHE".into(), CACHE.into()),
                    ("HF_HUB_OFFLINE".into(), "1".into()),
                ],
                folder: Some(format!("{inside}{below}")),
            })
        }
    }
}

/// The cache and what lies below the repository's folder in it: `/c/models--a--b/snapshots/1` is `/c` and `/snapshots/1`.
fn cached<'a>(path: &'a str, folder: &str) -> Option<(&'a str, &'a str)> {
    let (cache, below) = path.split_once(&format!("/{folder}"))?;
    (below.is_empty() || below.starts_with('/')).then_some((cache, below))
}

/// A mount that is only read. Unlike `-v` it makes no folder where there is none.
fn bind(source: &str, target: &str) -> Result<String, LaunchError> {
    let odd = |c: char| c.is_control() || ",\"'\\".contains(c);
    if source.contains(odd) {
        return Err(LaunchError::Mount(source.to_owned()));
    }
    Ok(format!(
        "type=bind,source={source},target={target},readonly"
    ))
}

/// A setting's flag, if no argument holds it.
pub(super) fn unless_said(args: &[String], flag: &str, value: &Knob) -> Vec<String> {
    if flags::holds(Dialect::LlamaCpp, args, flag) {
        return Vec::new();
    }
    flags::words(Dialect::LlamaCpp, flag, value)
}
