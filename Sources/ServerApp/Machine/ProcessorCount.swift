// SPDX-License-Identifier: Apache-2.0

internal import Foundation

/// How many processors this process may use, and why.
package struct ProcessorCount: Sendable, Equatable {
    /// At least 1.
    package let count: Int
    /// "2 processors in the affinity mask, cgroup quota 1.50".
    package let reason: String

    /// The smaller of the affinity mask and the cgroup's quota, rounded down.
    package static func available(cgroupRoot: String = "/sys/fs/cgroup") -> ProcessorCount {
        // On Linux this counts the processors of the affinity mask.
        let mask = max(1, ProcessInfo.processInfo.activeProcessorCount)
        guard let quota = quota(root: cgroupRoot) else {
            return ProcessorCount(count: mask, reason: "\(mask) processors in the affinity mask")
        }
        return ProcessorCount(
            count: max(1, min(mask, Int(quota))),
            reason: "\(mask) processors in the affinity mask, cgroup quota "
                + String(format: "%.2f", quota))
    }

    /// Processors' worth of time per period: cgroup v2's `cpu.max`, else v1's CFS quota.
    private static func quota(root: String) -> Double? {
        if let fields = words("\(root)/cpu.max"), fields.count == 2,
            let quota = Double(fields[0]), let period = Double(fields[1]), period > 0
        {
            return quota / period
        }
        guard let quota = words("\(root)/cpu/cpu.cfs_quota_us")?.first.flatMap(Double.init),
            let period = words("\(root)/cpu/cpu.cfs_period_us")?.first.flatMap(Double.init),
            quota > 0, period > 0
        else { return nil }
        return quota / period
    }

    private static func words(_ path: String) -> [String]? {
        guard let text = try? String(contentsOfFile: path, encoding: .utf8) else { return nil }
        return text.split(whereSeparator: \.isWhitespace).map(String.init)
    }
}
