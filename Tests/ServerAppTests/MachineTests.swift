// SPDX-License-Identifier: Apache-2.0

import Foundation
import ServerApp
import Testing

@Suite struct MachineTests {
    @Test(arguments: [
        ("10000", 1), ("50000", 1), ("100000", 1), ("149999", 1), ("150000", 2), ("200000", 2),
        ("350000", 4), ("900000", 4), ("9223372036854775807", 4),
    ])
    func `threads are the quota rounded, at least one`(
        quota: String, count: Int
    ) throws {
        let cgroup = try FakeCgroup([
            "cpu.max": "\(quota) 100000", "self/status": "Cpus_allowed:\tf\n",
        ])
        defer { cgroup.remove() }

        let processors = ProcessorCount.available(procRoot: cgroup.path, cgroupRoot: cgroup.path)

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

        let processors = ProcessorCount.available(procRoot: cgroup.path, cgroupRoot: cgroup.path)

        #expect(processors.count == ProcessInfo.processInfo.activeProcessorCount)
        #expect(!processors.reason.contains("quota"))
    }

    @Test(arguments: [("1", 1), ("ff", 8), ("80000000,00000000,00000005", 3), ("0", 1)])
    func `threads are the affinity mask, which a cpuset narrows`(mask: String, count: Int) throws {
        let cgroup = try FakeCgroup([
            "self/status": "Name:\tapus\nCpus_allowed:\t\(mask)\nCpus_allowed_list:\t0-99\n"
        ])
        defer { cgroup.remove() }

        let processors = ProcessorCount.available(procRoot: cgroup.path, cgroupRoot: cgroup.path)

        #expect(processors.count == count)
        #expect(processors.reason == "\(count) processors in the affinity mask")
        #expect(processors.quota == nil)
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

    @Test(arguments: ["", "user.slice/", "user.slice/apus.service/"])
    func `a v2 limit holds wherever it is on the way to the root`(tightest: String) throws {
        var files = [
            "proc/self/cgroup": "0::/user.slice/apus.service\n",
            "proc/meminfo": "MemAvailable: 1048576 kB\n",
            "fs/other.slice/cpu.max": "10000 100000\n", "fs/other.slice/memory.max": "1\n",
        ]
        for group in ["", "user.slice/", "user.slice/apus.service/"] {
            files["fs/\(group)cpu.max"] = "max 100000\n"
            files["fs/\(group)memory.max"] = "800000000\n"
        }
        files["fs/\(tightest)cpu.max"] = "75000 100000\n"
        files["fs/\(tightest)memory.current"] = "300000000\n"
        let cgroup = try FakeCgroup(files)
        defer { cgroup.remove() }

        #expect(cgroup.quotaReason.contains("quota 0.75"))
        #expect(cgroup.availableBytes == 500_000_000)
    }

    @Test(arguments: ["cpu", "cpu,cpuacct"], ["", "/system", "/system/a:b"])
    func `a v1 limit holds wherever it is on the way to the root`(
        mount: String, group: String
    ) throws {
        let cgroup = try FakeCgroup([
            "proc/self/cgroup":
                "5:cpu,cpuacct:/system/a:b\n4:memory:/system/a:b\n1:name=systemd:/x\n0::/x\n",
            "proc/meminfo": "MemAvailable: 1048576 kB\n",
            "fs/\(mount)\(group)/cpu.cfs_quota_us": "75000\n",
            "fs/\(mount)\(group)/cpu.cfs_period_us": "100000\n",
            "fs/memory\(group)/memory.limit_in_bytes": "800000000\n",
            "fs/memory\(group)/memory.usage_in_bytes": "500000000\n",
            "fs/memory\(group)/memory.stat": "inactive_file 1\ntotal_inactive_file 200000000\n",
        ])
        defer { cgroup.remove() }

        #expect(cgroup.quotaReason.contains("quota 0.75"))
        #expect(cgroup.availableBytes == 500_000_000)
    }

    @Test(arguments: [
        "0::/docker/0123\n", "0::/../outside\n", "0::/a/../../outside\n", "0::../outside\n",
        "5:cpu:/../../outside\n4:memory:/../../outside\n", "", "0:\n::::\n:\n0::\nnonsense",
    ])
    func `a group that cannot be found leaves the root's limits`(groups: String) throws {
        let cgroup = try FakeCgroup([
            "proc/self/cgroup": groups, "proc/meminfo": "MemAvailable: 1048576 kB\n",
            "fs/cpu.max": "75000 100000\n", "fs/memory.max": "500000000\n",
            "fs/a/tasks": "", "fs/cpu/tasks": "", "fs/memory/tasks": "",
            "outside/cpu.max": "10000 100000\n", "outside/memory.max": "1\n",
            "outside/cpu.cfs_quota_us": "10000\n", "outside/cpu.cfs_period_us": "100000\n",
            "outside/memory.limit_in_bytes": "1\n",
        ])
        defer { cgroup.remove() }

        #expect(cgroup.quotaReason.contains("quota 0.75"))
        #expect(cgroup.availableBytes == 500_000_000)
    }

    @Test(arguments: [
        ("9223372036854775807 1", "9223372036854775807", "9223372036854775807"),
        ("9223372036854775808 1", "9223372036854775808", "-9223372036854775808"),
        ("inf 1", "-1", "nan"), ("nan nan", "1e3", ""), ("1 0", "", "1"),
        ("-9223372036854775808 -1", "-9223372036854775808", "1"), ("1", "1 2", "max"),
    ])
    func `limits that are huge or malformed do not bind`(
        quota: String, limit: String, cached: String
    ) throws {
        let cgroup = try FakeCgroup([
            "proc/self/cgroup": "0::/a\n", "proc/meminfo": "MemAvailable: 1048576 kB\n",
            "fs/a/cpu.max": quota, "fs/a/memory.max": limit, "fs/a/memory.current": cached,
            "fs/a/memory.stat": "anon 1\ninactive_file \(cached)",
        ])
        defer { cgroup.remove() }

        let processors = ProcessorCount.available(
            procRoot: cgroup.path + "/proc", cgroupRoot: cgroup.path + "/fs")

        #expect(processors.count == ProcessInfo.processInfo.activeProcessorCount)
        #expect(cgroup.availableBytes == 1 << 30)
    }

    @Test(arguments: [("200000000", 500_000_000), ("9999999999", 800_000_000), ("-5", 300_000_000)])
    func `inactive page cache is not memory in use`(cached: String, available: Int) throws {
        let cgroup = try FakeCgroup([
            "proc/meminfo": "MemAvailable: 1048576 kB\n",
            "fs/memory.max": "800000000\n", "fs/memory.current": "500000000\n",
            "fs/memory.stat": "anon 7\ninactive_file \(cached)\nactive_file 9\n",
        ])
        defer { cgroup.remove() }

        #expect(cgroup.availableBytes == available)
    }
}
