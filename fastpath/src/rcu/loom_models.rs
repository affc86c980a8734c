//! Every interleaving of publisher and readers, under every outcome of relaxed memory:
//!
//! ```text
//! RUSTFLAGS="--cfg loom" CARGO_TARGET_DIR=target/loom \
//!     cargo test -p fastpath --release --lib loom_models
//! ```
//!
//! The values are loom cells that their destructor writes to: a free that does not come after
//! every read, or a read that does not come after the initialisation, fails the model.

use std::sync::Arc as StdArc;

use loom::cell::UnsafeCell;
use loom::sync::Arc;
use loom::thread;

use super::{Domain, Publisher, QsReader, RcuCell};

/// Stays allocated when the probe is freed, so that a broken model fails by loom's verdict.
struct Body(UnsafeCell<u32>);

// SAFETY: loom's cell checks each access.
unsafe impl Sync for Body {}

struct Probe(StdArc<Body>);

impl Probe {
    fn boxed(value: u32, bodies: &mut Vec<StdArc<Body>>) -> Box<Self> {
        let body = StdArc::new(Body(UnsafeCell::new(value)));
        bodies.push(body.clone());
        Box::new(Self(body))
    }

    fn read(&self) -> u32 {
        // SAFETY: a concurrent write is what loom looks for.
        self.0.0.with(|value| unsafe { *value })
    }
}

impl Drop for Probe {
    fn drop(&mut self) {
        // SAFETY: a concurrent access is what loom looks for.
        self.0.0.with_mut(|value| unsafe { *value = 0 });
    }
}

struct Model {
    domain: Domain,
    publisher: Publisher,
    cell: Arc<RcuCell<Probe>>,
    bodies: Vec<StdArc<Body>>,
}

fn model_with_a_value(readers: usize) -> Model {
    let (domain, mut publisher) = Domain::new(readers);
    let cell = Arc::new(RcuCell::new(&domain));
    let mut bodies = Vec::new();
    publisher
        .publish(&cell, Probe::boxed(1, &mut bodies))
        .unwrap();
    Model {
        domain,
        publisher,
        cell,
        bodies,
    }
}

fn read(cell: &RcuCell<Probe>, reader: &QsReader) {
    if let Some(probe) = cell.load(reader) {
        assert_ne!(probe.read(), 0, "freed under a reader");
    }
}

/// Publishes, polls as it goes, and must be able to free all when the readers are gone.
fn swap(mut model: Model, swaps: u32, readers: Vec<thread::JoinHandle<()>>) {
    for value in 0..swaps {
        let next = Probe::boxed(value + 2, &mut model.bodies);
        model.publisher.publish(&model.cell, next).unwrap();
        model.publisher.poll();
    }
    for reader in readers {
        reader.join().unwrap();
    }
    assert_eq!(model.publisher.drain(), 0);
}

#[test]
fn a_value_is_freed_after_every_read_of_it() {
    loom::model(|| {
        let model = model_with_a_value(1);
        let cell = model.cell.clone();
        let mut reader = model.domain.reader(0).unwrap();
        let reading = thread::spawn(move || {
            for _ in 0..2 {
                read(&cell, &reader);
                reader.quiescent();
            }
            read(&cell, &reader);
        });
        swap(model, 2, vec![reading]);
    });
}

#[test]
fn two_readers_are_both_waited_for() {
    // Three threads: all interleavings take minutes, those with two preemptions seconds.
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(2);
    builder.check(|| {
        let model = model_with_a_value(2);
        let readers = (0..2)
            .map(|index| {
                let cell = model.cell.clone();
                let mut reader = model.domain.reader(index).unwrap();
                thread::spawn(move || {
                    read(&cell, &reader);
                    reader.quiescent();
                    read(&cell, &reader);
                })
            })
            .collect();
        swap(model, 1, readers);
    });
}

#[test]
fn a_reader_that_wakes_never_sees_what_was_freed_in_its_sleep() {
    loom::model(|| {
        let model = model_with_a_value(1);
        let cell = model.cell.clone();
        let mut reader = model.domain.reader(0).unwrap();
        let reading = thread::spawn(move || {
            read(&cell, &reader);
            reader.offline(thread::yield_now);
            read(&cell, &reader);
        });
        swap(model, 2, vec![reading]);
    });
}

#[test]
fn a_reader_that_sleeps_twice_is_never_mistaken_for_asleep() {
    loom::model(|| {
        let model = model_with_a_value(1);
        let cell = model.cell.clone();
        let mut reader = model.domain.reader(0).unwrap();
        let reading = thread::spawn(move || {
            for _ in 0..2 {
                reader.offline(|| ());
                read(&cell, &reader);
            }
        });
        swap(model, 1, vec![reading]);
    });
}

#[test]
fn a_removed_value_is_freed_after_every_read_of_it() {
    loom::model(|| {
        let mut model = model_with_a_value(1);
        let cell = model.cell.clone();
        let domain = model.domain.clone();
        let reading = thread::spawn(move || {
            // The reader starts while the publisher is at work.
            let mut reader = domain.reader(0).unwrap();
            read(&cell, &reader);
            reader.quiescent();
            read(&cell, &reader);
        });
        assert!(model.publisher.remove(&model.cell));
        model.publisher.poll();
        swap(model, 1, vec![reading]);
    });
}
