// SPDX-License-Identifier: Apache-2.0

internal import Foundation

/// What the kernel says of this process. Source: proc_pid_stat(5).
struct ProcessStatistics: Sendable, Equatable {
    /// User and system time of all threads.
    let cpuSeconds: Double
    /// Faults that had to read from disk.
    let majorFaultCount: Int
    let virtualBytes: Int
    let residentBytes: Int
    /// When it started, in seconds since 1970.
    let startSeconds: Double

    /// Nil where the proc file system is not as it should be.
    static func read(procRoot: String = "/proc") -> ProcessStatistics? {
        guard let text = try? String(contentsOfFile: "\(procRoot)/self/stat", encoding: .utf8),
            // The second field is the command's name, which may hold anything, in parentheses.
            let name = text.lastIndex(of: ")")
        else { return nil }
        let fields = text[text.index(after: name)...].split(separator: " ").map { Int($0) }
        // Fields 3 to 24: state … rss.
        guard fields.count >= 22, let majorFaults = fields[9], let user = fields[11],
            let system = fields[12], let start = fields[19], let virtual = fields[20],
            let residentPages = fields[21]
        else { return nil }
        let ticksPerSecond = Double(sysconf(Int32(_SC_CLK_TCK)))
        return ProcessStatistics(
            cpuSeconds: (Double(user) + Double(system)) / ticksPerSecond,
            majorFaultCount: majorFaults, virtualBytes: virtual,
            residentBytes: residentPages.multipliedReportingOverflow(
                by: sysconf(Int32(_SC_PAGESIZE))
            )
            .partialValue,
            startSeconds: bootSeconds(procRoot) + Double(start) / ticksPerSecond)
    }

    /// How many descriptors are open, and how many may be.
    static func descriptors(procRoot: String = "/proc") -> (open: Int, limit: Int) {
        var open = 0
        if let directory = opendir("\(procRoot)/self/fd") {
            while readdir(directory) != nil { open += 1 }
            closedir(directory)
        }
        var limit = rlimit()
        getrlimit(__rlimit_resource_t(UInt32(RLIMIT_NOFILE.rawValue)), &limit)
        // Without ".", ".." and the directory itself.
        return (max(0, open - 3), Int(clamping: limit.rlim_cur))
    }

    private static func bootSeconds(_ procRoot: String) -> Double {
        let text = (try? String(contentsOfFile: "\(procRoot)/stat", encoding: .utf8)) ?? ""
        let line = text.split(separator: "\n").first { $0.hasPrefix("btime ") }
        return line.flatMap { Double($0.dropFirst(6)) } ?? 0
    }
}
