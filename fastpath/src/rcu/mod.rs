//! Read-copy-update by quiescent states.
//!
//! A reader is a polling core. It says once per loop that it holds no reference
//! ([`QsReader::quiescent`]), and pays for that one load of a shared word and, only when somebody
//! has retired something since, one store to a word of its own. Loading a cell is one load and one
//! compare. The single [`Publisher`] swaps values, keeps the old ones in limbo, and frees each one
//! on its own thread as soon as every reader has passed a quiescent state: nobody waits for
//! anybody, and no destructor, zeroizing ones included, runs on a core.
//!
//! A reference cannot outlive the quiescent state that would end it:
//!
//! ```compile_fail,E0502
//! use fastpath::rcu::{Domain, RcuCell};
//! let (domain, mut publisher) = Domain::new(1);
//! let cell = RcuCell::new(&domain);
//! publisher.publish(&cell, Box::new(1_u32)).unwrap();
//! let mut reader = domain.reader(0).unwrap();
//! let value = cell.load(&reader);
//! reader.quiescent();
//! println!("{value:?}");
//! ```
//!
//! nor can it be held while the reader sleeps:
//!
//! ```compile_fail,E0502
//! use fastpath::rcu::{Domain, RcuCell};
//! let (domain, mut publisher) = Domain::new(1);
//! let cell = RcuCell::new(&domain);
//! publisher.publish(&cell, Box::new(1_u32)).unwrap();
//! let mut reader = domain.reader(0).unwrap();
//! let value = cell.load(&reader);
//! reader.offline(|| println!("{value:?}"));
//! ```
//!
//! and what the publisher peeks at cannot be freed under it:
//!
//! ```compile_fail,E0502
//! use fastpath::rcu::{Domain, RcuCell};
//! let (domain, mut publisher) = Domain::new(1);
//! let cell = RcuCell::new(&domain);
//! publisher.publish(&cell, Box::new(1_u32)).unwrap();
//! let value = publisher.peek(&cell);
//! publisher.poll();
//! println!("{value:?}");
//! ```
//!
//! A reader belongs to one thread at a time, and there is one publisher:
//!
//! ```compile_fail,E0277
//! fn shared<T: Sync>() {}
//! shared::<fastpath::rcu::QsReader>();
//! ```
//!
//! ```compile_fail,E0599
//! let (_domain, publisher) = fastpath::rcu::Domain::new(1);
//! let _second = publisher.clone();
//! ```
//!
//! # Why it is sound
//!
//! The publisher swaps a pointer, then raises the token with release. A value retired under token
//! `t` is freed when each reader's word is either 0 (offline) or at least `t`.
//!
//! - A word of at least `t` was stored after the reader had loaded a token of at least `t` with
//!   acquire, so its later loads see the new pointer; its earlier uses come before its store with
//!   release, which the publisher loads with acquire before it frees.
//! - A reader that goes offline stores 0 with release: its uses come before the free. When it
//!   returns it stores its word, executes a full fence and only then loads pointers; the publisher
//!   swaps, executes a full fence and only then loads words. Whichever fence is first, either the
//!   reader sees the new pointer or the publisher sees that the reader is back.
#![expect(
    unsafe_code,
    reason = "readers hold references to what the publisher frees; the grace period is the proof"
)]

mod cell;
mod domain;
#[cfg(all(test, loom))]
mod loom_models;
mod publisher;
#[cfg(all(test, not(loom)))]
mod tests;

pub use cell::RcuCell;
pub use domain::{Domain, QsReader};
pub use publisher::{LimboFull, Publisher};
