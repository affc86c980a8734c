//! Congestion marks at the end of a tunnel (RFC 6040 section 4.2).

use super::tunnel_header::fold;
use crate::verdict::DropReason;

const MASK: u8 = 0b11;
const NOT_ECT: u8 = 0b00;
const ECT_1: u8 = 0b01;
const ECT_0: u8 = 0b10;
const CE: u8 = 0b11;

/// The inner packet's ECN field after decapsulation: what RFC 6040 figure 4 says.
pub(super) const fn decapsulated(inner: u8, outer: u8) -> Result<u8, DropReason> {
    match (inner & MASK, outer & MASK) {
        (NOT_ECT, CE) => Err(DropReason::EspCongestion),
        (NOT_ECT, _) => Ok(NOT_ECT),
        (_, CE) | (CE, _) => Ok(CE),
        (ECT_0, ECT_1) | (ECT_1, _) => Ok(ECT_1),
        _ => Ok(ECT_0),
    }
}

/// Brings the outer header's mark into the inner one and mends its checksum (RFC 1624).
#[inline]
pub(super) fn decapsulate(header: &mut [u8; 20], outer_tos: u8) -> Result<(), DropReason> {
    // An outer header without a mark leaves the inner one as it is.
    if outer_tos & MASK == NOT_ECT {
        return Ok(());
    }
    mark(header, outer_tos)
}

fn mark(header: &mut [u8; 20], outer_tos: u8) -> Result<(), DropReason> {
    let old = header[1];
    let new = old & !MASK | decapsulated(old, outer_tos)?;
    if new != old {
        let checksum = u16::from_be_bytes([header[10], header[11]]);
        let before = !u16::from_be_bytes([header[0], old]);
        let after = u16::from_be_bytes([header[0], new]);
        let sum = u32::from(!checksum) + u32::from(before) + u32::from(after);
        header[1] = new;
        header[10..12].copy_from_slice(&(!fold(sum)).to_be_bytes());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::tunnel_header::word_sum;
    use super::*;

    #[test]
    fn figure_4_of_rfc_6040() {
        // Rows: inner Not-ECT, ECT(0), ECT(1), CE; columns: outer Not-ECT, ECT(0), ECT(1), CE.
        let order = [NOT_ECT, ECT_0, ECT_1, CE];
        let drop = None;
        let expected = [
            [Some(NOT_ECT), Some(NOT_ECT), Some(NOT_ECT), drop],
            [Some(ECT_0), Some(ECT_0), Some(ECT_1), Some(CE)],
            [Some(ECT_1), Some(ECT_1), Some(ECT_1), Some(CE)],
            [Some(CE); 4],
        ];
        for (inner, row) in order.iter().zip(expected) {
            for (outer, result) in order.iter().zip(row) {
                assert_eq!(decapsulated(*inner, *outer).ok(), result, "{inner} {outer}");
            }
        }
    }

    #[test]
    fn the_checksum_stays_right_and_dscp_untouched() {
        for (inner, outer) in [(0xb8 | ECT_0, CE), (ECT_0, ECT_1), (0xfc | ECT_1, CE)] {
            let mut header = [
                0x45, inner, 0, 84, 1, 2, 0, 0, 63, 1, 0, 0, 10, 1, 0, 1, 10, 2, 0, 9,
            ];
            let checksum = !fold(word_sum(&header));
            header[10..12].copy_from_slice(&checksum.to_be_bytes());
            assert_eq!(decapsulate(&mut header, outer), Ok(()));
            assert_eq!(header[1] & !MASK, inner & !MASK);
            assert_ne!(header[1], inner);
            assert_eq!(fold(word_sum(&header)), 0xffff);
        }
    }
}
