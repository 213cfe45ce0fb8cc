// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@testable import ServerApp

@Suite struct ThrottlingTests {
    private func read(_ files: [String: String]) throws -> Throttling {
        let cgroup = try FakeCgroup(files)
        defer { cgroup.remove() }
        return Throttling.read(procRoot: cgroup.path + "/proc", cgroupRoot: cgroup.path + "/fs")
    }

    @Test func `v2's counts are summed on the way to the root`() throws {
        let throttling = try read([
            "proc/self/cgroup": "0::/a/b\n",
            "fs/cpu.stat": "usage_usec 5\n",
            "fs/a/cpu.stat": "usage_usec 5\nnr_periods 9\nnr_throttled 2\nthrottled_usec 500000\n",
            "fs/a/b/cpu.stat": "nr_throttled 1\nthrottled_usec 250000\n",
            "fs/other/cpu.stat": "nr_throttled 100\nthrottled_usec 900000000\n",
        ])

        #expect(throttling == Throttling(periodCount: 3, seconds: 0.75))
    }

    @Test func `v1's are, and a hierarchy that is mounted twice counts once`() throws {
        let stat = "nr_periods 9\nnr_throttled 4\nthrottled_time 1500000000\n"
        let throttling = try read([
            "proc/self/cgroup": "3:cpu,cpuacct:/a\n", "fs/cpu/a/cpu.stat": stat,
            "fs/cpu,cpuacct/a/cpu.stat": stat,
        ])

        #expect(throttling == Throttling(periodCount: 4, seconds: 1.5))
    }

    @Test(arguments: [
        [:], ["fs/cpu.stat": ""], ["fs/cpu.stat": "nr_throttled"],
        ["fs/cpu.stat": "nr_throttled -1 throttled_usec x"],
        ["fs/cpu.stat": "nr_throttled 99999999999999999999"],
    ])
    func `what cannot be read counts nothing`(files: [String: String]) throws {
        #expect(try read(files) == Throttling())
    }

    private static let start = ContinuousClock.now

    private func decisions(
        quota: Double?, threadCount: Int, _ counts: [(Duration, Int)]
    ) -> [Bool?] {
        var now = 0
        var policy = SpinPolicy(quota: quota, threadCount: threadCount) {
            Throttling(periodCount: now)
        }
        return counts.map { time, count in
            now = count
            return policy.decision(at: Self.start + time)
        }
    }

    @Test func `threads spin again a second after they were throttled`() {
        let seconds = { Duration.milliseconds($0) }
        let counts = [
            (seconds(0), 7), (seconds(500), 9), (seconds(1000), 9), (seconds(2000), 9),
            (seconds(2500), 11), (seconds(3100), 11),
        ]

        #expect(
            decisions(quota: 2, threadCount: 2, counts) == [true, nil, false, true, nil, false])
    }

    @Test func `more threads than the quota has processors never spin`() {
        #expect(
            decisions(quota: 1.5, threadCount: 2, [(.zero, 0), (.seconds(2), 0)]) == [false, false])
    }

    @Test func `without a quota nothing is read and nothing changes`() {
        #expect(
            decisions(quota: nil, threadCount: 2, [(.zero, 0), (.seconds(2), 5)]) == [nil, nil])
    }
}
