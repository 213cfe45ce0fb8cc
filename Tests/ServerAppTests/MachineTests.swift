// SPDX-License-Identifier: Apache-2.0

import Foundation
import ServerApp
import Testing

/// A directory that looks like a cgroup file system.
private struct FakeCgroup {
    let path: String

    init(_ files: [String: String]) throws {
        let root = FileManager.default.temporaryDirectory.appending(
            path: "apus-cgroup-\(UUID().uuidString)")
        for (name, text) in files {
            let file = root.appending(path: name)
            try FileManager.default.createDirectory(
                at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
            try Data(text.utf8).write(to: file)
        }
        path = root.path
    }

    func remove() { try? FileManager.default.removeItem(atPath: path) }
}

@Suite struct MachineTests {
    @Test(arguments: [
        (["cpu.max": "150000 100000"], 1), (["cpu.max": "50000 100000"], 1),
        (["cpu/cpu.cfs_quota_us": "100000", "cpu/cpu.cfs_period_us": "100000"], 1),
    ])
    func `threads are the quota rounded down, at least one`(
        files: [String: String], count: Int
    ) throws {
        let cgroup = try FakeCgroup(files)
        defer { cgroup.remove() }

        let processors = ProcessorCount.available(cgroupRoot: cgroup.path)

        #expect(processors.count == count)
        #expect(processors.reason.contains("quota"))
    }

    @Test(arguments: [
        [:], ["cpu.max": "max 100000"], ["cpu.max": "nonsense"],
        ["cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"],
    ])
    func `without a quota threads are the affinity mask`(files: [String: String]) throws {
        let cgroup = try FakeCgroup(files)
        defer { cgroup.remove() }

        let processors = ProcessorCount.available(cgroupRoot: cgroup.path)

        #expect(processors.count == ProcessInfo.processInfo.activeProcessorCount)
        #expect(!processors.reason.contains("quota"))
    }

    @Test func `memory is the smaller of the system's and the cgroup's`() throws {
        let machine = try FakeCgroup(["meminfo": "MemTotal: 9 kB\nMemAvailable:  1048576 kB\n"])
        let small = try FakeCgroup(["memory.max": "536870912\n", "memory.current": "36870912\n"])
        let unlimited = try FakeCgroup(["memory.max": "max\n"])
        let old = try FakeCgroup([
            "memory/memory.limit_in_bytes": "300000000",
            "memory/memory.usage_in_bytes": "100000000",
        ])
        defer { for cgroup in [machine, small, unlimited, old] { cgroup.remove() } }

        func available(_ cgroup: FakeCgroup) -> Int {
            MemoryLimit.available(procRoot: machine.path, cgroupRoot: cgroup.path).availableBytes
        }

        #expect(available(small) == 500_000_000)
        #expect(available(unlimited) == 1 << 30)
        #expect(available(old) == 200_000_000)
    }
}
