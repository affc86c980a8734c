//! The environment abstraction layer: start, lcores, the TSC's rate.

use std::ffi::{CStr, CString, c_char, c_int, c_void};

use dpdk_sys as sys;
use thiserror::Error;

/// Why the EAL could not do what it was asked.
#[derive(Debug, Error)]
pub enum EalError {
    /// A name with a NUL byte.
    #[error("\"{0}\" holds a NUL byte")]
    Name(String),
    /// DPDK's own error.
    #[error("{what}: {text}")]
    Dpdk {
        /// What was asked.
        what: String,
        /// DPDK's words.
        text: String,
    },
}

impl EalError {
    /// The error that DPDK has just left in `rte_errno`.
    pub(super) fn last(what: impl Into<String>) -> Self {
        // SAFETY: reads this thread's rte_errno.
        Self::code(what, unsafe { sys::hf_errno() })
    }

    /// A negative or positive error number.
    pub(super) fn code(what: impl Into<String>, code: i32) -> Self {
        // SAFETY: rte_strerror returns a NUL-terminated string that lives until the next call.
        let text = unsafe { CStr::from_ptr(sys::rte_strerror(code.abs())) };
        Self::Dpdk {
            what: what.into(),
            text: text.to_string_lossy().into_owned(),
        }
    }
}

/// A started EAL. One per process; cleaned up when dropped.
#[derive(Debug)]
pub struct Eal {
    consumed: usize,
}

/// A worker lcore of the EAL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lcore(u32);

impl Lcore {
    /// Number of the lcore.
    pub const fn id(self) -> u32 {
        self.0
    }

    /// The CPU on which it runs, the first of its set.
    pub fn cpu(self) -> Option<usize> {
        // SAFETY: a pure look-up in the EAL's configuration.
        usize::try_from(unsafe { sys::rte_lcore_to_cpu_id(self.0 as c_int) }).ok()
    }
}

impl Eal {
    /// Starts the EAL with `arguments` (program name first, up to and without `--`). Pins the
    /// calling thread to the main lcore's CPU.
    pub fn start(arguments: &[String]) -> Result<Self, EalError> {
        let strings = arguments
            .iter()
            .map(|text| CString::new(text.as_str()).map_err(|_| EalError::Name(text.clone())))
            .collect::<Result<Vec<_>, _>>()?;
        let mut pointers: Vec<*mut c_char> = strings
            .iter()
            .map(|text| text.as_ptr().cast_mut())
            .collect();
        // SAFETY: argc and argv describe valid strings, which are leaked below because the EAL
        // keeps pointers into them.
        let parsed = unsafe { sys::rte_eal_init(pointers.len() as c_int, pointers.as_mut_ptr()) };
        std::mem::forget(strings);
        match usize::try_from(parsed) {
            Ok(consumed) => Ok(Self { consumed }),
            Err(_) => Err(EalError::last("EAL initialisation")),
        }
    }

    /// Arguments that the EAL took, the program's name not counted.
    pub fn consumed(&self) -> usize {
        self.consumed
    }

    /// The worker lcores in order; the main lcore is not among them.
    pub fn workers(&self) -> Vec<Lcore> {
        let mut lcores = Vec::new();
        let mut id = u32::MAX;
        loop {
            // SAFETY: a pure look-up in the EAL's configuration.
            id = unsafe { sys::rte_get_next_lcore(id, 1, 0) };
            if id >= sys::RTE_MAX_LCORE {
                return lcores;
            }
            lcores.push(Lcore(id));
        }
    }

    /// Runs `body` on a worker lcore; [`Eal::wait`] for its end.
    pub fn launch<F>(&self, lcore: Lcore, body: F) -> Result<(), EalError>
    where
        F: FnOnce() + Send + 'static,
    {
        let argument = Box::into_raw(Box::new(body)).cast::<c_void>();
        // SAFETY: `run::<F>` takes the box over exactly once, on the lcore's own thread.
        let code = unsafe { sys::rte_eal_remote_launch(Some(run::<F>), argument, lcore.0) };
        if code == 0 {
            return Ok(());
        }
        // SAFETY: the launch was refused, so nobody else has the box.
        drop(unsafe { Box::from_raw(argument.cast::<F>()) });
        Err(EalError::code(format!("launching lcore {}", lcore.0), code))
    }

    /// Waits until what was launched on the lcore has returned.
    pub fn wait(&self, lcore: Lcore) {
        // SAFETY: the lcore number came from the EAL.
        unsafe { sys::rte_eal_wait_lcore(lcore.0) };
    }
}

impl Drop for Eal {
    fn drop(&mut self) {
        // SAFETY: no worker runs any more: whoever launches also waits.
        unsafe { sys::rte_eal_cleanup() };
    }
}

extern "C" fn run<F: FnOnce() + Send + 'static>(argument: *mut c_void) -> c_int {
    // SAFETY: `launch` made the pointer from a box of this type and gives it away once.
    let body = unsafe { Box::from_raw(argument.cast::<F>()) };
    // A panic must not cross into C. There is no way on for a core that has lost its state.
    if std::panic::catch_unwind(std::panic::AssertUnwindSafe(body)).is_err() {
        std::process::abort();
    }
    0
}

/// TSC ticks per second.
pub fn tsc_hz() -> u64 {
    // SAFETY: a pure look-up; zero before the EAL has started.
    unsafe { sys::rte_get_tsc_hz() }
}

/// DPDK's version.
pub fn version() -> String {
    // SAFETY: a static NUL-terminated string.
    unsafe { CStr::from_ptr(sys::rte_version()) }
        .to_string_lossy()
        .into_owned()
}
