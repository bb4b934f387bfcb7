//! Services and containers (pure): which run, which failed, and what those said last.

use std::fmt::Write as _;

use super::logs::{Line, lines, printed};
use super::look::Said;
use super::scene::{Scene, moment};
use crate::demo::boxes::State;
use crate::demo::engine_json;
use crate::domain::Wall;

/// `systemctl status`: it does not run.
const DEAD: u32 = 3;
/// `systemctl status`: there is no such unit.
const UNKNOWN: u32 = 4;

/// A unit of the machine.
struct Unit {
    name: &'static str,
    what: &'static str,
    pid: u32,
    program: &'static str,
    /// When it failed, in microseconds since the epoch, and what it said.
    failed: Option<(i64, &'static str)>,
}

/// One that runs.
const fn unit(name: &'static str, what: &'static str, pid: u32, program: &'static str) -> Unit {
    Unit {
        name,
        what,
        pid,
        program,
        failed: None,
    }
}

const SSH: Unit = unit(
    "ssh.service",
    "OpenBSD Secure Shell server",
    1_019,
    "sshd: /usr/sbin/sshd -D [listener] 0 of 10-100 startups",
);
const NAMES: Unit = unit(
    "systemd-resolved.service",
    "Network Name Resolution",
    871,
    "/usr/lib/systemd/systemd-resolved",
);
const DOCKER: Unit = unit(
    "docker.service",
    "Docker Application Container Engine",
    1_184,
    "/usr/bin/dockerd -H fd:// --containerd=/run/containerd/containerd.sock",
);
const GPU_WATCH: Unit = unit(
    "nvidia-dcgm.service",
    "NVIDIA DCGM service",
    1_377,
    "/usr/bin/nv-hostengine -n --service-account nvidia-dcgm",
);
const CERTBOT: Unit = unit("certbot.service", "Certbot", 0, "/usr/bin/certbot -q renew");

/// The units that anybody asks for.
fn units(scene: &Scene<'_>) -> Vec<Unit> {
    let mut units = vec![SSH, NAMES];
    if scene.world.profile.docker {
        units.push(DOCKER);
    }
    if scene.world.profile.gpus.is_some() {
        let lost = scene.world.lost_since().map(|uptime| {
            let micros = scene.booted + i64::try_from(uptime).unwrap_or_default() * 1_000_000;
            (
                micros + 1_740_000,
                "GPU health watch: a GPU can't be reached any more; giving up",
            )
        });
        units.push(Unit {
            failed: lost,
            ..GPU_WATCH
        });
    } else {
        units.push(Unit {
            failed: Some((
                last_night(scene) + 4_213_000,
                "renewal of db.example.net failed: connection to the CA timed out",
            )),
            ..CERTBOT
        });
    }
    units
}

/// The last three o'clock in the night, in microseconds since the epoch.
fn last_night(scene: &Scene<'_>) -> i64 {
    let now = scene.now / 1000;
    let tonight = now.div_euclid(DAY) * DAY + 3 * HOUR;
    if tonight > now {
        tonight - DAY
    } else {
        tonight
    }
}

const HOUR: i64 = 3_600_000_000;
const DAY: i64 = 24 * HOUR;

/// What failed units said, each with the unit's name.
pub(super) fn complaints(scene: &Scene<'_>) -> Vec<(&'static str, Line)> {
    let mut said = Vec::new();
    for unit in units(scene) {
        let Some((micros, words)) = unit.failed else {
            continue;
        };
        let program = unit.program.split_whitespace().next().unwrap_or_default();
        let program = program.rsplit('/').next().unwrap_or(program);
        let line = |after: i64, priority, by: &str, text| Line {
            micros: micros + after,
            priority,
            by: by.to_owned(),
            text,
        };
        let name = unit.name;
        said.push((
            name,
            line(0, 3, &format!("{program}[3318]"), words.to_owned()),
        ));
        let result = format!("{name}: Failed with result 'exit-code'.");
        said.push((name, line(20_000, 4, "systemd[1]", result)));
        let failed = format!("Failed to start {name} - {}.", unit.what);
        said.push((name, line(21_000, 3, "systemd[1]", failed)));
    }
    said
}

/// `systemctl --failed --no-legend --plain`
pub(super) fn failed(scene: &Scene<'_>) -> String {
    let mut text = String::new();
    for unit in units(scene).iter().filter(|unit| unit.failed.is_some()) {
        let _ = writeln!(text, "{} loaded failed failed {}", unit.name, unit.what);
    }
    text
}

/// `systemctl status UNIT`
pub(super) fn status(scene: &Scene<'_>, wanted: &str, most: usize) -> Said {
    let units = units(scene);
    let same =
        |unit: &&Unit| unit.name == wanted || unit.name.strip_suffix(".service") == Some(wanted);
    let Some(unit) = units.iter().find(same) else {
        return Said::fails(UNKNOWN, format!("Unit {wanted} could not be found.\n"));
    };
    let (mark, state, status) = match unit.failed {
        None => {
            let since = moment(scene.booted + 11_000_000, "%a %Y-%m-%d %H:%M:%S UTC");
            let state = format!(
                "active (running) since {since}\n   Main PID: {} ({})",
                unit.pid, unit.program
            );
            ('●', state, 0)
        }
        Some((micros, _)) => {
            let since = moment(micros, "%a %Y-%m-%d %H:%M:%S UTC");
            let state = format!(
                "failed (Result: exit-code) since {since}\n    Process: 3318 ExecStart={} (code=exited, status=1/FAILURE)",
                unit.program
            );
            ('×', state, DEAD)
        }
    };
    let journal = lines(scene, Some(unit.name), scene.booted, most.max(1));
    Said {
        out: format!(
            "{mark} {} - {}\n     Loaded: loaded (/usr/lib/systemd/system/{}; enabled; preset: enabled)\n     Active: {state}\n\n{}",
            unit.name,
            unit.what,
            unit.name,
            printed(scene, &journal, most)
        ),
        err: String::new(),
        status,
    }
}

/// `docker ps -a`, or that there is no such program.
pub(super) fn containers(scene: &Scene<'_>) -> Said {
    if !scene.world.profile.docker {
        return Said::fails(127, "neither docker nor podman is installed\n");
    }
    let mut rows = vec![["NAMES", "IMAGE", "STATUS", "PORTS"].map(str::to_owned)];
    rows.extend(scene.boxes.iter().map(|container| {
        let ports = match (container.kind.port, container.state) {
            (Some((inside, _)), State::Exited(..)) => format!("{inside}/tcp"),
            (Some((inside, outside)), _) => format!("127.0.0.1:{outside}->{inside}/tcp"),
            (None, _) => String::new(),
        };
        [
            container.kind.name.to_owned(),
            container.kind.image.to_owned(),
            engine_json::status(container, Wall(scene.now / 1_000_000)),
            ports,
        ]
    }));
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells.map(String::len).max().unwrap_or_default() + 3
    };
    let (name, image, state) = (width(0), width(1), width(2));
    let mut text = String::new();
    for [first, second, third, ports] in &rows {
        let row = format!("{first:<name$}{second:<image$}{third:<state$}{ports}");
        let _ = writeln!(text, "{}", row.trim_end());
    }
    text.into()
}
