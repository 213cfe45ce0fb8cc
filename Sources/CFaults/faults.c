// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include "faults.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

/// What the signal handler reads; a range without bytes is free.
typedef struct {
    _Atomic uintptr_t base;
    _Atomic size_t byte_count;
    atomic_bool has_failed;
} guarded_range;

static guarded_range ranges[APUS_MAX_GUARDS];
static uintptr_t page_mask;
static struct sigaction previous;
static pthread_mutex_t changes = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t installation = PTHREAD_ONCE_INIT;

/// Puts zeros in place of what is from the faulting page to the end of its range; false outside all ranges.
/// Calls nothing but mmap, which is one system call.
static bool mend(uintptr_t address) {
    for (int i = 0; i < APUS_MAX_GUARDS; i++) {
        uintptr_t base = atomic_load(&ranges[i].base);
        size_t byte_count = atomic_load(&ranges[i].byte_count);
        if (address - base >= byte_count)
            continue;
        uintptr_t page = address & page_mask, end = (base + byte_count + ~page_mask) & page_mask;
        void *zeros = mmap((void *)page, end - page, PROT_READ,
                           MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
        if (zeros == MAP_FAILED)
            return false;
        atomic_store(&ranges[i].has_failed, true);
        return true;
    }
    return false;
}

static void handle(int signal, siginfo_t *info, void *context) {
    (void)context;
    int saved = errno;
    bool is_fault = info->si_code > 0; // not sent by a process
    if (!is_fault || !mend((uintptr_t)info->si_addr)) {
        sigaction(signal, &previous, NULL);
        // A fault happens again as the handler returns; a signal that was sent does not.
        if (!is_fault)
            raise(signal);
    }
    errno = saved;
}

static void install(void) {
    page_mask = ~((uintptr_t)sysconf(_SC_PAGESIZE) - 1);
    struct sigaction action = {.sa_sigaction = handle, .sa_flags = SA_SIGINFO | SA_RESTART};
    sigemptyset(&action.sa_mask);
    sigaction(SIGBUS, &action, &previous);
}

int apus_guard(const void *base, size_t byte_count) {
    pthread_once(&installation, install);
    int found = -1;
    pthread_mutex_lock(&changes);
    for (int i = 0; i < APUS_MAX_GUARDS && found < 0; i++) {
        if (atomic_load(&ranges[i].byte_count) != 0)
            continue;
        atomic_store(&ranges[i].has_failed, false);
        atomic_store(&ranges[i].base, (uintptr_t)base);
        atomic_store(&ranges[i].byte_count, byte_count);
        found = i;
    }
    pthread_mutex_unlock(&changes);
    return found;
}

void apus_unguard(int guard) {
    atomic_store(&ranges[guard].byte_count, 0);
}

bool apus_guard_has_failed(int guard) {
    return atomic_load(&ranges[guard].has_failed);
}
