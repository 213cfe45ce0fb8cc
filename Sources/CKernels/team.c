// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include "team.h"

#include <linux/futex.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

/// Polls before a waiting thread parks. About 50 µs at 3–4 GHz: longer than any serial stretch
/// between two phases of a step, far shorter than a scheduler tick.
#define SPIN_LIMIT 2000

/// A phase is one 64-bit word: its number, whether threads may still join, and how many are inside.
/// Number and state are 32-bit halves, so that the kernel can wait on either.
#define PHASE_NUMBER(phase) ((uint32_t)((phase) >> 32))
#define PHASE_OPEN ((uint64_t)1 << 31)
#define PHASE_STATE(phase) ((uint32_t)(phase))

/// The items of a phase that a thread takes first, in order; then others take what is left.
typedef struct {
    _Alignas(64) _Atomic size_t next;
    size_t end;
} share;

struct apus_team {
    // Own cache lines: what threads poll, what they count down, what a phase starts with.
    _Alignas(64) _Atomic uint64_t phase;
    _Atomic uint32_t parked_workers;
    _Atomic uint32_t caller_is_parked;
    _Alignas(64) void (*body)(void *, size_t);
    void *context;
    atomic_bool is_ending;
    atomic_int spin_limit;
    size_t size;
    share *shares;
    pthread_t threads[];
};

typedef struct {
    apus_team *team;
    size_t worker;
} assignment;

static inline void pause_briefly(void) {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("isb");
#endif
}

/// The halves of the phase as futex words; x86-64 and arm64 Linux are little-endian.
static inline uint32_t *state_half(apus_team *team) {
    return (uint32_t *)&team->phase;
}
static inline uint32_t *number_half(apus_team *team) {
    return (uint32_t *)&team->phase + 1;
}

static void futex_wait(uint32_t *word, uint32_t seen) {
    syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, seen, NULL, NULL, 0);
}

static void futex_wake(uint32_t *word) {
    syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, INT32_MAX, NULL, NULL, 0);
}

static int spin_limit(apus_team *team) {
    return atomic_load_explicit(&team->spin_limit, memory_order_relaxed);
}

/// Returns once a phase other than `number` has begun.
static void wait_for_phase(apus_team *team, uint32_t number) {
    const int limit = spin_limit(team);
    for (int spins = 0; spins < limit; spins++) {
        if (PHASE_NUMBER(atomic_load(&team->phase)) != number)
            return;
        pause_briefly();
    }
    atomic_fetch_add(&team->parked_workers, 1);
    while (PHASE_NUMBER(atomic_load(&team->phase)) == number)
        futex_wait(number_half(team), number);
    atomic_fetch_sub(&team->parked_workers, 1);
}

/// Joins the current phase unless it is closed; its number either way.
static bool join_phase(apus_team *team, uint32_t *number) {
    uint64_t phase = atomic_load(&team->phase);
    do {
        *number = PHASE_NUMBER(phase);
        if (!(phase & PHASE_OPEN))
            return false;
    } while (!atomic_compare_exchange_weak(&team->phase, &phase, phase + 1));
    return true;
}

static void leave_phase(apus_team *team) {
    uint64_t before = atomic_fetch_sub(&team->phase, 1);
    if (PHASE_STATE(before) == 1 && atomic_load(&team->caller_is_parked))
        futex_wake(state_half(team));
}

/// Closes the phase and waits for the threads inside.
static void close_phase(apus_team *team) {
    uint64_t phase = atomic_fetch_and(&team->phase, ~PHASE_OPEN) & ~PHASE_OPEN;
    const int limit = spin_limit(team);
    for (int spins = 0; PHASE_STATE(phase) != 0 && spins < limit; spins++) {
        pause_briefly();
        phase = atomic_load(&team->phase);
    }
    if (PHASE_STATE(phase) == 0)
        return;
    atomic_store(&team->caller_is_parked, 1);
    while (PHASE_STATE(phase = atomic_load(&team->phase)) != 0)
        futex_wait(state_half(team), PHASE_STATE(phase));
    atomic_store(&team->caller_is_parked, 0);
}

static void begin_phase(apus_team *team, uint64_t open) {
    uint64_t number = PHASE_NUMBER(atomic_load(&team->phase)) + (uint64_t)1;
    atomic_store(&team->phase, number << 32 | open);
    if (atomic_load(&team->parked_workers) > 0)
        futex_wake(number_half(team));
}

static void *work(void *argument) {
    assignment mine = *(assignment *)argument;
    free(argument);
    apus_team *team = mine.team;
    uint32_t number = 0;
    for (;;) {
        wait_for_phase(team, number);
        if (join_phase(team, &number)) {
            team->body(team->context, mine.worker);
            leave_phase(team);
        } else if (atomic_load(&team->is_ending)) {
            // Asked only now: the phase that was joined in vain may be the last, and no other wakes us.
            return NULL;
        }
    }
}

apus_team *apus_team_create(size_t thread_count) {
    size_t bytes = sizeof(apus_team) + thread_count * sizeof(pthread_t);
    apus_team *team = aligned_alloc(64, (bytes + 63) / 64 * 64);
    if (!team)
        return NULL;
    *team = (apus_team){.size = 1, .spin_limit = SPIN_LIMIT};
    team->shares = aligned_alloc(64, thread_count * sizeof(share));
    if (!team->shares) {
        free(team);
        return NULL;
    }
    for (size_t worker = 1; worker < thread_count; worker++) {
        assignment *mine = malloc(sizeof *mine);
        if (mine)
            *mine = (assignment){team, worker};
        if (!mine || pthread_create(&team->threads[worker], NULL, work, mine) != 0) {
            free(mine);
            apus_team_destroy(team);
            return NULL;
        }
        pthread_setname_np(team->threads[worker], "apus-worker");
        team->size = worker + 1;
    }
    return team;
}

void apus_team_destroy(apus_team *team) {
    atomic_store(&team->is_ending, true);
    begin_phase(team, 0);
    for (size_t worker = 1; worker < team->size; worker++)
        pthread_join(team->threads[worker], NULL);
    free(team->shares);
    free(team);
}

void apus_team_set_spinning(apus_team *team, bool spins) {
    atomic_store_explicit(&team->spin_limit, spins ? SPIN_LIMIT : 0, memory_order_relaxed);
}

/// Cuts 0 ..< count into one share for each thread, as even as can be.
static void share_items(apus_team *team, size_t count) {
    const size_t even = count / team->size, rest = count % team->size;
    size_t first = 0;
    for (size_t worker = 0; worker < team->size; worker++) {
        atomic_store_explicit(&team->shares[worker].next, first, memory_order_relaxed);
        first += even + (worker < rest);
        team->shares[worker].end = first;
    }
}

void apus_team_run(apus_team *team, size_t count, void (*body)(void *context, size_t worker),
                   void *context) {
    share_items(team, count);
    if (team->size == 1) {
        body(context, 0);
        return;
    }
    team->body = body;
    team->context = context;
    begin_phase(team, PHASE_OPEN);
    body(context, 0);
    close_phase(team);
}

ptrdiff_t apus_team_take(apus_team *team, size_t worker) {
    for (size_t i = 0; i < team->size; i++) {
        const size_t other = worker + i < team->size ? worker + i : worker + i - team->size;
        share *share = &team->shares[other];
        if (atomic_load_explicit(&share->next, memory_order_relaxed) >= share->end)
            continue;
        const size_t item = atomic_fetch_add_explicit(&share->next, 1, memory_order_relaxed);
        if (item < share->end)
            return (ptrdiff_t)item;
    }
    return -1;
}
