//! `show xlate`.
//!
//! The header, `PAT Global ... Local ...` and `Global ... Local ...` are from published samples of
//! 8.2; the form for ICMP is by knowledge of 8.2.

use std::net::Ipv4Addr;

use fastpath::packet::protocol;
use serde::Serialize;

/// Translations with the numbers of the header.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct XlateTable {
    /// Translations of the box now, listed or not.
    pub in_use: u64,
    /// Highest number since the start.
    pub most_used: u64,
    /// Those to list.
    pub xlates: Vec<Xlate>,
}

/// One translation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Xlate {
    /// Of one port, or of one ICMP identifier.
    Port {
        /// IP protocol number.
        protocol: u8,
        /// Mapped address.
        global: Ipv4Addr,
        /// Mapped port.
        global_port: u16,
        /// Real address.
        local: Ipv4Addr,
        /// Real port.
        local_port: u16,
    },
    /// Of a whole address.
    Address {
        /// Mapped address.
        global: Ipv4Addr,
        /// Real address.
        local: Ipv4Addr,
    },
}

impl Xlate {
    /// The line of `show xlate`.
    pub fn render(&self) -> String {
        match self {
            Self::Port {
                protocol: protocol::ICMP,
                global,
                global_port,
                local,
                local_port,
            } => format!("PAT Global {global}({global_port}) Local {local} ICMP id {local_port}\n"),
            Self::Port {
                global,
                global_port,
                local,
                local_port,
                ..
            } => format!("PAT Global {global}({global_port}) Local {local}({local_port})\n"),
            Self::Address { global, local } => format!("Global {global} Local {local}\n"),
        }
    }
}

impl XlateTable {
    /// `N in use, M most used`.
    pub fn render_header(&self) -> String {
        format!("{} in use, {} most used\n", self.in_use, self.most_used)
    }

    /// `show xlate`.
    pub fn render(&self) -> String {
        let mut out = self.render_header();
        out.extend(self.xlates.iter().map(Xlate::render));
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_those_of_8_2() {
        let global = Ipv4Addr::new(202, 100, 1, 101);
        let local = Ipv4Addr::new(10, 1, 1, 1);
        let port = |protocol| Xlate::Port {
            protocol,
            global,
            global_port: 1024,
            local,
            local_port: 64740,
        };
        let table = XlateTable {
            in_use: 3,
            most_used: 7,
            xlates: vec![
                port(protocol::TCP),
                port(protocol::ICMP),
                Xlate::Address { global, local },
            ],
        };
        assert_eq!(
            table.render(),
            "3 in use, 7 most used\n\
             PAT Global 202.100.1.101(1024) Local 10.1.1.1(64740)\n\
             PAT Global 202.100.1.101(1024) Local 10.1.1.1 ICMP id 64740\n\
             Global 202.100.1.101 Local 10.1.1.1\n"
        );
    }
}
