// SPDX-License-Identifier: Apache-2.0

internal import CKernels

/// How far ahead kernels ask for weights. Processors and hypervisors differ in what their own prefetchers
/// do, so it is measured, once in a process, before kernels stream weights from memory.
package struct Prefetching: Sendable {
    /// For one column, in bytes; 0 leaves it to the processor.
    package let distance: Int

    /// What was found on this machine.
    package static let measured = Prefetching()

    private init() {
        apus_tune_prefetch(apus_best_isa())
        distance = apus_prefetch_distance(1)
    }
}
