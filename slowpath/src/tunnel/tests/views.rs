//! What `show` prints of tunnels.

use super::*;

#[test]
fn contexts_come_in_pairs_with_the_inbound_one_first() {
    let mut bench = Bench::new(true);
    assert!(bench.owner.vpn_contexts(&bench.dp).contexts.is_empty());
    bench.up(Time(0));
    let text = bench.owner.vpn_contexts(&bench.dp).render();
    assert_eq!(
        text,
        "VPN CTX=0x0005FF54, Ptr=0x6DE635E0, DECR+ESP+PRESERVE, UP, pk=0000000000, \
         rk=0000000000, gc=0\n\
         VPN CTX=0x0005B234, Ptr=0x6DE62DA0, ENCR+ESP+PRESERVE, UP, pk=0000000000, \
         rk=0000000000, gc=0\n"
    );
}

#[test]
fn a_preserved_pair_outlives_the_drop_and_others_do_not() {
    for preserve in [true, false] {
        let mut bench = Bench::new(preserve);
        let spis = bench.up(Time(0));
        let before = bench.owner.vpn_contexts(&bench.dp).contexts;
        bench.down(spis, EndReason::LostContact, Time(1));
        let text = bench.owner.vpn_contexts(&bench.dp).render();
        assert_eq!(
            text.matches("+PRESERVE, DOWN").count(),
            if preserve { 2 } else { 0 }
        );
        assert_eq!(text.is_empty(), !preserve);
        bench.up(Time(2));
        let after = bench.owner.vpn_contexts(&bench.dp).contexts;
        assert_eq!(before[0].ctx == after[0].ctx, preserve);
    }
}

#[test]
fn sas_show_lifetimes_and_totals_over_rekeys() {
    let mut bench = Bench::new(true);
    let first = bench.up(Time(0));
    bench.carry(first.0, 5, 7);
    let rekey = ChildSa {
        replaces: Some(first),
        initiator: false,
        ..bench.child()
    };
    let second = bench.install(rekey, Time(60_000));
    bench.owner.child_confirmed(second.0, &mut bench.dp);
    bench.carry(second.0, 1, 1);
    let table = bench.owner.ipsec_sas(None, Time(100_000), &bench.dp);
    let tunnel = &table.interfaces[0].tunnels[0];
    assert_eq!((tunnel.inbound.len(), tunnel.outbound.len()), (2, 2));
    assert_eq!((tunnel.inbound[0].spi, tunnel.outbound[0].spi), second);
    assert_eq!(tunnel.inbound[0].remaining_s, 28_760);
    assert_eq!(tunnel.outbound[0].remaining_kb, Some(4_608_000));
    assert_eq!(
        (tunnel.counters.decapsulated, tunnel.counters.encapsulated),
        (6, 8)
    );
    bench.down(first, EndReason::Rekeyed, Time(101_000));
    let table = bench.owner.ipsec_sas(Some(PEER), Time(101_000), &bench.dp);
    let tunnel = &table.interfaces[0].tunnels[0];
    assert_eq!(
        (tunnel.counters.decapsulated, tunnel.counters.encapsulated),
        (6, 8)
    );
    assert_eq!(tunnel.overhead, 54);
    bench.owner.clear_counters(&bench.dp);
    let table = bench.owner.ipsec_sas(None, Time(101_000), &bench.dp);
    assert_eq!(table.interfaces[0].tunnels[0].counters.encapsulated, 0);
    assert!(
        bench
            .owner
            .ipsec_sas(Some(OTHER), Time(0), &bench.dp)
            .interfaces
            .is_empty()
    );
}
