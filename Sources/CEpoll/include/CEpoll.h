// SPDX-License-Identifier: Apache-2.0
#ifndef CEPOLL_H
#define CEPOLL_H

#include <sys/epoll.h>

#endif
