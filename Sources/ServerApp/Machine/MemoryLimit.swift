// SPDX-License-Identifier: Apache-2.0

internal import Foundation

/// How many bytes this process may still use, and why.
package struct MemoryLimit: Sendable, Equatable {
    package let availableBytes: Int
    /// "22.9 GiB available", "cgroup limit 4.0 GiB".
    package let reason: String

    /// The smaller of the system's available memory and what the cgroup's limit leaves.
    package static func available(
        procRoot: String = "/proc", cgroupRoot: String = "/sys/fs/cgroup"
    ) -> MemoryLimit {
        let system = systemBytes(procRoot) ?? Int(clamping: ProcessInfo.processInfo.physicalMemory)
        let bySystem = MemoryLimit(
            availableBytes: system, reason: "\(gibibytes(system)) available on this machine")
        guard let (limit, used) = cgroupBytes(cgroupRoot), limit - used < system else {
            return bySystem
        }
        return MemoryLimit(
            availableBytes: max(0, limit - used),
            reason: "\(gibibytes(max(0, limit - used))) left under the cgroup limit of "
                + gibibytes(limit))
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

    /// cgroup v2's `memory.max` and `memory.current`, else v1's.
    private static func cgroupBytes(_ root: String) -> (limit: Int, used: Int)? {
        if let limit = number("\(root)/memory.max") {
            return (limit, number("\(root)/memory.current") ?? 0)
        }
        guard let limit = number("\(root)/memory/memory.limit_in_bytes") else { return nil }
        return (limit, number("\(root)/memory/memory.usage_in_bytes") ?? 0)
    }

    private static func number(_ path: String) -> Int? {
        (try? String(contentsOfFile: path, encoding: .utf8)).flatMap {
            Int($0.trimmingCharacters(in: .whitespacesAndNewlines))
        }
    }
}
