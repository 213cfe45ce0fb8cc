// SPDX-License-Identifier: Apache-2.0

/// How often and how long the cgroups of this process were kept from running because their CPU quota was used
/// up, since they were made.
struct Throttling: Sendable, Equatable {
    var periodCount = 0
    /// Summed over processors.
    var seconds = 0.0

    /// Sums over the process's cgroup and its ancestors: v2's and v1's `cpu.stat`.
    static func read(procRoot: String = "/proc", cgroupRoot: String = "/sys/fs/cgroup")
        -> Throttling
    {
        let cgroup = Cgroup(procRoot: procRoot, root: cgroupRoot)
        // One hierarchy can be mounted at several of these places.
        let hierarchies =
            [cgroup.unifiedDirectories]
            + ["cpu", "cpu,cpuacct"].map {
                cgroup.legacyDirectories(controller: "cpu", mounts: [$0])
            }
        return hierarchies.map(sum).max { $0.seconds < $1.seconds } ?? Throttling()
    }

    private static func sum(_ directories: [String]) -> Throttling {
        directories.reduce(into: Throttling()) { sum, directory in
            let counts = Cgroup.statistics("\(directory)/cpu.stat")
            sum.periodCount &+= counts["nr_throttled"] ?? 0
            sum.seconds += Double(counts["throttled_usec"] ?? 0) / 1e6
            sum.seconds += Double(counts["throttled_time"] ?? 0) / 1e9
        }
    }
}

/// Decides whether threads that wait spin: not with more threads than the quota has processors, nor after a
/// second in which the process was throttled.
struct SpinPolicy {
    private static let interval = Duration.seconds(1)

    private let quota: Double?
    private let threadCount: Int
    private let read: () -> Throttling
    private var last: (time: ContinuousClock.Instant, periodCount: Int)?

    /// `quota` is in processors' worth of time; nil where there is no limit, and nothing is read.
    init(
        quota: Double?, threadCount: Int, read: @escaping () -> Throttling = { Throttling.read() }
    ) {
        self.quota = quota
        self.threadCount = threadCount
        self.read = read
    }

    /// Whether to spin from now on; nil where nothing changes.
    mutating func decision(at now: ContinuousClock.Instant) -> Bool? {
        guard let quota else { return nil }
        if let last, now - last.time < Self.interval { return nil }
        let periodCount = read().periodCount
        let wasThrottled = last.map { periodCount > $0.periodCount } ?? false
        last = (now, periodCount)
        return Double(threadCount) <= quota && !wasThrottled
    }
}
