//! Units as types: MiB, bytes per second, percent, watts, degrees, megahertz. Arithmetic can't mix them.

use std::fmt;
use std::iter::Sum;
use std::ops::{Add, Sub};

use serde::{Deserialize, Serialize};

macro_rules! whole_unit {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub u64);

        impl Add for $name {
            type Output = Self;
            fn add(self, other: Self) -> Self {
                Self(self.0.saturating_add(other.0))
            }
        }

        /// Saturates at zero: two counters that are read at different moments may cross.
        impl Sub for $name {
            type Output = Self;
            fn sub(self, other: Self) -> Self {
                Self(self.0.saturating_sub(other.0))
            }
        }

        impl Sum for $name {
            fn sum<I: Iterator<Item = Self>>(values: I) -> Self {
                values.fold(Self(0), Add::add)
            }
        }
    };
}

macro_rules! real_unit {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, Default, PartialEq, PartialOrd, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub f32);
    };
}

whole_unit! {
    /// Memory in MiB (1,048,576 bytes), the unit of NVIDIA's tools.
    Mib
}
whole_unit! {
    /// A number of bytes.
    Bytes
}
whole_unit! {
    /// A rate in bytes per second.
    BytesPerSecond
}
whole_unit! {
    /// A clock in MHz.
    Mhz
}
real_unit! {
    /// A share from 0 to 100. CPU percent is of the whole machine, not of one core.
    Percent
}
real_unit! {
    /// Electrical power in W.
    Watts
}
real_unit! {
    /// Temperature in °C.
    Celsius
}

impl Mib {
    /// The same memory in GiB.
    pub fn gib(self) -> f64 {
        self.0 as f64 / 1024.0
    }

    /// From kibibytes, the unit of `/proc/meminfo` (which writes `kB`).
    pub fn from_kib(kib: u64) -> Self {
        Self(kib / 1024)
    }

    /// From bytes, the unit of NVML.
    pub fn from_bytes(bytes: u64) -> Self {
        Self(bytes / (1024 * 1024))
    }

    /// This part of a whole, 0 to 100; 0 where the whole is 0.
    pub fn percent_of(self, whole: Self) -> Percent {
        if whole.0 == 0 {
            return Percent(0.0);
        }
        Percent((self.0 as f64 * 100.0 / whole.0 as f64) as f32)
    }
}

impl fmt::Display for Mib {
    /// Whole GiB from 10 GiB on, one decimal below, MiB below 1 GiB.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self.0 {
            0..1024 => format!("{} MiB", self.0),
            1024..10240 => format!("{:.1} GiB", self.gib()),
            _ => format!("{:.0} GiB", self.gib()),
        };
        f.pad(&text)
    }
}
