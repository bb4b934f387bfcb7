//! `probe`: NVML of this machine as JSON lines. The console runs it on hosts that have it; nothing here reads the
//! configuration, so that no typo there can blind a console elsewhere.

use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};

use super::error::CliError;
use super::exit::Exit;
use super::{print, runtime};
use crate::domain::GpuCondition;
use crate::gpu::{NvmlSource, NvmlThread, ProbeLine};

/// Time between two lines where nobody says otherwise.
const USUAL: Duration = Duration::from_secs(1);

/// How long one reading may take before the line is left out.
const PATIENCE: Duration = Duration::from_secs(2);

/// Prints a line per period, or one; ends with the reader. Without a working driver: one line that says why.
pub(super) fn run(period: Option<Duration>, once: bool) -> Result<Exit, CliError> {
    runtime::block_on(async {
        let mut nvml = NvmlSource::start_or_say_why();
        if once {
            return tell(nvml.read(PATIENCE).await);
        }
        lines(&mut nvml, period.unwrap_or(USUAL)).await
    })?
}

async fn lines(nvml: &mut NvmlThread, period: Duration) -> Result<Exit, CliError> {
    let mut pace = interval(period);
    pace.set_missed_tick_behavior(MissedTickBehavior::Skip);
    loop {
        pace.tick().await;
        let line = nvml.read(PATIENCE).await;
        if line.is_some() && tell(line)? == Exit::Failed {
            return Ok(Exit::Failed);
        }
    }
}

fn tell(line: Option<ProbeLine>) -> Result<Exit, CliError> {
    let Some(line) = line else {
        print::message("the driver does not answer");
        return Ok(Exit::Failed);
    };
    print::json_line(&line)?;
    Ok(if line.report.condition == GpuCondition::Working {
        Exit::Done
    } else {
        Exit::Failed
    })
}
