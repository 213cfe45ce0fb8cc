// SPDX-License-Identifier: Apache-2.0

/// Reads of mapped files that fail are remembered, and do not end the process.
///
/// A read past the end of a file that was shortened, or of a sector that cannot be read, raises SIGBUS. Where
/// that happens in a guarded range, the rest of the range becomes zeros, the read is done again, and the range
/// is marked. Whoever uses the range asks for the mark before believing what was read.
#ifndef APUS_FAULTS_H
#define APUS_FAULTS_H

#include <stdbool.h>
#include <stddef.h>

/// Ranges that can be guarded at the same time.
enum { APUS_MAX_GUARDS = 4096 };

/// Guards a mapping that starts at a page; its number, or -1 when there are too many.
int apus_guard(const void *base, size_t byte_count);

/// Ends that; before the mapping goes.
void apus_unguard(int guard);

/// Whether a read of the range has failed.
bool apus_guard_has_failed(int guard);

#endif
