// SPDX-License-Identifier: Apache-2.0

internal import CKernels

/// What the machine can do at most, measured now; speeds are reported as shares of it.
package struct MachineLimits: Sendable {
    /// Bytes per second that all threads read from memory.
    package let readBandwidth: Double
    /// int8 multiply-accumulates per second, two operations each.
    package let int8Operations: Double

    /// Measures for about a second.
    package init(threadCount: Int, instructionSet: InstructionSet = .best) {
        // 512 MB: sixteen times an L3 of 32 MB.
        readBandwidth = apus_probe_read_bandwidth(threadCount, 512 << 20, 5)
        int8Operations = apus_probe_int8_peak(threadCount, instructionSet.isa, 5)
    }

    private init(readBandwidth: Double, int8Operations: Double) {
        self.readBandwidth = readBandwidth
        self.int8Operations = int8Operations
    }

    /// The higher of either limit at two times: whatever else runs on the machine can only lower them.
    package func higher(_ other: MachineLimits) -> MachineLimits {
        MachineLimits(
            readBandwidth: max(readBandwidth, other.readBandwidth),
            int8Operations: max(int8Operations, other.int8Operations))
    }
}
