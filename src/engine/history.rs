//! The past of a host's readings. Sealed chunks are shared by every published fleet; only the open one is ever copied.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::domain::At;

/// Points in a chunk. Small, because the open chunk is copied when a reader still holds it.
const CHUNK: usize = 64;

/// Chunks kept per series: 64 × 60 points are 64 minutes at one per second.
const CHUNKS: usize = 60;

/// One value at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Point {
    /// When.
    pub at: At,
    /// The value in the series' own unit.
    pub value: f32,
}

/// What a series measures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SeriesKey {
    /// CPU, percent of the machine.
    Cpu,
    /// Main memory held, percent of total.
    Memory,
    /// Utilisation of the GPU at this place in the report, percent.
    GpuUtilisation(u32),
    /// Memory of that GPU in use, percent of its total.
    GpuMemory(u32),
    /// Its temperature, °C.
    GpuTemperature(u32),
    /// Its power, W.
    GpuPower(u32),
    /// Bytes per second received and sent together.
    Network,
}

/// One measure over time, oldest first.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Series {
    sealed: Arc<Vec<Arc<[Point]>>>,
    open: Arc<Vec<Point>>,
}

impl Series {
    /// Adds a point; forgets the oldest chunk when there are too many.
    pub fn push(&mut self, point: Point) {
        let open = Arc::make_mut(&mut self.open);
        open.push(point);
        if open.len() >= CHUNK {
            let chunk: Arc<[Point]> = std::mem::take(open).into();
            let sealed = Arc::make_mut(&mut self.sealed);
            sealed.push(chunk);
            if sealed.len() > CHUNKS {
                sealed.remove(0);
            }
        }
    }

    /// The points, newest first.
    pub fn newest_first(&self) -> impl Iterator<Item = Point> + '_ {
        self.open.iter().rev().copied().chain(
            self.sealed
                .iter()
                .rev()
                .flat_map(|chunk| chunk.iter().rev().copied()),
        )
    }

    /// The newest point.
    pub fn last(&self) -> Option<Point> {
        self.newest_first().next()
    }
}

/// All series of one host.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct History {
    series: Arc<Vec<(SeriesKey, Series)>>,
}

impl History {
    /// The series of this measure, if anything was ever recorded.
    pub fn series(&self, key: SeriesKey) -> Option<&Series> {
        self.series
            .iter()
            .find(|(of, _)| *of == key)
            .map(|(_, series)| series)
    }

    /// Records one value.
    pub fn record(&mut self, key: SeriesKey, at: At, value: f32) {
        let all = Arc::make_mut(&mut self.series);
        let point = Point { at, value };
        match all.iter_mut().find(|(of, _)| *of == key) {
            Some((_, series)) => series.push(point),
            None => {
                let mut series = Series::default();
                series.push(point);
                all.push((key, series));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_keeps_its_past_and_the_bound_holds() {
        let mut history = History::default();
        for n in 0..10_000_u64 {
            history.record(SeriesKey::Cpu, At(n), n as f32);
        }
        let held = history.clone();
        history.record(SeriesKey::Cpu, At(10_000), 1.0);
        let series = held.series(SeriesKey::Cpu).unwrap();
        assert_eq!(series.last().unwrap().at, At(9_999));
        let kept = series.newest_first().count();
        assert!(kept <= CHUNK * (CHUNKS + 1), "{kept} points kept");
        assert!(
            series
                .newest_first()
                .map(|p| p.at)
                .is_sorted_by(|a, b| a > b)
        );
    }
}
