use std::net::Ipv4Addr;

use crate::MaskedNet;
use crate::testing::{EffectCase, parsed, refused};

pub(crate) const EFFECTS: &[EffectCase] = &[EffectCase {
    row: "route",
    given: "",
    line: "route inside 10.0.0.0 255.0.0.0 10.224.9.1",
    then: |config, _| {
        let route = &config.routes[0];
        route.nameif == "inside"
            && route.net.prefix_len() == Some(8)
            && route.gateway == Ipv4Addr::new(10, 224, 9, 1)
            && route.metric == 1
    },
    undo: Some("no route inside 10.0.0.0 255.0.0.0"),
}];

#[test]
fn zeros_are_the_default_route() {
    let config = parsed("route outside 0 0 1.1.1.1 5");
    assert_eq!(config.routes[0].net, MaskedNet::ANY);
    assert_eq!(config.routes[0].metric, 5);
}

#[test]
fn the_host_route_to_zeros_is_one() {
    let config = parsed("route outside 0.0.0.0 255.255.255.255 209.165.201.1 1");
    assert_eq!(config.routes[0].net, MaskedNet::host(Ipv4Addr::UNSPECIFIED));
}

#[test]
fn a_route_is_written_once() {
    let config = parsed(
        "route outside 0 0 1.1.1.1 5\nroute outside 0 0 1.1.1.1 7\nroute outside 0 0 1.1.1.2 9\n\
         no route outside 0 0 1.1.1.2 9",
    );
    let metrics: Vec<_> = config.routes.iter().map(|route| route.metric).collect();
    assert_eq!(metrics, [7]);
}

#[test]
fn a_route_has_a_contiguous_mask() {
    assert_eq!(
        refused("", "route a 10.0.0.0 255.0.255.0 1.1.1.1"),
        "route-mask"
    );
    assert_eq!(
        refused("", "route a 10.0.0.1 255.0.0.0 1.1.1.1"),
        "address-mask-pair"
    );
}
