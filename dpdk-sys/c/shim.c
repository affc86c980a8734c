/* One symbol for each static inline function of DPDK that Holdfast calls. */
#include "shim.h"

const uint64_t hf_rss_ip_tcp_udp = RTE_ETH_RSS_IPV4 | RTE_ETH_RSS_FRAG_IPV4 |
                                   RTE_ETH_RSS_NONFRAG_IPV4_TCP | RTE_ETH_RSS_NONFRAG_IPV4_UDP;

int hf_errno(void) { return rte_errno; }
unsigned int hf_lcore_id(void) { return rte_lcore_id(); }

uint16_t hf_eth_rx_burst(uint16_t port, uint16_t queue, struct rte_mbuf **mbufs, uint16_t count) {
    return rte_eth_rx_burst(port, queue, mbufs, count);
}

uint16_t hf_eth_tx_burst(uint16_t port, uint16_t queue, struct rte_mbuf **mbufs, uint16_t count) {
    return rte_eth_tx_burst(port, queue, mbufs, count);
}

struct rte_mbuf *hf_pktmbuf_alloc(struct rte_mempool *pool) { return rte_pktmbuf_alloc(pool); }

int hf_pktmbuf_alloc_bulk(struct rte_mempool *pool, struct rte_mbuf **mbufs, unsigned int count) {
    return rte_pktmbuf_alloc_bulk(pool, mbufs, count);
}

void hf_pktmbuf_free_bulk(struct rte_mbuf **mbufs, unsigned int count) {
    rte_pktmbuf_free_bulk(mbufs, count);
}

void hf_pktmbuf_free(struct rte_mbuf *mbuf) { rte_pktmbuf_free(mbuf); }
int hf_pktmbuf_linearize(struct rte_mbuf *mbuf) { return rte_pktmbuf_linearize(mbuf); }

void hf_ip_frag_free_death_row(struct rte_ip_frag_death_row *row, uint32_t prefetch) {
    rte_ip_frag_free_death_row(row, prefetch);
}

void hf_qsbr_online(struct rte_rcu_qsbr *qsbr) { rte_rcu_qsbr_thread_online(qsbr, 0); }

void hf_qsbr_quiescent(struct rte_rcu_qsbr *qsbr, unsigned int count) {
    for (unsigned int at = 0; at < count; at++) {
        rte_rcu_qsbr_quiescent(qsbr, 0);
    }
}

#define FIELD(type, field) \
    { #type "." #field, offsetof(struct type, field), sizeof(((struct type *)0)->field) }

const struct hf_field *hf_layout(size_t *count) {
    static const struct hf_field fields[] = {
        {"rte_mbuf", 0, sizeof(struct rte_mbuf)},
        FIELD(rte_mbuf, buf_addr),
        FIELD(rte_mbuf, data_off),
        FIELD(rte_mbuf, refcnt),
        FIELD(rte_mbuf, nb_segs),
        FIELD(rte_mbuf, port),
        FIELD(rte_mbuf, ol_flags),
        FIELD(rte_mbuf, packet_type),
        FIELD(rte_mbuf, pkt_len),
        FIELD(rte_mbuf, data_len),
        FIELD(rte_mbuf, buf_len),
        FIELD(rte_mbuf, pool),
        FIELD(rte_mbuf, next),
        FIELD(rte_mbuf, priv_size),
        FIELD(rte_mbuf, tx_offload),
        {"rte_eth_stats", 0, sizeof(struct rte_eth_stats)},
        FIELD(rte_eth_stats, imissed),
        FIELD(rte_eth_stats, rx_nombuf),
        {"rte_eth_dev_info", 0, sizeof(struct rte_eth_dev_info)},
        FIELD(rte_eth_dev_info, max_rx_queues),
        FIELD(rte_eth_dev_info, max_tx_queues),
        FIELD(rte_eth_dev_info, reta_size),
        FIELD(rte_eth_dev_info, flow_type_rss_offloads),
        {"rte_eth_conf", 0, sizeof(struct rte_eth_conf)},
        FIELD(rte_eth_conf, rxmode),
        FIELD(rte_eth_conf, txmode),
        {"rte_ip_frag_death_row", 0, sizeof(struct rte_ip_frag_death_row)},
        {"IMB_JOB", 0, sizeof(struct IMB_JOB)},
    };
    *count = sizeof(fields) / sizeof(fields[0]);
    return fields;
}
