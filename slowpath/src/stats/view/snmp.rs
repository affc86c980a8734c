//! `show snmp-server statistics`.

use crate::snmp::SnmpStats;

/// The lines of the command, those of an ASA: there is no agent, so much of it stays zero.
pub fn render(stats: &SnmpStats) -> String {
    let output = stats.sent + stats.errors;
    format!(
        "{} SNMP packets input\n    {} Bad SNMP version errors\n    {} Unknown community name\n    \
         0 Illegal operation for community name supplied\n    {} Encoding errors\n    \
         0 Number of requested variables\n    0 Number of altered variables\n    \
         0 Get-request PDUs\n    0 Get-next PDUs\n    0 Get-bulk PDUs\n    \
         0 Set-request PDUs (Not supported)\n{output} SNMP packets output\n    \
         0 Too big errors (Maximum packet size 512)\n    0 No such name errors\n    \
         0 Bad values errors\n    {} General errors\n    0 Response PDUs\n    {} Trap PDUs\n",
        stats.received,
        stats.bad_version,
        stats.unknown_community,
        stats.malformed,
        stats.errors + stats.dropped,
        stats.sent,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_counted_stands_in_its_line() {
        let text = render(&SnmpStats {
            received: 9,
            bad_version: 1,
            unknown_community: 2,
            malformed: 3,
            sent: 4,
            errors: 5,
            dropped: 6,
        });
        for line in [
            "9 SNMP packets input",
            "    1 Bad SNMP version errors",
            "    2 Unknown community name",
            "    3 Encoding errors",
            "9 SNMP packets output",
            "    11 General errors",
            "    4 Trap PDUs",
        ] {
            assert!(text.lines().any(|it| it == line), "{line}\n{text}");
        }
    }
}
