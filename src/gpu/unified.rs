//! Where a GPU's memory is: its own, or the machine's. Pure.

use crate::domain::{GpuMemory, Metric, Mib, Missing};

/// Parts without memory of their own, by a word of their product name. `[N/A]` alone is not enough: a virtual GPU or a
/// driver in trouble says that too. GB10: NVML memory info is NOT_SUPPORTED (nvtop 449, nvitop 208).
const UNIFIED_PARTS: [&str; 6] = ["GB10", "Thor", "Orin", "Xavier", "Tegra", "iGPU"];

/// What a source's two memory numbers mean for a GPU of this name.
pub(super) fn memory_of(name: &str, used: Metric<Mib>, total: Metric<Mib>) -> GpuMemory {
    let part = UNIFIED_PARTS.iter().any(|word| name.contains(word));
    match (used, total) {
        // One driver reports success and zeros on a unified part.
        (_, Metric::Is(Mib(0)) | Metric::Missing(Missing::NotSupported)) if part => {
            GpuMemory::Unified
        }
        (_, Metric::Is(Mib(0))) => GpuMemory::Missing(Missing::NotReported),
        (Metric::Is(used), Metric::Is(total)) => GpuMemory::Dedicated { used, total },
        (_, Metric::Missing(why)) | (Metric::Missing(why), _) => GpuMemory::Missing(why),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_by_rows() {
        let none = || Metric::Missing(Missing::NotSupported);
        let some = |mib| Metric::Is(Mib(mib));
        for (name, used, total, wanted) in [
            ("NVIDIA GB10", none(), none(), GpuMemory::Unified),
            ("NVIDIA GB10", some(0), some(0), GpuMemory::Unified),
            (
                "NVIDIA H200",
                some(10),
                some(143_771),
                GpuMemory::Dedicated {
                    used: Mib(10),
                    total: Mib(143_771),
                },
            ),
            (
                "NVIDIA H200",
                none(),
                none(),
                GpuMemory::Missing(Missing::NotSupported),
            ),
            (
                "NVIDIA H200",
                some(0),
                some(0),
                GpuMemory::Missing(Missing::NotReported),
            ),
            (
                "NVIDIA GB10",
                Metric::Missing(Missing::Lost),
                Metric::Missing(Missing::Lost),
                GpuMemory::Missing(Missing::Lost),
            ),
        ] {
            assert_eq!(memory_of(name, used, total), wanted, "{name}");
        }
    }
}
