//! Routes: the longest prefix wins, then the lower metric, then the order of the configuration.

/// Where a packet leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RouteHit {
    /// Index of the interface.
    pub interface: u8,
    /// The next hop; the destination itself when it is connected.
    pub next_hop: u32,
}

/// A route to be put into a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Route {
    /// Net, its masked-out bits zero.
    pub net: u32,
    /// Mask; it need not be contiguous.
    pub mask: u32,
    /// Index of the interface.
    pub interface: u8,
    /// The gateway, `None` for a connected net.
    pub gateway: Option<u32>,
    /// Lower is better; a connected net has zero.
    pub metric: u8,
}

/// The nets under one mask, sorted by address, one route each.
#[derive(Clone, Debug)]
struct Group {
    mask: u32,
    nets: Vec<u32>,
    routes: Vec<(u8, Option<u32>)>,
}

/// Routes, ready for lookups: one sorted array per mask, the longest mask first.
///
/// A lookup costs one binary search per distinct mask. Only the first packet of a flow pays it, and
/// configurations have a handful of masks; a trie would be no faster at that size.
#[derive(Clone, Debug, Default)]
pub struct RouteTable {
    groups: Vec<Group>,
}

impl RouteTable {
    /// The table of these routes. Of several to one net the one with the lowest metric stays, the
    /// first of equals. A mask that is not contiguous counts as long as it has ones.
    pub fn new(routes: &[Route]) -> Self {
        let mut sorted: Vec<Route> = routes
            .iter()
            .map(|route| Route {
                net: route.net & route.mask,
                ..*route
            })
            .collect();
        // Stable: equal routes stay in the order of the configuration.
        sorted.sort_by_key(|route| {
            let length = (route.mask.count_ones(), route.mask);
            (core::cmp::Reverse(length), route.net, route.metric)
        });
        sorted.dedup_by_key(|route| (route.mask, route.net));
        let groups = sorted
            .chunk_by(|a, b| a.mask == b.mask)
            .map(|group| Group {
                mask: group[0].mask,
                nets: group.iter().map(|route| route.net).collect(),
                routes: group
                    .iter()
                    .map(|route| (route.interface, route.gateway))
                    .collect(),
            })
            .collect();
        Self { groups }
    }

    /// The routes in force, their metrics left out: they have done their work.
    pub fn iter(&self) -> impl Iterator<Item = (u32, u32, u8, Option<u32>)> {
        self.groups.iter().flat_map(|group| {
            let hops = group.nets.iter().zip(&group.routes);
            hops.map(|(&net, &(interface, gateway))| (net, group.mask, interface, gateway))
        })
    }

    /// Where packets to `destination` leave.
    #[inline]
    pub fn lookup(&self, destination: u32) -> Option<RouteHit> {
        self.groups.iter().find_map(|group| {
            let at = group.nets.binary_search(&(destination & group.mask)).ok()?;
            let (interface, gateway) = *group.routes.get(at)?;
            Some(RouteHit {
                interface,
                next_hop: gateway.unwrap_or(destination),
            })
        })
    }

    /// Number of routes.
    pub fn len(&self) -> usize {
        self.groups.iter().map(|group| group.nets.len()).sum()
    }

    /// Whether nothing is reachable.
    pub fn is_empty(&self) -> bool {
        self.groups.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const fn via(net: u32, mask: u32, interface: u8, gateway: u32, metric: u8) -> Route {
        Route {
            net,
            mask,
            interface,
            gateway: Some(gateway),
            metric,
        }
    }

    #[test]
    fn longest_prefix_then_metric_then_order() {
        let table = RouteTable::new(&[
            via(0, 0, 0, 1, 1),
            via(0x0a00_0000, 0xff00_0000, 1, 2, 5),
            via(0x0a00_0000, 0xff00_0000, 2, 3, 1),
            via(0x0a00_0000, 0xff00_0000, 3, 4, 1),
            Route {
                net: 0x0ae0_0900,
                mask: 0xffff_ff00,
                interface: 4,
                gateway: None,
                metric: 0,
            },
        ]);
        let hit = |destination| {
            table
                .lookup(destination)
                .map(|hit| (hit.interface, hit.next_hop))
        };
        assert_eq!(hit(0x0808_0808), Some((0, 1)));
        assert_eq!(hit(0x0a01_0101), Some((2, 3)));
        assert_eq!(hit(0x0ae0_0907), Some((4, 0x0ae0_0907)));
        assert_eq!(table.len(), 3);
    }

    #[test]
    fn the_host_route_of_the_seed_is_no_default_route() {
        let table = RouteTable::new(&[via(0, u32::MAX, 0, 0xd1a5_c901, 1)]);
        assert!(table.lookup(0).is_some());
        assert!(table.lookup(0x0808_0808).is_none());
    }

    proptest! {
        #[test]
        fn lookups_agree_with_a_scan(
            routes in prop::collection::vec(
                (0u32..64, prop_oneof![Just(0u32), Just(!0), Just(0x30), Just(0x3f), Just(0x21),
                    Just(!0 << 3), Just(!0 << 4)], 0u8..4, 0u8..3), 0..24),
            destinations in prop::collection::vec(0u32..64, 1..20),
        ) {
            let routes: Vec<Route> = routes
                .into_iter()
                .enumerate()
                .map(|(gateway, (net, mask, interface, metric))| {
                    via(net & mask, mask, interface, gateway as u32, metric)
                })
                .collect();
            let table = RouteTable::new(&routes);
            for destination in destinations {
                let expected = routes
                    .iter()
                    .filter(|route| destination & route.mask == route.net)
                    .min_by_key(|route| {
                        let length = (route.mask.count_ones(), route.mask);
                        (core::cmp::Reverse(length), route.metric)
                    })
                    .map(|route| RouteHit {
                        interface: route.interface,
                        next_hop: route.gateway.unwrap(),
                    });
                prop_assert_eq!(table.lookup(destination), expected);
            }
        }
    }
}
