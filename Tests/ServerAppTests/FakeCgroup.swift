// SPDX-License-Identifier: Apache-2.0

import Foundation
import ServerApp

/// A directory that looks like a cgroup or proc file system, or holds one of each.
struct FakeCgroup {
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

    /// Of a process whose proc file system is in `proc`, its cgroups in `fs`.
    var quotaReason: String {
        ProcessorCount.available(procRoot: path + "/proc", cgroupRoot: path + "/fs").reason
    }

    var availableBytes: Int {
        MemoryLimit.available(procRoot: path + "/proc", cgroupRoot: path + "/fs").availableBytes
    }

    func remove() { try? FileManager.default.removeItem(atPath: path) }
}
