use proptest::prelude::*;

use super::*;
use crate::rcu::Publisher;
use crate::tunnel::SlotState;

const MTU: TunnelMtu = TunnelMtu {
    path: 1500,
    inner: 1438,
    mss: 1380,
};

fn allocated() -> (Arc<Slots<u32>>, SlotOwner<u32>, Domain, Publisher, SlotId) {
    let (domain, publisher) = Domain::new(1);
    let (slots, mut owner) = Slots::new(&domain);
    let id = owner.allocate(MTU).unwrap();
    (slots, owner, domain, publisher, id)
}

fn asked(owner: &mut SlotOwner<u32>) -> Vec<SlotId> {
    let mut asked = Vec::new();
    owner.take_asks(|id| asked.push(id));
    asked
}

#[test]
fn what_nobody_has_is_absent_and_does_nothing() {
    let (domain, mut publisher) = Domain::new(1);
    let (slots, mut owner) = Slots::<u32>::new(&domain);
    let reader = domain.reader(0).unwrap();
    for id in [SlotId::new(5), SlotId::NONE] {
        assert!(slots.word(id).absent());
        assert_eq!(slots.word(id).state(), SlotState::Down);
        assert!(!owner.bring_up(id, true));
        assert!(
            owner
                .publish_outbound(&mut publisher, id, Box::new(1))
                .is_err()
        );
        assert!(owner.retire(&mut publisher, id).is_none());
        assert!(slots.word(id).absent());
        assert_eq!(slots.outbound(id, &reader), None);
        slots.ask(id);
    }
    assert!(asked(&mut owner).is_empty());
}

#[test]
fn a_bounce_without_preserve_raises_the_epoch_and_with_it_does_not() {
    let (slots, mut owner, _domain, _publisher, id) = allocated();
    for (preserve, epoch) in [(false, 1), (true, 1), (true, 1), (false, 2)] {
        assert!(owner.bring_up(id, preserve));
        assert_eq!(slots.word(id).state(), SlotState::Up);
        assert_eq!(slots.word(id).preserve(), preserve);
        assert!(owner.take_down(id));
        assert_eq!(slots.word(id).state(), SlotState::Down);
        assert_eq!(slots.word(id).preserve(), preserve);
        assert_eq!(slots.word(id).epoch(), epoch);
    }
}

#[test]
fn a_swap_shows_the_new_sa_and_frees_the_old_one_later() {
    let (slots, mut owner, domain, mut publisher, id) = allocated();
    let mut reader = domain.reader(0).unwrap();
    assert_eq!(slots.outbound(id, &reader), None);
    for sa in [1, 2] {
        owner
            .publish_outbound(&mut publisher, id, Box::new(sa))
            .unwrap();
        assert_eq!(slots.outbound(id, &reader), Some(&sa));
    }
    assert_eq!(publisher.poll(), 0);
    reader.quiescent();
    assert_eq!(publisher.poll(), 1);
    assert!(owner.remove_outbound(&mut publisher, id));
    assert!(!owner.remove_outbound(&mut publisher, id));
    assert_eq!(slots.outbound(id, &reader), None);
    assert_eq!(slots.mtu(id), MTU);
}

#[test]
fn a_slot_that_goes_down_asks_again() {
    let (slots, mut owner, _domain, _publisher, id) = allocated();
    slots.ask(id);
    assert_eq!(asked(&mut owner), [id]);
    owner.set_state(id, SlotState::Pending);
    slots.ask(id);
    assert!(asked(&mut owner).is_empty());
    owner.set_state(id, SlotState::Down);
    assert!(asked(&mut owner).is_empty());
    slots.ask(id);
    assert_eq!(asked(&mut owner), [id]);
}

#[test]
fn a_retired_slot_comes_back_last_and_with_another_epoch() {
    let (slots, mut owner, domain, mut publisher, id) = allocated();
    let reader = domain.reader(0).unwrap();
    owner
        .publish_outbound(&mut publisher, id, Box::new(1))
        .unwrap();
    owner.bring_up(id, true);
    let retired = owner.retire(&mut publisher, id).unwrap();
    assert!(slots.word(id).absent());
    assert_eq!(slots.outbound(id, &reader), None);
    assert_eq!(owner.free(), SLOTS_MAX - 1);
    owner.release(retired);
    for _ in 1..SLOTS_MAX {
        assert_ne!(owner.allocate(MTU), Some(id));
    }
    assert_eq!(owner.allocate(MTU), Some(id));
    assert_eq!(owner.allocate(MTU), None);
    assert_eq!(slots.word(id), SlotWord::new(SlotState::Down, false, 1));
}

proptest! {
    #[test]
    fn a_word_keeps_its_parts_apart(state in 0_u8..4, preserve: bool, epoch: u16) {
        let state = [
            SlotState::Down,
            SlotState::Pending,
            SlotState::Up,
            SlotState::Deleting,
        ][usize::from(state)];
        let word = SlotWord::new(state, preserve, epoch);
        prop_assert_eq!((word.state(), word.preserve()), (state, preserve));
        prop_assert_eq!(word.epoch(), epoch);
        prop_assert!(!word.absent());
        let next = word.with_next_epoch();
        prop_assert_eq!(next, SlotWord::new(state, preserve, epoch.wrapping_add(1)));
        let pending = word.into_absent().with_state(SlotState::Pending);
        prop_assert!(pending.absent());
        prop_assert_eq!((pending.preserve(), pending.epoch()), (preserve, epoch));
        prop_assert_eq!(pending.state(), SlotState::Pending);
    }
}

#[test]
fn silence_is_marked_while_the_slot_is_up_and_no_longer() {
    let (slots, mut owner, _domain, _publisher, id) = allocated();
    assert!(owner.set_silent(id, true) && !slots.word(id).silent());
    assert!(owner.bring_up(id, true) && !slots.word(id).silent());
    assert!(owner.set_silent(id, true) && slots.word(id).silent());
    assert!(owner.stamp_preserve(id, false) && slots.word(id).silent());
    assert!(owner.set_silent(id, false) && !slots.word(id).silent());
    assert!(owner.set_silent(id, true) && owner.take_down(id));
    assert!(!slots.word(id).silent());
    assert!(owner.set_state(id, SlotState::Up) && !slots.word(id).silent());
}

#[test]
fn a_planned_bounce_is_marked_until_the_slot_is_up_or_goes_down_otherwise() {
    let (slots, mut owner, _domain, _publisher, id) = allocated();
    assert!(owner.bring_up(id, true));
    assert!(owner.take_down_planned(id));
    assert!(slots.word(id).planned());
    for state in [SlotState::Pending, SlotState::Deleting] {
        assert!(owner.set_state(id, state));
        assert!(slots.word(id).planned());
    }
    assert!(owner.stamp_preserve(id, true));
    assert!(slots.word(id).planned());
    assert!(owner.bring_up(id, true));
    assert!(!slots.word(id).planned());
    assert!(owner.take_down_planned(id) && owner.take_down(id));
    assert!(!slots.word(id).planned());
    // Without PRESERVE there is nothing to hold for.
    assert!(owner.bring_up(id, false));
    let epoch = slots.word(id).epoch();
    assert!(owner.take_down_planned(id));
    assert!(!slots.word(id).planned());
    assert_eq!(slots.word(id).epoch(), epoch.wrapping_add(1));
}
