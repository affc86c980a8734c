//! Effect of `route`.

use crate::Route;
use crate::edit::{Edit, Refusal, room};
use crate::grammar::args::{Args, NetItems};
use crate::limits;

const NET: NetItems = NetItems {
    any: "",
    host: "",
    address: "address",
    mask: "mask",
};

pub(super) fn route(edit: &mut Edit<'_>, args: &Args) -> Result<(), Refusal> {
    let (nameif, net) = (args.text("nameif")?, args.net(&NET)?);
    let routes = &mut edit.config.routes;
    if args.negated {
        let gateway = args.find_address("gateway");
        routes.retain(|route| {
            let other = gateway.is_some_and(|gateway| gateway != route.gateway);
            route.nameif != nameif || route.net != net || other
        });
        return Ok(());
    }
    let gateway = args.address("gateway")?;
    let metric = args
        .find_number("metric")
        .and_then(|n| u8::try_from(n).ok());
    let metric = metric.unwrap_or(1);
    if net.prefix_len().is_none() {
        let message = format!("{} is no mask of a route.", net.mask);
        let refusal = Refusal::at(args.span_of("mask"), "route-mask", message);
        return Err(refusal.helped("Its ones must be at its beginning: 255.255.255.0."));
    }
    let same =
        |route: &&mut Route| route.nameif == nameif && route.net == net && route.gateway == gateway;
    if let Some(route) = routes.iter_mut().find(same) {
        route.metric = metric;
        return Ok(());
    }
    room(routes.len(), limits::ROUTES, args.span, "routes")?;
    routes.push(Route {
        nameif: nameif.to_owned(),
        net,
        gateway,
        metric,
    });
    Ok(())
}
