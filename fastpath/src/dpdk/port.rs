//! Ports of the EAL and their queues.

use std::ffi::{CStr, CString};

use arrayvec::ArrayVec;
use dpdk_sys as sys;
use thiserror::Error;

use super::eal::EalError;
use super::mbuf::Mbuf;
use super::pool::Pool;
use crate::conn::home::{HomeMap, RSS_KEY};
use crate::limits::{BURST_MAX, BURST_RECEIVE_MAX};

const DESCRIPTORS: u16 = 1024;
const NAME_BYTES: usize = 64;
const RETA_GROUP: usize = 64;

/// Why a port could not be used.
#[derive(Debug, Error)]
pub enum PortError {
    /// DPDK refused.
    #[error(transparent)]
    Eal(#[from] EalError),
    /// The port has fewer queues than there are workers and cannot be shared.
    #[error("port {port} has {queues} queues, {workers} workers need one each")]
    Queues {
        /// Port of the EAL.
        port: u16,
        /// Queues that it has.
        queues: u16,
        /// Workers.
        workers: u16,
    },
}

/// How a port is to be set up.
#[derive(Clone, Copy, Debug)]
pub struct PortSettings {
    /// Workers; each gets a transmit queue, and a receive queue where the port has enough.
    pub workers: u16,
    /// Bytes of the largest IP packet.
    pub mtu: u16,
}

/// A port that has been started.
#[derive(Clone, Debug)]
pub struct PortFacts {
    /// Port of the EAL.
    pub port: u16,
    /// Name of its device.
    pub device: String,
    /// Station address.
    pub mac: [u8; 6],
    /// Receive queues in use.
    pub rx_queues: u16,
    /// Transmit queues in use.
    pub tx_queues: u16,
    /// Packets that fit into one transmit queue.
    pub tx_queue_len: u16,
    /// The port spreads by the symmetric hash; else the workers hand over what is not theirs.
    pub rss: bool,
}

/// What a driver says of the wire.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Link {
    /// There is carrier. Drivers without a wire (af_packet, null, memif) always say so, or never.
    pub up: bool,
    /// Megabits per second; zero where the driver does not know.
    pub speed_mbps: u32,
    /// Both directions at once.
    pub full_duplex: bool,
}

/// Counters of a port that DPDK keeps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PortStats {
    /// Packets received.
    pub rx_packets: u64,
    /// Packets sent.
    pub tx_packets: u64,
    /// Bytes received.
    pub rx_bytes: u64,
    /// Bytes sent.
    pub tx_bytes: u64,
    /// Packets that found no free descriptor.
    pub rx_missed: u64,
    /// Packets with errors.
    pub rx_errors: u64,
    /// Packets that found no free buffer.
    pub rx_no_buffer: u64,
    /// Packets that could not be sent.
    pub tx_errors: u64,
}

/// A port that has been started, with its queues by worker.
#[derive(Debug)]
pub struct StartedPort {
    /// What it is.
    pub facts: PortFacts,
    /// Receive queue of each worker; fewer queues than workers leave gaps.
    pub receive: Vec<Option<RxQueue>>,
    /// Transmit queue of each worker.
    pub transmit: Vec<TxQueue>,
}

/// A receive queue, owned by one worker.
#[derive(Debug)]
pub struct RxQueue {
    port: u16,
    queue: u16,
}

/// A transmit queue, owned by one worker.
#[derive(Debug)]
pub struct TxQueue {
    port: u16,
    queue: u16,
}

/// The ports of the EAL.
#[derive(Debug)]
pub struct Ports;

impl Ports {
    /// Port and device name of everything that the EAL has probed.
    pub fn available() -> Vec<(u16, String)> {
        (0..sys::RTE_MAX_ETHPORTS as u16)
            // SAFETY: a pure look-up for any number.
            .filter(|&port| unsafe { sys::rte_eth_dev_is_valid_port(port) } != 0)
            .map(|port| (port, device_name(port)))
            .collect()
    }

    /// Configures and starts a port and gives its queues, one pair per worker.
    pub fn start(port: u16, settings: PortSettings, pool: Pool) -> Result<StartedPort, PortError> {
        let limits = device_limits(port)?;
        if limits.max_tx_queues < settings.workers {
            return Err(PortError::Queues {
                port,
                queues: limits.max_tx_queues,
                workers: settings.workers,
            });
        }
        let rss_usable = limits.flow_type_rss_offloads & rss_flows() != 0;
        // Also without RSS: a port that spreads by itself (packet sockets do) spreads over all of
        // its queues, polled or not.
        let rx_queues = settings.workers.min(limits.max_rx_queues);
        configure(port, rx_queues, settings, rss_usable)?;
        let tx_queue_len = set_up_queues(port, rx_queues, settings.workers, pool)?;
        if rss_usable && rx_queues > 1 {
            write_reta(port, limits.reta_size, rx_queues)?;
        }
        // SAFETY: the port is configured.
        check(unsafe { sys::rte_eth_dev_start(port) }, || {
            format!("starting port {port}")
        })?;
        // Not every driver knows promiscuous mode, and none needs it for its own address.
        // SAFETY: the port is started.
        let _ = unsafe { sys::rte_eth_promiscuous_enable(port) };
        let facts = PortFacts {
            port,
            device: device_name(port),
            mac: mac(port)?,
            rx_queues,
            tx_queues: settings.workers,
            tx_queue_len,
            rss: rss_usable && rx_queues > 1,
        };
        let receive = (0..settings.workers)
            .map(|queue| (queue < rx_queues).then_some(RxQueue { port, queue }))
            .collect();
        let transmit = (0..settings.workers)
            .map(|queue| TxQueue { port, queue })
            .collect();
        Ok(StartedPort {
            facts,
            receive,
            transmit,
        })
    }

    /// Stops and closes a port; its queues must not be used any more.
    pub fn stop(port: u16) {
        // SAFETY: any number is checked by DPDK; failing to stop leaves nothing to undo.
        unsafe {
            sys::rte_eth_dev_stop(port);
            sys::rte_eth_dev_close(port);
        }
    }

    /// The counters that DPDK keeps for a port.
    pub fn stats(port: u16) -> Option<PortStats> {
        let mut raw = sys::rte_eth_stats::default();
        // SAFETY: the structure is valid for the call.
        let code = unsafe { sys::rte_eth_stats_get(port, &raw mut raw) };
        (code == 0).then_some(PortStats {
            rx_packets: raw.ipackets,
            tx_packets: raw.opackets,
            rx_bytes: raw.ibytes,
            tx_bytes: raw.obytes,
            rx_missed: raw.imissed,
            rx_errors: raw.ierrors,
            rx_no_buffer: raw.rx_nombuf,
            tx_errors: raw.oerrors,
        })
    }

    /// State of a port's link, without waiting for it.
    pub fn link(port: u16) -> Option<Link> {
        let mut raw = sys::rte_eth_link::default();
        // SAFETY: the structure is valid for the call.
        let code = unsafe { sys::rte_eth_link_get_nowait(port, &raw mut raw) };
        let unknown = sys::RTE_ETH_SPEED_NUM_UNKNOWN;
        (code == 0).then(|| Link {
            up: raw.link_status() != 0,
            speed_mbps: if raw.link_speed == unknown {
                0
            } else {
                raw.link_speed
            },
            full_duplex: raw.link_duplex() != 0,
        })
    }
}

impl RxQueue {
    /// Receives up to `limit` and [`BURST_RECEIVE_MAX`] packets behind those that `burst` holds.
    #[inline]
    pub fn receive(&mut self, burst: &mut ArrayVec<Mbuf, BURST_MAX>, limit: usize) -> usize {
        let mut raw = [core::ptr::null_mut(); BURST_RECEIVE_MAX];
        let room = burst.remaining_capacity().min(BURST_RECEIVE_MAX).min(limit) as u16;
        // SAFETY: the queue is owned by this handle, and the array has room for `room` pointers.
        let count =
            unsafe { sys::hf_eth_rx_burst(self.port, self.queue, raw.as_mut_ptr(), room) } as usize;
        for pointer in raw.into_iter().take(count) {
            if let Some(mbuf) = core::ptr::NonNull::new(pointer) {
                // SAFETY: the driver gives away fresh mbufs of our pools; scatter is off, so each
                // is one segment.
                let mbuf = unsafe { Mbuf::from_raw(mbuf) };
                // No more were asked for than there is room for; a packet beyond it is freed.
                drop(burst.try_push(mbuf));
            }
        }
        count
    }

    /// Port of the EAL.
    pub const fn port(&self) -> u16 {
        self.port
    }
}

impl TxQueue {
    /// Sends from the front of `burst`; what the port refuses stays in it.
    #[inline]
    pub fn transmit(&mut self, burst: &mut ArrayVec<Mbuf, BURST_MAX>) -> usize {
        let mut raw: ArrayVec<*mut sys::rte_mbuf, BURST_MAX> = ArrayVec::new();
        for mbuf in burst.drain(..) {
            // One place for each.
            let _ = raw.try_push(mbuf.into_raw().as_ptr());
        }
        // SAFETY: the queue is owned by this handle; the pointers are owned mbufs, of which the
        // driver takes the first `sent`.
        let sent = unsafe {
            sys::hf_eth_tx_burst(self.port, self.queue, raw.as_mut_ptr(), raw.len() as u16)
        } as usize;
        for &pointer in raw.iter().skip(sent) {
            if let Some(mbuf) = core::ptr::NonNull::new(pointer) {
                // SAFETY: the driver did not take it, so it is still ours.
                let mbuf = unsafe { Mbuf::from_raw(mbuf) };
                // Back to a place that one has just left.
                drop(burst.try_push(mbuf));
            }
        }
        sent
    }

    /// Port of the EAL.
    pub const fn port(&self) -> u16 {
        self.port
    }
}

fn check(code: i32, what: impl FnOnce() -> String) -> Result<(), EalError> {
    if code < 0 {
        Err(EalError::code(what(), code))
    } else {
        Ok(())
    }
}

fn rss_flows() -> u64 {
    // SAFETY: a constant of the shim.
    unsafe { sys::hf_rss_ip_tcp_udp }
}

fn device_limits(port: u16) -> Result<sys::rte_eth_dev_info, EalError> {
    let mut limits = sys::rte_eth_dev_info::default();
    // SAFETY: the structure is valid for the call.
    let code = unsafe { sys::rte_eth_dev_info_get(port, &raw mut limits) };
    check(code, || format!("reading port {port}"))?;
    Ok(limits)
}

fn configure(port: u16, rx_queues: u16, settings: PortSettings, rss: bool) -> Result<(), EalError> {
    let mut conf = sys::rte_eth_conf::default();
    let mut key = RSS_KEY;
    if rss && rx_queues > 1 {
        conf.rxmode.mq_mode = sys::RTE_ETH_MQ_RX_RSS;
        conf.rx_adv_conf.rss_conf.rss_key = key.as_mut_ptr();
        conf.rx_adv_conf.rss_conf.rss_key_len = key.len() as u8;
        conf.rx_adv_conf.rss_conf.rss_hf =
            rss_flows() & device_limits(port)?.flow_type_rss_offloads;
    }
    // SAFETY: the structure and the key live through the call, which copies both.
    let code =
        unsafe { sys::rte_eth_dev_configure(port, rx_queues, settings.workers, &raw const conf) };
    check(code, || format!("configuring port {port}"))?;
    // Software ports without an MTU of their own answer ENOTSUP and carry what fits a buffer.
    // SAFETY: the port is configured.
    let _ = unsafe { sys::rte_eth_dev_set_mtu(port, settings.mtu) };
    Ok(())
}

/// Sets up the queues; the length of those to transmit.
fn set_up_queues(port: u16, rx: u16, tx: u16, pool: Pool) -> Result<u16, EalError> {
    let (mut rx_len, mut tx_len) = (DESCRIPTORS, DESCRIPTORS);
    // SAFETY: the port is configured, and both numbers are valid for the call.
    let code =
        unsafe { sys::rte_eth_dev_adjust_nb_rx_tx_desc(port, &raw mut rx_len, &raw mut tx_len) };
    check(code, || format!("sizing the queues of port {port}"))?;
    // SAFETY: a pure look-up.
    let socket = unsafe { sys::rte_eth_dev_socket_id(port) } as u32;
    for queue in 0..rx {
        // SAFETY: the pool lives as long as the process; null asks for the driver's defaults.
        let code = unsafe {
            sys::rte_eth_rx_queue_setup(
                port,
                queue,
                rx_len,
                socket,
                core::ptr::null(),
                pool.as_ptr(),
            )
        };
        check(code, || format!("receive queue {queue} of port {port}"))?;
    }
    for queue in 0..tx {
        // SAFETY: null asks for the driver's defaults.
        let code =
            unsafe { sys::rte_eth_tx_queue_setup(port, queue, tx_len, socket, core::ptr::null()) };
        check(code, || format!("transmit queue {queue} of port {port}"))?;
    }
    Ok(tx_len)
}

/// Writes the software's indirection table into the port, so that both agree on a flow's home.
fn write_reta(port: u16, reta_size: u16, queues: u16) -> Result<(), EalError> {
    if reta_size == 0 {
        return Ok(());
    }
    let map = HomeMap::new(queues as u8).reta();
    let mut groups =
        vec![sys::rte_eth_rss_reta_entry64::default(); (reta_size as usize).div_ceil(RETA_GROUP)];
    for index in 0..reta_size as usize {
        let group = &mut groups[index / RETA_GROUP];
        group.mask |= 1 << (index % RETA_GROUP);
        group.reta[index % RETA_GROUP] = map[index % map.len()];
    }
    // SAFETY: the groups describe exactly `reta_size` entries.
    let code = unsafe { sys::rte_eth_dev_rss_reta_update(port, groups.as_mut_ptr(), reta_size) };
    check(code, || format!("indirection table of port {port}"))
}

fn mac(port: u16) -> Result<[u8; 6], EalError> {
    let mut address = sys::rte_ether_addr::default();
    // SAFETY: the structure is valid for the call.
    let code = unsafe { sys::rte_eth_macaddr_get(port, &raw mut address) };
    check(code, || format!("station address of port {port}"))?;
    Ok(address.addr_bytes)
}

fn device_name(port: u16) -> String {
    let mut name = [0; NAME_BYTES];
    // SAFETY: DPDK writes at most RTE_ETH_NAME_MAX_LEN (64) bytes with a NUL.
    if unsafe { sys::rte_eth_dev_get_name_by_port(port, name.as_mut_ptr()) } != 0 {
        return String::new();
    }
    // SAFETY: terminated by DPDK.
    unsafe { CStr::from_ptr(name.as_ptr()) }
        .to_string_lossy()
        .into_owned()
}

/// Port of the EAL with this device name.
pub fn port_by_device(device: &str) -> Option<u16> {
    let name = CString::new(device).ok()?;
    let mut port = 0;
    // SAFETY: the name is NUL-terminated, the number valid for the call.
    let code = unsafe { sys::rte_eth_dev_get_port_by_name(name.as_ptr(), &raw mut port) };
    (code == 0).then_some(port)
}
