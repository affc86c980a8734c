//! Every bound of the fastpath, each with the reason why it is legal.

/// Packets that one receive call takes. A burst fits the first-level cache (32 x 1500 B = 48 KiB).
pub const BURST_RECEIVE_MAX: usize = 32;
/// Packets that a burst can grow to by fragments and replies.
pub const BURST_MAX: usize = 64;
/// Workers of one process.
pub const WORKERS_MAX: usize = 64;
/// Ports of the EAL that interfaces can name.
pub const PORTS_MAX: usize = 32;
/// Tunnel slots.
pub const SLOTS_MAX: usize = 16_384;
/// Inbound security associations, rekeyed ones that still drain included.
pub const INBOUND_SAS_MAX: usize = 32_768;
/// Next hops that are known or being resolved.
pub const ADJACENCIES_MAX: usize = 16_384;
/// Times that a packet may be handed from one worker to another: SA home, flow home, sealing home.
pub const HANDOFF_HOPS_MAX: u8 = 3;
/// Packets in one handoff ring.
pub const HANDOFF_RING_LEN: usize = 1024;
/// Packets in a worker's ring to the slowpath.
pub const PUNT_RING_LEN: usize = 1024;
/// Packets in the slowpath's ring to a worker.
pub const INJECT_RING_LEN: usize = 512;
/// Records in a worker's event ring.
pub const EVENT_RING_LEN: usize = 16_384;
/// Fragments per datagram: compiled into DPDK 22.11's `librte_ip_frag`.
pub const FRAGMENTS_MAX: usize = 8;
/// Datagrams under reassembly per worker (the ASA's `fragment size`).
pub const REASSEMBLY_MAX: u32 = 200;
/// Seconds that fragments wait for each other (the ASA's `fragment timeout`).
pub const REASSEMBLY_TIMEOUT_S: u64 = 5;
/// Entries of a shard that one step of a request looks at: a few microseconds.
pub const REQUEST_STEP: usize = 64;
/// Records in one ring of requests to a worker.
pub const REQUEST_RING_LEN: usize = 256;
/// Records in one ring of a worker's answers.
pub const REPLY_RING_LEN: usize = 4096;
/// Records of the event ring that sweeps leave to the packets.
pub const SWEEP_EVENT_RESERVE: usize = 1024;
/// Connections that one turn may expire.
pub const EXPIRE_STEP: usize = 64;
/// Microseconds that the bursts of one turn may take before the next ones get smaller.
pub const BURST_CYCLES_US_MAX: u64 = 300;
/// Entries of an access list that are searched by field together: a set of them is two cache lines.
pub const ACL_CHUNK_ENTRIES: usize = 1024;
/// Entries up to which comparing all of them, eight at once, is cheaper than a search by field.
pub const ACL_LANES_ENTRIES_MAX: usize = 64;
/// Bytes that the chunks of one access list may take: 28,000 entries at worst, each with bounds of
/// its own in every field. Entries beyond it are compared one block after the other.
pub const ACL_CHUNKS_BYTES_MAX: usize = 32 << 20;
/// ICMP errors that one worker sends per coarse tick (RFC 1812 section 4.3.2.8).
pub const ICMP_ERRORS_PER_TICK: u32 = 16;
/// Records about refused IPsec packets that one worker writes per coarse tick.
pub const IPSEC_EVENTS_PER_TICK: u32 = 8;
/// Packets of each punt class that one worker passes per coarse tick: IKE, ARP, ICMP, packets that
/// wait for a next hop, the rest.
pub const PUNT_BUDGET_PER_TICK: [u32; 5] = [512, 128, 64, 256, 32];
/// Largest anti-replay window in packets.
pub const REPLAY_WINDOW_MAX: u32 = 8192;
/// Retired values that may wait for their readers before publishing is refused. At 10,000 swaps per
/// second it is 400 ms of a stuck worker, a thousand times the usual grace period.
pub const RETIRED_MAX: usize = 4096;
/// Retired values that one poll frees, so that the control loop's turn stays short.
pub const RECLAIM_STEP_MAX: usize = 512;
/// Entries of the adjacency table that one search looks at: 32 cache lines.
pub const ADJACENCY_PROBE_MAX: usize = 128;
/// Bytes of a packet that is held at most: a frame that can be sealed where it lies.
pub const HELD_PACKET_BYTES_MAX: usize = 1_600;
/// Packets that one direction of a flow holds in order during a planned bounce: a window of 128
/// segments, or 100 ms of 15 Mbit/s.
pub const HOLD_DEPTH: usize = 128;
/// A source address may keep others out of one part in this many of the pool of held packets.
pub const HOLD_SOURCE_SHARE: usize = 16;
/// The same for a slot.
pub const HOLD_SLOT_SHARE: usize = 4;
/// Microseconds after the last packet held for a slot during which what follows it is held behind
/// it: longer than a tunnel that is up waits for its release.
pub const HOLD_BEHIND_US: u32 = 500_000;
/// Holders that one turn moves when the pool changes its size: a few microseconds.
pub const HOLD_MOVE_STEP: usize = 64;
/// Slots whose release one turn looks at.
pub const RELEASE_SLOTS_STEP: usize = 16;
/// Holders of a slot that one turn looks at without releasing anything.
pub const RELEASE_IDLE_STEP: usize = 32;
/// Doublings of the rate of a release: a million times the first rate is no limit any more.
pub const RELEASE_DOUBLINGS_MAX: u32 = 20;
/// Microseconds of the rate that a release may catch up: eight of the longest sleeps of a worker.
pub const RELEASE_BURST_US: u64 = 4_000;
/// Microseconds that a release rests when a transmit queue was full.
pub const RELEASE_PAUSE_US: u64 = 1_000;
/// Round trips without an answer after which a copy is sent once more.
pub const RELEASE_AGAIN_ROUND_TRIPS: u64 = 2;
/// Microseconds during which the answer to a second copy still counts as a resumed flow.
pub const RESUME_WATCH_US: u64 = 10_000_000;
/// Microseconds after a release during which a reset out of the slot is put down to the bounce.
pub const FAR_RESET_WATCH_US: u64 = 60_000_000;
/// Reports about bounces that one worker writes per coarse tick; the others follow in the next.
pub const BOUNCE_REPORTS_PER_TICK: usize = 512;
/// Connections that one turn looks at for silent ends; each may get two probes.
pub const PROBE_WALK_STEP: usize = 16;
/// Probes that one worker sends per coarse tick: 32,000 per second.
pub const PROBES_PER_TICK: usize = 4096;
/// Seconds beyond the last probe during which flows that are still silent are removed: a million
/// of them by the rate above.
pub const PROBE_SLACK_S: u32 = 60;
/// Options about resuming that wait for a worker.
pub const SETUP_RING_LEN: usize = 4;
/// ICMP net-unreachables that one source address gets per coarse tick: 64 flows whose timer is at
/// its usual minimum of 200 milliseconds. Each is the answer to one packet, and smaller.
pub const UNREACHABLES_PER_SOURCE: u8 = 64;
/// The same for all sources of one worker: 4096 packets per second.
pub const UNREACHABLES_PER_TICK: u32 = 512;
/// Packets of a release that leave at once, those of all workers together: less than the initial
/// windows of 13 connections (RFC 6928).
pub const RELEASE_FIRST_PACKETS: u16 = 128;
/// Bytes that ESP tunnel mode in UDP can add in front: outer IPv4 20, UDP 8, ESP 8, IV 16.
pub const SEAL_HEADROOM_BYTES: usize = 52;
/// Bytes that ESP can add behind: padding 255, trailer 2, ICV 32.
pub const SEAL_TAILROOM_BYTES: usize = 289;

const _: () = assert!(
    BURST_RECEIVE_MAX * 2 <= BURST_MAX,
    "each packet may become two fragments"
);
const _: () = assert!(
    SLOTS_MAX < u16::MAX as usize,
    "a slot index is stored in 16 bits"
);
const _: () = assert!(
    HOLD_DEPTH < u8::MAX as usize,
    "the packets of a holder are counted in 8 bits"
);
const _: () = assert!(
    HELD_PACKET_BYTES_MAX + SEAL_TAILROOM_BYTES <= 2048 && HELD_PACKET_BYTES_MAX >= 1500,
    "a released packet fits a frame's buffer with what sealing adds, and an Ethernet packet is held"
);
const _: () = assert!(
    SETUP_RING_LEN.is_power_of_two(),
    "ring positions are masked"
);
const _: () = assert!(
    ADJACENCIES_MAX < u16::MAX as usize,
    "an adjacency is stored in 16 bits"
);
const _: () = assert!(
    INBOUND_SAS_MAX >= 2 * SLOTS_MAX,
    "a rekey holds two SAs of a slot"
);
const _: () = assert!(
    HANDOFF_RING_LEN.is_power_of_two(),
    "ring positions are masked"
);
const _: () = assert!(PUNT_RING_LEN.is_power_of_two(), "ring positions are masked");
const _: () = assert!(
    INJECT_RING_LEN.is_power_of_two(),
    "ring positions are masked"
);
const _: () = assert!(
    EVENT_RING_LEN.is_power_of_two(),
    "ring positions are masked"
);
const _: () = assert!(
    ADJACENCIES_MAX.is_power_of_two() && ADJACENCY_PROBE_MAX <= ADJACENCIES_MAX,
    "a search wraps by mask and meets no entry twice"
);
const _: () = assert!(
    SLOTS_MAX.is_multiple_of(64) && SLOTS_MAX / 64 <= 64 * 64,
    "the asks of 64 slots are one word"
);
const _: () = assert!(
    INBOUND_SAS_MAX == 1 << 15 && WORKERS_MAX == 1 << 6,
    "an SPI is 15 bits of index, 6 bits of home and 11 bits of generation, permuted"
);
