//! Options and memory on their way between slowpath and worker: made and freed off the polling
//! cores.

use super::books::Books;
use super::pool::Pool;
use super::probe::Stamps;
use crate::conn::HashKey;
use crate::tunnel::ResumeOptions;

/// What a worker works with from now on; what it worked with before goes back in the same form.
#[derive(Debug)]
pub(crate) struct Setup {
    pub(super) options: ResumeOptions,
    /// The pool of before stays in use, and `pool` is nothing.
    pub(super) keeps_pool: bool,
    pub(super) pool: Option<Pool>,
    /// For a worker that has none yet.
    pub(super) books: Option<Books>,
    /// What was seen of connections goes on being used where probes stay configured.
    pub(super) stamps: Option<Stamps>,
}

impl Setup {
    /// Memory for these options, of a worker that works with `before` now (`None`: with nothing)
    /// and has a table of `conns` connections.
    pub(crate) fn new(
        options: ResumeOptions,
        before: Option<&ResumeOptions>,
        key: HashKey,
        conns: u32,
    ) -> Self {
        let held = |options: &ResumeOptions| options.hold.then_some(options.hold_memory_bytes);
        let keeps_pool = before.is_some_and(|before| held(before) == held(&options));
        let probed = before.is_some_and(|before| before.probe.is_some());
        let memory = held(&options).filter(|_| !keeps_pool);
        Self {
            options,
            keeps_pool,
            pool: memory.map(|bytes| Pool::new(bytes, key)),
            books: before.is_none().then(Books::new),
            stamps: (options.probe.is_some() && !probed).then(|| Stamps::new(conns)),
        }
    }
}
