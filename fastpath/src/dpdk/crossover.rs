//! Two ports with a cable between them: what one sends, the other receives. For harnesses.

use std::ffi::{CStr, CString, c_char, c_int, c_uint};

use dpdk_sys as sys;

use super::eal::EalError;

/// Packets that one direction of one queue holds.
const RING_LEN: u32 = 4096;
/// The driver. It is looked up at run time, so that the product does not depend on it.
const DRIVER: &CStr = c"librte_net_ring.so.23";
const FROM_RINGS: &CStr = c"rte_eth_from_rings";

type FromRings = unsafe extern "C" fn(
    name: *const c_char,
    rx: *const *mut sys::rte_ring,
    rx_count: c_uint,
    tx: *const *mut sys::rte_ring,
    tx_count: c_uint,
    numa_node: c_uint,
) -> c_int;

/// Makes two connected ports of the ring driver with `queues` queues each. The rings have one
/// producer and one consumer, as a queue of a NIC has. The EAL must be up.
pub fn crossover(name: &str, queues: u16) -> Result<(u16, u16), EalError> {
    let from_rings = driver()?;
    let ends = ["a", "b"].map(|end| format!("{name}{end}"));
    let [to_b, to_a] = ["ab", "ba"].map(|way| {
        (0..queues)
            .map(|queue| ring(&format!("{name}{way}{queue}")))
            .collect::<Result<Vec<_>, _>>()
    });
    let (to_b, to_a) = (to_b?, to_a?);
    let first = port(from_rings, &ends[0], &to_a, &to_b)?;
    let second = port(from_rings, &ends[1], &to_b, &to_a)?;
    Ok((first, second))
}

fn driver() -> Result<FromRings, EalError> {
    let missing = || EalError::Dpdk {
        what: "ports over rings".to_owned(),
        text: format!("{} is missing", DRIVER.to_string_lossy()),
    };
    // SAFETY: the EAL has loaded its drivers already, so this adds a reference to one of them.
    let library = unsafe { libc::dlopen(DRIVER.as_ptr(), libc::RTLD_NOW) };
    if library.is_null() {
        return Err(missing());
    }
    // SAFETY: the library is open and never closed.
    let symbol = unsafe { libc::dlsym(library, FROM_RINGS.as_ptr()) };
    if symbol.is_null() {
        return Err(missing());
    }
    // SAFETY: the symbol is a function of this type in every DPDK of the ABI that the name has.
    Ok(unsafe { std::mem::transmute::<*mut libc::c_void, FromRings>(symbol) })
}

fn ring(name: &str) -> Result<*mut sys::rte_ring, EalError> {
    let c_name = CString::new(name).map_err(|_| EalError::Name(name.to_owned()))?;
    let flags = sys::RING_F_SP_ENQ | sys::RING_F_SC_DEQ;
    // SAFETY: the name outlives the call; the ring lives as long as the process.
    let raw = unsafe { sys::rte_ring_create(c_name.as_ptr(), RING_LEN, -1, flags) };
    if raw.is_null() {
        return Err(EalError::last(format!("ring {name}")));
    }
    Ok(raw)
}

fn port(
    from_rings: FromRings,
    name: &str,
    rx: &[*mut sys::rte_ring],
    tx: &[*mut sys::rte_ring],
) -> Result<u16, EalError> {
    let c_name = CString::new(name).map_err(|_| EalError::Name(name.to_owned()))?;
    // SAFETY: the slices describe live rings, which the driver copies pointers of.
    let code = unsafe {
        from_rings(
            c_name.as_ptr(),
            rx.as_ptr(),
            rx.len() as c_uint,
            tx.as_ptr(),
            tx.len() as c_uint,
            0,
        )
    };
    u16::try_from(code).map_err(|_| EalError::last(format!("port over rings {name}")))
}
