// SPDX-License-Identifier: Apache-2.0

internal import Foundation

/// How many processors this process may use, and why.
package struct ProcessorCount: Sendable, Equatable {
    /// At least 1.
    package let count: Int
    /// "2 processors in the affinity mask, cgroup quota 1.50".
    package let reason: String
    /// Processors' worth of CPU time in each period; nil where that is not limited.
    package var quota: Double?

    /// The smaller of the affinity mask and the cgroups' tightest quota, rounded to the nearest:
    /// threads that are stopped for part of each period do more than one fewer, but not where they would
    /// stand still for most of it (docs/decisions/0031-threads-of-a-quota.md).
    package static func available(
        procRoot: String = "/proc", cgroupRoot: String = "/sys/fs/cgroup"
    ) -> ProcessorCount {
        let mask = max(1, maskCount(procRoot) ?? ProcessInfo.processInfo.activeProcessorCount)
        guard let quota = quota(Cgroup(procRoot: procRoot, root: cgroupRoot)) else {
            return ProcessorCount(count: mask, reason: "\(mask) processors in the affinity mask")
        }
        return ProcessorCount(
            count: max(1, Int(min(Double(mask), quota + 0.5))),
            reason: "\(mask) processors in the affinity mask, cgroup quota "
                + String(format: "%.2f", quota), quota: quota)
    }

    /// Processors of the affinity mask, which a cpuset narrows; Foundation counts those of the machine.
    /// Source: proc_pid_status(5), `Cpus_allowed`: a mask in hexadecimal, with commas.
    private static func maskCount(_ procRoot: String) -> Int? {
        let text = try? String(contentsOfFile: "\(procRoot)/self/status", encoding: .utf8)
        let line = text?.split(separator: "\n").first { $0.hasPrefix("Cpus_allowed:") }
        guard let mask = line?.split(whereSeparator: \.isWhitespace).dropFirst().first else {
            return nil
        }
        return mask.reduce(0) { $0 + ($1.hexDigitValue?.nonzeroBitCount ?? 0) }
    }

    /// Processors' worth of time per period: cgroup v2's `cpu.max` and v1's CFS quota.
    private static func quota(_ cgroup: Cgroup) -> Double? {
        let unified = cgroup.unifiedDirectories.compactMap { directory -> Double? in
            guard let fields = Cgroup.words("\(directory)/cpu.max"), fields.count == 2 else {
                return nil
            }
            return quota(Int(fields[0]), period: Int(fields[1]))
        }
        let legacy = cgroup.legacyDirectories(controller: "cpu", mounts: ["cpu", "cpu,cpuacct"])
            .compactMap { directory in
                quota(
                    Cgroup.count("\(directory)/cpu.cfs_quota_us"),
                    period: Cgroup.count("\(directory)/cpu.cfs_period_us"))
            }
        return (unified + legacy).min()
    }

    private static func quota(_ quota: Int?, period: Int?) -> Double? {
        guard let quota, let period, quota > 0, period > 0 else { return nil }
        return Double(quota) / Double(period)
    }
}
