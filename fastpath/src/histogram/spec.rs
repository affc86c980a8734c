//! What a histogram counts: the rows of the tables of histograms.

/// Unit of the values of a histogram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Nanoseconds.
    Nanoseconds,
    /// Microseconds.
    Microseconds,
    /// TSC cycles per packet.
    Cycles,
    /// Packets.
    Packets,
}

impl Unit {
    /// The suffix of names in this unit.
    pub const fn suffix(self) -> &'static str {
        match self {
            Self::Nanoseconds => "ns",
            Self::Microseconds => "us",
            Self::Cycles => "cycles",
            Self::Packets => "packets",
        }
    }
}

/// A histogram in a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spec {
    /// Its name, which ends with the unit.
    pub name: &'static str,
    /// Unit of its values.
    pub unit: Unit,
    /// What is counted.
    pub help: &'static str,
}

/// Makes an enumeration of histograms from a table: variant, name, unit, meaning. The variant is
/// the histogram's index in the recorder of its thread.
#[macro_export]
macro_rules! histogram_table {
    (
        $(#[$meta:meta])* $visibility:vis enum $table:ident {
            $($variant:ident, $name:literal, $unit:ident, $help:literal;)*
        }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(usize)]
        $visibility enum $table { $(#[doc = $help] $variant,)* }

        impl $table {
            /// The table, in the order of the indices.
            $visibility const SPECS: &'static [$crate::histogram::Spec] = &[
                $($crate::histogram::Spec {
                    name: $name,
                    unit: $crate::histogram::Unit::$unit,
                    help: $help,
                },)*
            ];
        }
    };
}
