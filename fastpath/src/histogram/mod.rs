//! Histograms of one thread: recording costs a polling core a load and a store.
//!
//! Values are counted in log-linear classes with two significant digits, the classes of
//! HdrHistogram at that precision: exact below 256, above it 128 classes per power of two. The
//! unit is that of the histogram's [`Spec`].
//!
//! All histograms of a thread have two phases of counts. The thread writes into one, the reader
//! empties the other. The reader asks for a flip by raising the epoch; the thread sees that at its
//! next [`Recorder::turn`] and says so; only then is the phase that it left the reader's. Neither
//! waits, and no count is lost or seen twice.

mod classes;
mod counts;
mod recorder;
mod spec;

pub use classes::VALUE_MAX;
pub use counts::Counts;
pub use recorder::{Reader, Recorder, histograms};
pub use spec::{Spec, Unit};
