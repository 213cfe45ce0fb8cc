// SPDX-License-Identifier: Apache-2.0
#ifndef CEPOLL_H
#define CEPOLL_H

#include <stdint.h>

/// One socket's readiness as `epoll_wait` reports it.
struct readiness {
    uint64_t token;
    uint32_t events;
};

/// Bits of `readiness.events`; the values are the kernel's.
enum readiness_bits {
    READINESS_INPUT = 0x001,
    READINESS_OUTPUT = 0x004,
    READINESS_ERROR = 0x008,
    READINESS_HANGUP = 0x010,
    READINESS_PEER_FINISHED = 0x2000,
};

enum { MAX_READINESS_BATCH = 256 };

/// Makes an epoll set; -1 and errno on failure.
int epoll_set_make(void);

/// Adds a descriptor to the set: edge-triggered for input, output and the peer's end of stream, or
/// level-triggered for input alone.
int epoll_set_add(int set, int descriptor, uint64_t token, int edge_triggered);

/// Takes a descriptor out of the set.
int epoll_set_remove(int set, int descriptor);

/// Copies what is ready now, without waiting, at most `MAX_READINESS_BATCH` entries.
int epoll_set_poll(int set, struct readiness *ready, int capacity);

/// `accept4` with a non-blocking, close-on-exec descriptor.
int accept_nonblocking(int listener);

#endif
