/* The C side of the border: DPDK's static inline functions as symbols, one call per burst. No logic. */
#ifndef HOLDFAST_SHIM_H
#define HOLDFAST_SHIM_H

#include <stddef.h>
#include <stdint.h>

#include <intel-ipsec-mb.h>
#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_hash.h>
#include <rte_ip_frag.h>
#include <rte_launch.h>
#include <rte_lcore.h>
#include <rte_log.h>
#include <rte_malloc.h>
#include <rte_mbuf.h>
#include <rte_mempool.h>
#include <rte_rcu_qsbr.h>
#include <rte_ring.h>
#include <rte_telemetry.h>
#include <rte_version.h>

/* Flag words that DPDK builds with macros a binding generator cannot evaluate. */
extern const uint64_t hf_rss_ip_tcp_udp;

int hf_errno(void);
unsigned int hf_lcore_id(void);

uint16_t hf_eth_rx_burst(uint16_t port, uint16_t queue, struct rte_mbuf **mbufs, uint16_t count);
uint16_t hf_eth_tx_burst(uint16_t port, uint16_t queue, struct rte_mbuf **mbufs, uint16_t count);

struct rte_mbuf *hf_pktmbuf_alloc(struct rte_mempool *pool);
int hf_pktmbuf_alloc_bulk(struct rte_mempool *pool, struct rte_mbuf **mbufs, unsigned int count);
void hf_pktmbuf_free_bulk(struct rte_mbuf **mbufs, unsigned int count);
void hf_pktmbuf_free(struct rte_mbuf *mbuf);
int hf_pktmbuf_linearize(struct rte_mbuf *mbuf);

/* Frees what the reassembler gave up on, prefetching `prefetch` ahead. */
void hf_ip_frag_free_death_row(struct rte_ip_frag_death_row *row, uint32_t prefetch);
/* rte_rcu_qsbr's reader 0, for comparisons: online, and `count` quiescent states. */
void hf_qsbr_online(struct rte_rcu_qsbr *qsbr);
void hf_qsbr_quiescent(struct rte_rcu_qsbr *qsbr, unsigned int count);
/* What C says of the structs that Rust touches by field; compared with the bindings by a test. */
struct hf_field {
    const char *name;
    size_t offset;
    size_t size;
};
const struct hf_field *hf_layout(size_t *count);

#endif
