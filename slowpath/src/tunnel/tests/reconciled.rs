//! Many tunnels at once: an edit is taken over in steps.

use super::*;
use crate::limits::RECONCILED_PER_TURN;

/// An access list of ten thousand lines.
const MANY: u32 = 10_000;

fn specs(ids: std::ops::Range<u32>, path_mtu: u16) -> Vec<Arc<TunnelSpec>> {
    let specs = ids.map(|id| TunnelSpec {
        id: TunnelId(id),
        path_mtu,
        ..spec()
    });
    specs.map(Arc::new).collect()
}

/// Turns until the edit is through; each does no more than its share.
fn turns(owner: &mut TunnelOwner<Fake>, dp: &mut Fake, mut edit: Reconciliation) -> usize {
    let mut turns = 0;
    loop {
        let left = edit.left();
        let done = owner.reconcile(&mut edit, Time(0), dp);
        assert!(left - edit.left() <= RECONCILED_PER_TURN);
        turns += 1;
        if done {
            return turns;
        }
    }
}

#[test]
fn an_edit_of_ten_thousand_tunnels_is_done_in_bounded_turns() {
    let (mut owner, mut dp) = (TunnelOwner::default(), Fake::default());
    let least = MANY as usize / RECONCILED_PER_TURN;
    let add = Reconciliation::new(Vec::new(), Vec::new(), specs(0..MANY, 1500));
    assert!(turns(&mut owner, &mut dp, add) > least);
    assert_eq!(owner.iter().count(), MANY as usize);
    let change = Reconciliation::new(Vec::new(), specs(0..MANY, 1400), Vec::new());
    assert!(turns(&mut owner, &mut dp, change) > least);
    assert!(owner.iter().all(|(_, _, spec)| spec.path_mtu == 1400));
    let remove = Reconciliation::new((0..MANY).map(TunnelId).collect(), Vec::new(), Vec::new());
    assert!(turns(&mut owner, &mut dp, remove) > least);
    assert_eq!((owner.iter().count(), dp.words.len()), (0, 0));
}

#[test]
fn every_new_tunnel_is_told_with_its_slot() {
    let (mut owner, mut dp) = (TunnelOwner::default(), Fake::default());
    let mut edit = Reconciliation::new(Vec::new(), Vec::new(), specs(0..3, 1500));
    assert!(owner.reconcile(&mut edit, Time(0), &mut dp));
    let given = edit.given().iter().map(|it| (it.tunnel, Some(it.slot)));
    let owned = owner.iter().map(|(id, slot, _)| (id, Some(slot)));
    assert!(given.eq(owned) && edit.given().len() == 3);
}

#[test]
fn what_has_no_slot_is_told_once() {
    let (mut owner, mut dp) = (TunnelOwner::default(), Fake::default());
    dp.slots_left = Some(1);
    let mut edit = Reconciliation::new(Vec::new(), Vec::new(), specs(0..MANY, 1500));
    assert!(owner.reconcile(&mut edit, Time(0), &mut dp));
    assert_eq!((edit.given().len(), owner.iter().count()), (1, 1));
    let message = owner.poll_message().expect("a message");
    assert!(
        message.text.contains("9999 access-list entries"),
        "{message:?}"
    );
    assert!(owner.poll_message().is_none());
}
