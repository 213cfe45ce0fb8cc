// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include "CEpoll.h"

#include <sys/epoll.h>
#include <sys/socket.h>

_Static_assert((int)READINESS_INPUT == (int)EPOLLIN, "input");
_Static_assert((int)READINESS_OUTPUT == (int)EPOLLOUT, "output");
_Static_assert((int)READINESS_ERROR == (int)EPOLLERR, "error");
_Static_assert((int)READINESS_HANGUP == (int)EPOLLHUP, "hang-up");
_Static_assert((int)READINESS_PEER_FINISHED == (int)EPOLLRDHUP, "peer finished");

int epoll_set_make(void) { return epoll_create1(EPOLL_CLOEXEC); }

int epoll_set_add(int set, int descriptor, uint64_t token, int edge_triggered) {
    struct epoll_event event = {
        .events = edge_triggered ? EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET : EPOLLIN,
        .data.u64 = token,
    };
    return epoll_ctl(set, EPOLL_CTL_ADD, descriptor, &event);
}

int epoll_set_remove(int set, int descriptor) {
    struct epoll_event unused = {0};
    return epoll_ctl(set, EPOLL_CTL_DEL, descriptor, &unused);
}

int epoll_set_poll(int set, struct readiness *ready, int capacity) {
    struct epoll_event events[MAX_READINESS_BATCH];
    if (capacity > MAX_READINESS_BATCH) capacity = MAX_READINESS_BATCH;
    int count = epoll_wait(set, events, capacity, 0);
    for (int i = 0; i < count; i++) {
        ready[i].token = events[i].data.u64;
        ready[i].events = events[i].events;
    }
    return count;
}

int accept_nonblocking(int listener) {
    return accept4(listener, 0, 0, SOCK_NONBLOCK | SOCK_CLOEXEC);
}
