//! `show route`: legend and lines are from a published sample.

use std::net::Ipv4Addr;

use serde::Serialize;

use super::Append;

const LEGEND: &str = "\
Codes: C - connected, S - static, I - IGRP, R - RIP, M - mobile, B - BGP
       D - EIGRP, EX - EIGRP external, O - OSPF, IA - OSPF inter area
       N1 - OSPF NSSA external type 1, N2 - OSPF NSSA external type 2
       E1 - OSPF external type 1, E2 - OSPF external type 2, E - EGP
       i - IS-IS, L1 - IS-IS level-1, L2 - IS-IS level-2, ia - IS-IS inter area
       * - candidate default, U - per-user static route, o - ODR
       P - periodic downloaded static route
";

/// The routes in force.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct RouteTableView {
    /// In any order.
    pub routes: Vec<RouteRow>,
}

/// One route.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RouteRow {
    /// The net.
    pub net: Ipv4Addr,
    /// Its mask.
    pub mask: Ipv4Addr,
    /// The next hop; `None` for a net on the link.
    pub gateway: Option<Ipv4Addr>,
    /// Metric of a static route; zero for the net of an interface's own address.
    pub metric: u8,
    /// Egress interface.
    pub nameif: String,
}

impl RouteRow {
    const fn is_default(&self) -> bool {
        self.mask.is_unspecified()
    }

    fn render(&self, out: &mut String) {
        let code = match (self.metric, self.is_default()) {
            (0, _) => "C ",
            (_, true) => "S*",
            (_, false) => "S ",
        };
        out.append(format_args!("{code}   {} {} ", self.net, self.mask));
        match self.gateway {
            Some(gateway) => {
                out.append(format_args!("[{}/0] via {gateway}, ", self.metric));
            }
            None => out.push_str("is directly connected, "),
        }
        out.append(format_args!("{}\n", self.nameif));
    }
}

impl RouteTableView {
    /// `show route`.
    pub fn render(&self) -> String {
        let mut out = LEGEND.to_owned();
        let gateway = self
            .routes
            .iter()
            .find(|route| route.is_default())
            .and_then(|route| route.gateway);
        match gateway {
            Some(gateway) => out.append(format_args!(
                "\nGateway of last resort is {gateway} to network 0.0.0.0\n\n"
            )),
            None => out.push_str("\nGateway of last resort is not set\n\n"),
        }
        let mut routes: Vec<&RouteRow> = self.routes.iter().collect();
        routes.sort_by_key(|route| (route.is_default(), route.net, route.mask));
        for route in routes {
            route.render(&mut out);
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_the_published_sample() {
        let default = RouteRow {
            net: Ipv4Addr::UNSPECIFIED,
            mask: Ipv4Addr::UNSPECIFIED,
            gateway: Some(Ipv4Addr::new(10, 86, 194, 1)),
            metric: 1,
            nameif: "outside".to_owned(),
        };
        let connected = RouteRow {
            net: Ipv4Addr::new(10, 86, 194, 0),
            mask: Ipv4Addr::new(255, 255, 254, 0),
            gateway: None,
            metric: 0,
            nameif: "outside".to_owned(),
        };
        let view = RouteTableView {
            routes: vec![default, connected.clone()],
        };
        let text = view.render();
        assert!(text.starts_with("Codes: C - connected"));
        assert!(text.ends_with(
            "\nGateway of last resort is 10.86.194.1 to network 0.0.0.0\n\n\
             C    10.86.194.0 255.255.254.0 is directly connected, outside\n\
             S*   0.0.0.0 0.0.0.0 [1/0] via 10.86.194.1, outside\n"
        ));
        let view = RouteTableView {
            routes: vec![connected],
        };
        assert!(
            view.render()
                .contains("Gateway of last resort is not set\n")
        );
    }
}
