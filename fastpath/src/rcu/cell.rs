//! What readers load and the publisher swaps.

use std::fmt;
use std::ptr;

use super::domain::{Domain, DomainId};
use super::{Publisher, QsReader};
use crate::sync::{AtomicPtr, Ordering};

/// One published value, or none.
///
/// A dropped cell drops its value on the spot; who wants that off the cores removes it first.
pub struct RcuCell<T: Send + Sync + 'static> {
    /// Null, or from `Box::into_raw`.
    value: AtomicPtr<T>,
    domain: DomainId,
}

impl<T: Send + Sync + 'static> fmt::Debug for RcuCell<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RcuCell")
    }
}

impl<T: Send + Sync + 'static> RcuCell<T> {
    /// An empty cell.
    pub fn new(domain: &Domain) -> Self {
        Self {
            value: AtomicPtr::new(ptr::null_mut()),
            domain: domain.shared.id,
        }
    }

    /// The value, valid until the reader's next quiescent state.
    ///
    /// # Panics
    /// When cell and reader are of different domains.
    #[inline]
    pub fn load<'r>(&'r self, reader: &'r QsReader) -> Option<&'r T> {
        self.check(reader.domain);
        let value = self.value.load(Ordering::Acquire);
        // SAFETY: a pointer that is not null came from `Box::into_raw` and is initialised before
        // it was swapped in with release. The publisher of this domain frees it only after every
        // online reader has reported a quiescent state later than the swap that took it out, and
        // this reader cannot report one while `reader` is borrowed. The cell's own drop needs
        // the cell, which is borrowed as well.
        unsafe { value.as_ref() }
    }

    /// Whether there is a value. It may be gone at once.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.value.load(Ordering::Relaxed).is_null()
    }

    /// The value for the one who alone can free it.
    pub(super) fn peek<'p>(&'p self, publisher: &'p Publisher) -> Option<&'p T> {
        self.check(publisher.domain());
        let value = self.value.load(Ordering::Acquire);
        // SAFETY: as in `load`; only the publisher of this domain unlinks and frees, both need it
        // mutably, and it is borrowed.
        unsafe { value.as_ref() }
    }

    /// Puts `value` in and returns what was there. The caller must hold the domain's publisher.
    pub(super) fn swap(&self, value: Option<Box<T>>, domain: DomainId) -> *mut T {
        self.check(domain);
        let value = value.map_or(ptr::null_mut(), Box::into_raw);
        self.value.swap(value, Ordering::AcqRel)
    }

    /// Cells hold a reference only as long as their own domain's readers say so.
    #[inline]
    fn check(&self, domain: DomainId) {
        assert!(self.domain == domain, "cell and handle are of one domain");
    }
}

impl<T: Send + Sync + 'static> Drop for RcuCell<T> {
    fn drop(&mut self) {
        // The drop is exclusive: what others stored has reached us with the cell itself.
        let value = self.value.load(Ordering::Relaxed);
        if !value.is_null() {
            // SAFETY: from `Box::into_raw`, still linked, so nobody else frees it; references
            // out of `load` and `peek` borrow the cell and have ended.
            drop(unsafe { Box::from_raw(value) });
        }
    }
}
