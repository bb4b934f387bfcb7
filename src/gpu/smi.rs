//! The state of one nvidia-smi stream, folded line by line into a report. Pure: a source of lines and the beats that pass
//! between them are all it knows.

use std::collections::BTreeMap;

use crate::domain::{
    GpuCondition, GpuId, GpuMemory, GpuProcess, GpuReading, GpuReport, GpuSourceKind, Metric,
    MigInstance, Missing,
};
use crate::text::SafeText;

use super::smi_fields::SMI_FIELDS;
use super::smi_parse::{
    App, Columns, cuda_version, library_version, refused_field, trouble, trouble_of_status,
};

/// Beats that a started tool may take for its first row: without persistence mode the driver loads first.
const BEATS_TO_START: u32 = 20;
/// Beats of silence between rows after which the driver is called hung.
const BEATS_OF_SILENCE: u32 = 5;
/// Rounds of the GPU table after which a process that no longer shows has ended.
const ROUNDS_TO_FORGET: u64 = 3;
/// More than any host has, of GPUs, of instances and of processes on them: what a broken tool prints costs no more.
const MOST: usize = 4096;

/// What the two streams and the two single calls of nvidia-smi have said so far.
#[derive(Debug, Clone)]
pub struct SmiState {
    fields: Vec<String>,
    run: Run,
    columns: Columns,
    /// The round of rows that is coming in, and the whole round before it.
    coming: Vec<GpuReading>,
    whole: Vec<GpuReading>,
    rounds: u64,
    driver: Metric<SafeText>,
    cuda: Metric<SafeText>,
    mig: BTreeMap<u32, Vec<MigInstance>>,
    listed: Option<u32>,
    app_columns: Columns,
    apps: BTreeMap<(u32, GpuId), (App, u64)>,
    last_line: SafeText,
    fresh: bool,
}

/// Where the GPU stream stands.
#[derive(Debug, Clone, PartialEq)]
enum Run {
    /// Not started, or it ended for a reason that asks for another start at once.
    Idle,
    /// Started; so many beats without a row.
    Waiting(u32),
    /// Rows come; so many beats since the last one.
    Flowing(u32),
    /// It ended.
    Ended(GpuCondition),
}

impl Default for SmiState {
    fn default() -> Self {
        Self {
            fields: SMI_FIELDS.iter().map(|f| f.query.to_owned()).collect(),
            run: Run::Idle,
            columns: Columns::default(),
            coming: Vec::new(),
            whole: Vec::new(),
            rounds: 0,
            driver: Metric::default(),
            cuda: Metric::default(),
            mig: BTreeMap::new(),
            listed: None,
            app_columns: Columns::default(),
            apps: BTreeMap::new(),
            last_line: SafeText::default(),
            fresh: false,
        }
    }
}

impl SmiState {
    /// The fields to ask for: fewer after each one that the tool does not know.
    pub fn fields(&self) -> &[String] {
        &self.fields
    }

    /// Whether the GPU stream is to be started at once.
    pub fn wants_start(&self) -> bool {
        self.run == Run::Idle
    }

    /// Whether rows have come: the tool works, so its other calls may be made.
    pub fn is_flowing(&self) -> bool {
        matches!(self.run, Run::Flowing(_))
    }

    /// Why the stream ended, if it did.
    pub fn ended(&self) -> Option<&GpuCondition> {
        match &self.run {
            Run::Ended(why) => Some(why),
            _ => None,
        }
    }

    /// The stream has been asked for.
    pub fn started(&mut self) {
        self.run = Run::Waiting(0);
        self.last_line = SafeText::default();
        self.columns = Columns::default();
    }

    /// A call of ours hangs in the kernel already, so none was started.
    pub fn stuck(&mut self) {
        self.end(GpuCondition::Hung);
    }

    /// A beat has passed.
    pub fn beat(&mut self) {
        let (silent, most) = match &mut self.run {
            Run::Waiting(silent) => (silent, BEATS_TO_START),
            Run::Flowing(silent) => (silent, BEATS_OF_SILENCE),
            Run::Idle | Run::Ended(_) => return,
        };
        *silent = silent.saturating_add(1);
        // Told once: what is repeated would look like news.
        self.fresh |= *silent == most;
    }

    /// A line of the GPU stream.
    pub fn gpu_line(&mut self, line: &str) {
        if let Some(field) = refused_field(line) {
            self.refuse(field);
        } else if let Some(columns) = Columns::read(line, "index") {
            self.columns = columns;
        } else if let Some(gpu) = self.row(line) {
            self.take(gpu);
        } else if let Some(version) = library_version(line) {
            self.run = Run::Ended(GpuCondition::VersionMismatch { detail: version });
        } else if let Some(condition) = trouble(line) {
            self.end(condition);
        } else if self.run != Run::Idle {
            self.last_line = line.into();
        }
    }

    fn row(&mut self, line: &str) -> Option<GpuReading> {
        let row = self.columns.row(line)?;
        let gpu = row.gpu()?;
        if let driver @ Metric::Is(_) = row.text("driver_version") {
            self.driver = driver;
        }
        Some(gpu)
    }

    fn take(&mut self, gpu: GpuReading) {
        if self
            .coming
            .last()
            .is_none_or(|last| gpu.index <= last.index)
        {
            self.whole = std::mem::take(&mut self.coming);
            self.rounds += 1;
            let oldest = self.rounds.saturating_sub(ROUNDS_TO_FORGET);
            self.apps.retain(|_, (_, seen)| *seen >= oldest);
        }
        if self.coming.len() < MOST {
            self.coming.push(gpu);
        }
        self.run = Run::Flowing(0);
        self.fresh = true;
    }

    /// Leaves a field out, or asks for it by its older name.
    fn refuse(&mut self, field: &str) {
        let known = self.fields.len();
        self.fields.retain(|f| f != field);
        if field == "clocks_event_reasons.active" {
            self.fields.push("clocks_throttle_reasons.active".into());
        } else if self.fields.len() == known {
            self.end(GpuCondition::Failed {
                detail: format!("it does not know its own field {field}").into(),
            });
            return;
        }
        self.run = Run::Idle;
    }

    fn end(&mut self, condition: GpuCondition) {
        self.run = Run::Ended(condition);
        self.fresh = true;
    }

    /// The GPU stream ended with this status.
    pub fn gpu_exit(&mut self, status: u32) {
        match self.run {
            Run::Waiting(_) | Run::Flowing(_) => {
                self.end(trouble_of_status(status, &self.last_line));
            }
            Run::Idle | Run::Ended(_) => {}
        }
        if self.ended().is_some() {
            self.apps.clear();
        }
    }

    /// A line of the process stream.
    pub fn app_line(&mut self, line: &str) {
        if let Some(columns) = Columns::read(line, "pid") {
            self.app_columns = columns;
        } else if let Some(app) = self.app_columns.row(line).and_then(|row| row.app())
            && self.apps.len() < MOST
        {
            self.apps
                .insert((app.pid, app.gpu.clone()), (app, self.rounds));
        }
    }

    /// A line of `nvidia-smi -L`: MIG instances stand below their GPU.
    pub fn list_line(&mut self, line: &str) {
        let uuid = line
            .split_once("(UUID:")
            .map(|(_, rest)| rest.trim().trim_end_matches(')'));
        let mut words = line.split_ascii_whitespace();
        match (words.next(), words.next(), uuid) {
            (Some("GPU"), Some(index), _) => {
                self.listed = index.trim_end_matches(':').parse().ok();
                if let Some(index) = self.listed
                    && self.mig.len() < MOST
                {
                    self.mig.insert(index, Vec::new());
                }
            }
            (Some("MIG"), Some(profile), Some(uuid)) => {
                if let Some(instances) = self.listed.and_then(|gpu| self.mig.get_mut(&gpu))
                    && instances.len() < MOST
                {
                    instances.push(MigInstance {
                        id: GpuId::new(SafeText::new(uuid).as_str()),
                        profile: profile.into(),
                        memory: GpuMemory::Missing(Missing::NotReported),
                    });
                }
            }
            _ => {}
        }
    }

    /// A line of `nvidia-smi --version`.
    pub fn cuda_line(&mut self, line: &str) {
        if let Some(version) = cuda_version(line) {
            self.cuda = Metric::Is(version);
        }
    }

    fn condition(&self) -> GpuCondition {
        match &self.run {
            Run::Ended(why) => why.clone(),
            Run::Waiting(silent) if *silent >= BEATS_TO_START => GpuCondition::Hung,
            Run::Flowing(silent) if *silent >= BEATS_OF_SILENCE => GpuCondition::Hung,
            _ => GpuCondition::Working,
        }
    }

    /// The report, where something has changed since the last one.
    pub fn take_report(&mut self) -> Option<GpuReport> {
        if !std::mem::take(&mut self.fresh) {
            return None;
        }
        let condition = self.condition();
        let mut gpus = self.coming.clone();
        let seen = gpus.len();
        gpus.extend(self.whole.iter().skip(seen).cloned());
        for gpu in &mut gpus {
            if let Some(instances) = self.mig.get(&gpu.index) {
                gpu.mig.clone_from(instances);
            }
        }
        if matches!(self.run, Run::Ended(_)) {
            gpus.clear();
        }
        Some(GpuReport {
            condition,
            source: GpuSourceKind::NvidiaSmi,
            driver: self.driver.clone(),
            cuda: self.cuda.clone(),
            gpus,
        })
    }

    /// The processes on the GPUs, without what only the host's `/proc` knows; `None` before the stream has begun.
    pub fn processes(&self) -> Option<Vec<GpuProcess>> {
        if self.app_columns == Columns::default() && self.rounds < ROUNDS_TO_FORGET {
            return None;
        }
        let bare = |(app, _): &(App, u64)| GpuProcess {
            pid: app.pid,
            gpu: app.gpu.clone(),
            memory: app.memory.clone(),
            user: Metric::default(),
            command: app.program.clone(),
            container: Metric::default(),
            started: Metric::default(),
        };
        Some(self.apps.values().map(bare).collect())
    }
}
