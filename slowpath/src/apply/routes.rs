//! Connected nets and `route` to the route table.

use std::net::Ipv4Addr;

use config::{Config, MaskedNet};
use fastpath::policy::{InterfacePolicy, Route, RouteTable};

use super::Notes;
use super::interfaces::index_of;

/// Routes by interfaces that are up.
pub(super) fn compile(
    config: &Config,
    interfaces: &[InterfacePolicy],
    notes: &mut Notes,
) -> RouteTable {
    let mut routes: Vec<Route> = interfaces
        .iter()
        .enumerate()
        .filter(|(_, interface)| interface.up && interface.address != 0)
        .map(|(index, interface)| Route {
            net: interface.address & interface.mask,
            mask: interface.mask,
            interface: index as u8,
            gateway: None,
            metric: 0,
        })
        .collect();
    for route in &config.routes {
        routes.extend(compile_static(route, interfaces, notes));
    }
    RouteTable::new(&routes)
}

fn compile_static(
    route: &config::Route,
    interfaces: &[InterfacePolicy],
    notes: &mut Notes,
) -> Option<Route> {
    let item = format!("route {} {} {}", route.nameif, route.net, route.gateway);
    if route.net == MaskedNet::host(Ipv4Addr::UNSPECIFIED) {
        let text = "a host route to 0.0.0.0 reaches nobody; a default route is 0.0.0.0 0.0.0.0";
        notes.warn(item.clone(), text);
    }
    let Some(index) = index_of(interfaces, &route.nameif) else {
        notes.inactive(item, format!("no interface is named {}", route.nameif));
        return None;
    };
    let interface = &interfaces[usize::from(index)];
    let gateway = route.gateway.to_bits();
    if (gateway ^ interface.address) & interface.mask != 0 {
        notes.warn(item, "the gateway is not in the interface's net");
    }
    interface.up.then_some(Route {
        net: route.net.address.to_bits(),
        mask: route.net.mask.to_bits(),
        interface: index,
        // The interface's own address as gateway means that the net is on the link.
        gateway: (gateway != interface.address).then_some(gateway),
        metric: route.metric,
    })
}
