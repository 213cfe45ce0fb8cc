// SPDX-License-Identifier: Apache-2.0

internal import Foundation

/// How many bytes this process may still use, and why.
package struct MemoryLimit: Sendable, Equatable {
    package let availableBytes: Int
    /// "22.9 GiB available", "cgroup limit 4.0 GiB".
    package let reason: String

    /// The smaller of the system's available memory and what the tightest cgroup leaves.
    package static func available(
        procRoot: String = "/proc", cgroupRoot: String = "/sys/fs/cgroup"
    ) -> MemoryLimit {
        let system = systemBytes(procRoot) ?? Int(clamping: ProcessInfo.processInfo.physicalMemory)
        let bySystem = MemoryLimit(
            availableBytes: system, reason: "\(gibibytes(system)) available on this machine")
        let cgroup = Cgroup(procRoot: procRoot, root: cgroupRoot)
        guard let (limit, left) = tightest(cgroup), left < system else { return bySystem }
        return MemoryLimit(
            availableBytes: left,
            reason: "\(gibibytes(left)) left under the cgroup limit of \(gibibytes(limit))")
    }

    /// What the operator says, less what the process has already.
    static func configured(_ bytes: Int, procRoot: String = "/proc") -> MemoryLimit {
        let used = ProcessStatistics.read(procRoot: procRoot)?.residentBytes ?? 0
        return MemoryLimit(
            availableBytes: max(0, bytes - used), reason: "memory \(gibibytes(bytes)) as configured"
        )
    }

    /// "3.41 GiB".
    package static func gibibytes(_ bytes: Int) -> String {
        String(format: "%.2f GiB", Double(bytes) / 0x1p30)
    }

    private static func systemBytes(_ root: String) -> Int? {
        guard let text = try? String(contentsOfFile: "\(root)/meminfo", encoding: .utf8),
            let line = text.split(separator: "\n").first(where: { $0.hasPrefix("MemAvailable:") }),
            let kibibytes = line.split(whereSeparator: \.isWhitespace).dropFirst().first
                .flatMap({ Int($0) })
        else { return nil }
        let (bytes, overflows) = kibibytes.multipliedReportingOverflow(by: 1024)
        return overflows ? nil : bytes
    }

    /// The cgroup that leaves the fewest bytes, by v2's `memory.max` and v1's limit.
    private static func tightest(_ cgroup: Cgroup) -> (limit: Int, left: Int)? {
        let unified = cgroup.unifiedDirectories.compactMap {
            bytes($0, limit: "memory.max", used: "memory.current", reclaimable: "inactive_file")
        }
        let legacy = cgroup.legacyDirectories(controller: "memory", mounts: ["memory"])
            .compactMap {
                bytes(
                    $0, limit: "memory.limit_in_bytes", used: "memory.usage_in_bytes",
                    reclaimable: "total_inactive_file")
            }
        return (unified + legacy).min { $0.left < $1.left }
    }

    /// One cgroup's limit, less its use except for page cache that the kernel would take back.
    private static func bytes(
        _ directory: String, limit: String, used: String, reclaimable: String
    ) -> (limit: Int, left: Int)? {
        guard let limit = Cgroup.count("\(directory)/\(limit)") else { return nil }
        let used = Cgroup.count("\(directory)/\(used)") ?? 0
        let cached = Cgroup.statistics("\(directory)/memory.stat")[Substring(reclaimable)] ?? 0
        return (limit, max(0, limit - max(0, used - cached)))
    }
}
