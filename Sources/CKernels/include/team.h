// SPDX-License-Identifier: Apache-2.0

/// A fork-join team of threads for phases of a few microseconds.
///
/// Workers spin for a bounded time between phases, then park in the kernel, so that an idle server
/// uses no CPU and a busy one pays about 0.2 µs a phase.
#ifndef APUS_TEAM_H
#define APUS_TEAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct apus_team apus_team;

/// A team of `thread_count` ≥ 1 threads, the caller included. NULL when a thread cannot be made.
apus_team *apus_team_create(size_t thread_count);

/// Ends the workers and frees the team. No phase may be running.
void apus_team_destroy(apus_team *team);

/// Whether waiting threads spin before they park, as they do at first. Where CPU time is rationed, spinning
/// takes it from the threads that work. Any thread may call this at any time.
void apus_team_set_spinning(apus_team *team, bool spins);

/// Runs body(context, worker) on the caller, worker 0, and on every other thread that comes before the
/// caller's body returns; returns when all that came are done. A thread that the system has taken off its
/// processor is not waited for, so the body must take its work, 0 ..< count, by `apus_team_take` until
/// there is none. Always called from the same thread.
void apus_team_run(apus_team *team, size_t count, void (*body)(void *context, size_t worker),
                   void *context);

/// The next unclaimed number of the running phase, −1 when none is left. Each worker has a run of
/// consecutive numbers, as long as the others', and then takes what others have left: memory that
/// consecutive items read one after the other is read by one thread in order.
ptrdiff_t apus_team_take(apus_team *team, size_t worker);

#endif
