//! What NVML answered -> what we say of a GPU. Pure: NVML itself stands in `nvml.rs`, a test writes the answers down.

use nvml_wrapper::error::NvmlError;

use super::unified::memory_of;
use crate::domain::{
    Celsius, Ecc, GpuCondition, GpuHealth, GpuId, GpuMemory, GpuReading, Metric, Mhz, Mib,
    MigInstance, Missing, Percent, Throttle, Watts,
};
use crate::text::SafeText;

/// One answer of NVML.
pub(super) type Answer<T> = Result<T, NvmlError>;

/// Everything that NVML answered about one GPU, in its own units.
#[derive(Debug)]
pub(super) struct Answers {
    pub(super) uuid: Answer<String>,
    pub(super) name: Answer<String>,
    pub(super) bus_id: Answer<String>,
    pub(super) gpu_percent: Answer<u32>,
    /// Bytes: used, total.
    pub(super) memory: Answer<(u64, u64)>,
    pub(super) celsius: Answer<u32>,
    pub(super) milliwatts: Answer<u32>,
    pub(super) limit_milliwatts: Answer<u32>,
    pub(super) sm_mhz: Answer<u32>,
    pub(super) memory_mhz: Answer<u32>,
    pub(super) fan_percent: Answer<u32>,
    pub(super) pstate: Answer<u8>,
    pub(super) throttle_bits: Answer<u64>,
    /// Corrected, uncorrected.
    pub(super) ecc: Answer<(u64, u64)>,
    pub(super) mig: Vec<MigAnswers>,
}

/// What NVML answered about one MIG instance.
#[derive(Debug)]
pub(super) struct MigAnswers {
    pub(super) uuid: Answer<String>,
    /// The parent's name with the profile behind it: `NVIDIA H200 MIG 3g.71gb`.
    pub(super) name: Answer<String>,
    /// Bytes: used, total.
    pub(super) memory: Answer<(u64, u64)>,
}

/// A GPU that NVML gives no handle for: nothing is known of it but its place and why.
pub(super) fn silent(index: u32, error: &NvmlError) -> GpuReading {
    let why = match error {
        NvmlError::GpuLost => Missing::Lost,
        other => Missing::Unreadable(other.to_string().into()),
    };
    let id = GpuId::new(format!("index:{index}"));
    GpuReading::unread(id, index, "no answer".into(), &why)
}

/// A GPU from its answers.
pub(super) fn reading(index: u32, raw: &Answers) -> GpuReading {
    let name: SafeText = raw.name.as_deref().unwrap_or_default().into();
    let (used, total) = memory_pair(&raw.memory);
    let lost = [&raw.uuid, &raw.name, &raw.bus_id]
        .into_iter()
        .any(|answer| matches!(answer, Err(NvmlError::GpuLost)))
        || matches!(raw.celsius, Err(NvmlError::GpuLost));
    GpuReading {
        id: raw.uuid.as_deref().map_or_else(
            |_| GpuId::new(format!("index:{index}")),
            |uuid| GpuId::new(SafeText::new(uuid).as_str()),
        ),
        index,
        memory: memory_of(name.as_str(), used, total),
        name,
        bus_id: metric(&raw.bus_id, |id| id.as_str().into()),
        health: if lost { GpuHealth::Lost } else { GpuHealth::Ok },
        utilisation: metric(&raw.gpu_percent, |v| Percent(*v as f32)),
        temperature: metric(&raw.celsius, |v| Celsius(*v as f32)),
        power: metric(&raw.milliwatts, |v| Watts(*v as f32 / 1000.0)),
        power_limit: metric(&raw.limit_milliwatts, |v| Watts(*v as f32 / 1000.0)),
        clock_sm: metric(&raw.sm_mhz, |v| Mhz(u64::from(*v))),
        clock_memory: metric(&raw.memory_mhz, |v| Mhz(u64::from(*v))),
        fan: metric(&raw.fan_percent, |v| Percent(*v as f32)),
        pstate: match metric(&raw.pstate, |v| *v) {
            Metric::Is(16..) => Metric::default(),
            state => state,
        },
        throttle: metric(&raw.throttle_bits, |v| Throttle(*v)),
        ecc: metric(&raw.ecc, |(corrected, uncorrected)| Ecc {
            corrected: *corrected,
            uncorrected: *uncorrected,
        }),
        mig: raw.mig.iter().filter_map(mig).collect(),
    }
}

fn mig(raw: &MigAnswers) -> Option<MigInstance> {
    let uuid = raw.uuid.as_ref().ok()?;
    let name = raw.name.as_deref().unwrap_or_default();
    let profile = name
        .rsplit_once("MIG ")
        .map_or(name, |(_, profile)| profile);
    Some(MigInstance {
        id: GpuId::new(SafeText::new(uuid).as_str()),
        profile: profile.into(),
        memory: match &raw.memory {
            Ok((used, total)) => GpuMemory::Dedicated {
                used: Mib::from_bytes(*used),
                total: Mib::from_bytes(*total),
            },
            Err(error) => GpuMemory::Missing(why(error)),
        },
    })
}

fn memory_pair(answer: &Answer<(u64, u64)>) -> (Metric<Mib>, Metric<Mib>) {
    (
        metric(answer, |(used, _)| Mib::from_bytes(*used)),
        metric(answer, |(_, total)| Mib::from_bytes(*total)),
    )
}

/// A value, or the reason that NVML gave.
pub(super) fn metric<T, U>(answer: &Answer<T>, change: impl FnOnce(&T) -> U) -> Metric<U> {
    match answer {
        Ok(value) => Metric::Is(change(value)),
        Err(error) => Metric::Missing(why(error)),
    }
}

fn why(error: &NvmlError) -> Missing {
    match error {
        NvmlError::NotSupported
        | NvmlError::FunctionNotFound
        | NvmlError::FailedToLoadSymbol(_) => Missing::NotSupported,
        NvmlError::NoPermission => Missing::NoPermission,
        NvmlError::GpuLost => Missing::Lost,
        NvmlError::NoData | NvmlError::NotFound => Missing::NotReported,
        other => Missing::Unreadable(other.to_string().into()),
    }
}

/// Why NVML as a whole does not answer.
pub(super) fn condition(error: &NvmlError) -> GpuCondition {
    let detail = || SafeText::from(error.to_string());
    match error {
        NvmlError::LibloadingError(_) | NvmlError::LibraryNotFound => GpuCondition::NoTool,
        NvmlError::DriverNotLoaded => GpuCondition::NoDriver,
        NvmlError::LibRmVersionMismatch => GpuCondition::VersionMismatch {
            detail: SafeText::default(),
        },
        NvmlError::GpuLost => GpuCondition::Lost { detail: detail() },
        _ => GpuCondition::Failed { detail: detail() },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn h200() -> Answers {
        Answers {
            uuid: Ok("GPU-1".into()),
            name: Ok("NVIDIA H200".into()),
            bus_id: Ok("00000000:1B:00.0".into()),
            gpu_percent: Ok(87),
            memory: Ok((98_304 * 1024 * 1024, 143_771 * 1024 * 1024)),
            celsius: Ok(61),
            milliwatts: Ok(512_340),
            limit_milliwatts: Ok(700_000),
            sm_mhz: Ok(1980),
            memory_mhz: Ok(3201),
            fan_percent: Err(NvmlError::NotSupported),
            pstate: Ok(0),
            throttle_bits: Ok(0x44),
            ecc: Ok((3, 0)),
            mig: Vec::new(),
        }
    }

    #[test]
    fn a_discrete_gpu() {
        let gpu = reading(0, &h200());
        assert_eq!(gpu.health, GpuHealth::Ok);
        assert_eq!(
            gpu.memory,
            GpuMemory::Dedicated {
                used: Mib(98_304),
                total: Mib(143_771)
            }
        );
        assert_eq!(gpu.power, Metric::Is(Watts(512.34)));
        assert_eq!(gpu.fan, Metric::Missing(Missing::NotSupported));
        let throttle = gpu.throttle.value().unwrap();
        assert!(throttle.is_thermal());
        assert_eq!(
            throttle.words().collect::<Vec<_>>(),
            ["power cap", "hardware thermal"]
        );
    }

    #[test]
    fn unified_memory_mig_and_a_lost_gpu() {
        let unified = Answers {
            name: Ok("NVIDIA GB10".into()),
            memory: Err(NvmlError::NotSupported),
            ..h200()
        };
        assert_eq!(reading(0, &unified).memory, GpuMemory::Unified);
        let zeros = Answers {
            name: Ok("NVIDIA GB10".into()),
            memory: Ok((0, 0)),
            ..h200()
        };
        assert_eq!(reading(0, &zeros).memory, GpuMemory::Unified);
        let split = Answers {
            mig: vec![MigAnswers {
                uuid: Ok("MIG-1".into()),
                name: Ok("NVIDIA H200 MIG 3g.71gb".into()),
                memory: Err(NvmlError::NoPermission),
            }],
            gpu_percent: Err(NvmlError::NotSupported),
            ..h200()
        };
        let instance = reading(0, &split).mig.remove(0);
        assert_eq!(instance.profile.as_str(), "3g.71gb");
        assert_eq!(instance.memory, GpuMemory::Missing(Missing::NoPermission));
        let lost = Answers {
            name: Err(NvmlError::GpuLost),
            ..h200()
        };
        assert_eq!(reading(3, &lost).health, GpuHealth::Lost);
        let gone = silent(4, &NvmlError::GpuLost);
        assert_eq!((gone.index, gone.health), (4, GpuHealth::Lost));
        assert_eq!(gone.temperature.missing(), Some(&Missing::Lost));
        let mute = silent(5, &NvmlError::Unknown);
        assert_eq!(mute.health, GpuHealth::Ok);
        assert!(mute.power.missing().is_some());
    }

    #[test]
    fn why_the_driver_does_not_answer() {
        for (error, wanted) in [
            (NvmlError::LibraryNotFound, GpuCondition::NoTool),
            (NvmlError::DriverNotLoaded, GpuCondition::NoDriver),
            (
                NvmlError::LibRmVersionMismatch,
                GpuCondition::VersionMismatch {
                    detail: SafeText::default(),
                },
            ),
        ] {
            assert_eq!(condition(&error), wanted);
        }
        assert!(matches!(
            condition(&NvmlError::Unknown),
            GpuCondition::Failed { .. }
        ));
    }
}
