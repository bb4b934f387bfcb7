//! The ways to fail that only a restart mends (pure). They are looked for in what a service answers to a real request, never in
//! one that is idle.

/// A way to fail that only a restart mends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wedge {
    /// `cudaErrorUnknown`.
    Cuda,
    /// `CUFFT_INTERNAL_ERROR`.
    Fft,
    /// The engine's core could not be started, or died.
    EngineCore,
    /// HTTP 500.
    Status500,
}

impl Wedge {
    /// The pattern as a person reads it.
    pub fn words(self) -> &'static str {
        match self {
            Self::Cuda => "cudaErrorUnknown",
            Self::Fft => "CUFFT_INTERNAL_ERROR",
            Self::EngineCore => "the engine core failed",
            Self::Status500 => "HTTP 500",
        }
    }
}

/// The words of each pattern, as the libraries write them; the case of letters is no part of them.
const PATTERNS: [(Wedge, &[&str]); 3] = [
    (
        Wedge::Cuda,
        &["cudaerrorunknown", "cuda error: unknown error"],
    ),
    (Wedge::Fft, &["cufft_internal_error"]),
    (
        Wedge::EngineCore,
        &[
            "engine core initialization failed",
            "enginecore failed to start",
            "enginecore encountered an issue",
            "enginedeaderror",
        ],
    ),
];

/// The pattern in an answer to a real request, if there is one.
pub fn wedge(status: u16, said: &str) -> Option<Wedge> {
    if status < 500 {
        return None;
    }
    let said = said.to_ascii_lowercase();
    let named = PATTERNS
        .iter()
        .find(|(_, words)| words.iter().any(|word| said.contains(word)));
    named
        .map(|(wedge, _)| *wedge)
        .or((status == 500).then_some(Wedge::Status500))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_by_rows() {
        for (status, said, expected) in [
            (200, "cudaErrorUnknown", None),
            (422, "CUFFT_INTERNAL_ERROR", None),
            (500, "CUDA failure 999: cudaErrorUnknown", Some(Wedge::Cuda)),
            (
                503,
                "RuntimeError: CUDA error: unknown error\nCUDA kernel errors might be …",
                Some(Wedge::Cuda),
            ),
            (500, "cuFFT error: CUFFT_INTERNAL_ERROR", Some(Wedge::Fft)),
            (
                500,
                "EngineCore encountered an issue. See stack trace (above) for the root cause.",
                Some(Wedge::EngineCore),
            ),
            (500, "", Some(Wedge::Status500)),
            (502, "bad gateway", None),
            (503, "loading", None),
        ] {
            assert_eq!(wedge(status, said), expected, "{status} {said}");
        }
    }
}
