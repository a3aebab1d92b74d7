#pragma once
#include <arpa/inet.h>
#include <arpa/nameser.h>
#include <netdb.h>
#include <resolv.h>
#include <string.h>

// The resolver of the C library. Its state is a large structure with unions, which Swift would import as opaque bytes.

/// Queries the configured servers for one type of record, with the search domains of resolv.conf.
///
/// server: an IPv4 address to query instead; NULL for the configured ones.
/// error: HOST_NOT_FOUND, NO_DATA, TRY_AGAIN or NO_RECOVERY if the result is negative.
/// Returns the length of the answer in bytes, at most the capacity, or -1.
static inline int buildinfo_dns_query(
    const char *name, int type, const char *server, int port, unsigned char *answer, int capacity, int *error) {
    struct __res_state state;
    memset(&state, 0, sizeof state);
    if (res_ninit(&state) != 0) {
        *error = NO_RECOVERY;
        return -1;
    }
    if (server) {
        state.nscount = 1;
        state.nsaddr_list[0].sin_family = AF_INET;
        state.nsaddr_list[0].sin_port = htons((unsigned short)port);
        inet_pton(AF_INET, server, &state.nsaddr_list[0].sin_addr);
    }
    state.retrans = 2;
    state.retry = 2;
    int length = res_nsearch(&state, name, ns_c_in, type, answer, capacity);
    if (length < 0) *error = state.res_h_errno;
    res_nclose(&state);
    return length < 0 ? -1 : length < capacity ? length : capacity;
}

/// A record of an answer: an address, or a service's port and target.
struct buildinfo_dns_record {
    int type;
    int port;
    char text[NS_MAXDNAME];
};

/// Reads the record at an index of an answer. Returns 0, or -1 if it does not exist or is malformed.
static inline int buildinfo_dns_read(
    const unsigned char *answer, int length, int index, struct buildinfo_dns_record *record) {
    ns_msg message;
    ns_rr item;
    if (ns_initparse(answer, length, &message) != 0 || ns_parserr(&message, ns_s_an, index, &item) != 0) return -1;
    const unsigned char *data = ns_rr_rdata(item);
    record->type = ns_rr_type(item);
    record->port = 0;
    record->text[0] = 0;
    switch (record->type) {
    case ns_t_a:
        return ns_rr_rdlen(item) == 4 && inet_ntop(AF_INET, data, record->text, sizeof record->text) ? 0 : -1;
    case ns_t_aaaa:
        return ns_rr_rdlen(item) == 16 && inet_ntop(AF_INET6, data, record->text, sizeof record->text) ? 0 : -1;
    case ns_t_srv:
        if (ns_rr_rdlen(item) < 7) return -1;
        record->port = ns_get16(data + 4);
        return dn_expand(ns_msg_base(message), ns_msg_end(message), data + 6, record->text, sizeof record->text) > 0 ? 0 : -1;
    default: return 0;
    }
}

/// The number of records in an answer, or -1 if it is malformed.
static inline int buildinfo_dns_count(const unsigned char *answer, int length) {
    ns_msg message;
    return ns_initparse(answer, length, &message) == 0 ? ns_msg_count(message, ns_s_an) : -1;
}
