// SPDX-License-Identifier: Apache-2.0

internal import Foundation

/// The control groups whose limits hold for this process: its own and every ancestor.
///
/// cgroup v2 has one hierarchy, mounted at the root; v1 has one per controller, mounted below it.
/// `/proc/self/cgroup` names this process's group in each. A container may see only its own group,
/// mounted as the root, under a path from outside: directories that do not exist limit nothing.
/// Source: the Linux kernel's admin-guide/cgroup-v2.rst, admin-guide/cgroup-v1/cgroups.rst,
/// admin-guide/cgroup-v1/memory.rst and scheduler/sched-bwc.rst.
struct Cgroup {
    private let root: String
    /// Path components by controller; the v2 hierarchy's controller is empty.
    private let components: [String: [Substring]]

    init(procRoot: String, root: String) {
        self.root = root
        var components: [String: [Substring]] = [:]
        let text = (try? String(contentsOfFile: "\(procRoot)/self/cgroup", encoding: .utf8)) ?? ""
        for line in text.split(separator: "\n") {
            // hierarchy:controllers:path, where the path itself may contain colons.
            let fields = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
            guard fields.count == 3, let path = Self.components(fields[2]) else { continue }
            for controller in fields[1].split(separator: ",", omittingEmptySubsequences: false) {
                components[String(controller)] = path
            }
        }
        self.components = components
    }

    /// The v2 hierarchy's directories, the root first.
    var unifiedDirectories: [String] { directories(below: root, controller: "") }

    /// A v1 controller's directories, the root first, below each place where it may be mounted.
    func legacyDirectories(controller: String, mounts: [String]) -> [String] {
        mounts.flatMap { directories(below: "\(root)/\($0)", controller: controller) }
    }

    /// The file's words; nil if it cannot be read.
    static func words(_ path: String) -> [Substring]? {
        (try? String(contentsOfFile: path, encoding: .utf8))?.split(whereSeparator: \.isWhitespace)
    }

    /// The counts of a file in which names and counts alternate; what is none is left out.
    static func statistics(_ path: String) -> [Substring: Int] {
        let words = words(path) ?? []
        var counts: [Substring: Int] = [:]
        for index in stride(from: 0, to: words.count - 1, by: 2) {
            counts[words[index]] = Int(words[index + 1]).flatMap { $0 < 0 ? nil : $0 }
        }
        return counts
    }

    /// The file's only word as a count; nil for "max", "-1" and whatever else is none.
    static func count(_ path: String) -> Int? {
        guard let words = words(path), words.count == 1 else { return nil }
        return Int(words[0]).flatMap { $0 < 0 ? nil : $0 }
    }

    private func directories(below mount: String, controller: String) -> [String] {
        var directories = [mount]
        for component in components[controller] ?? [] {
            directories.append("\(directories[directories.count - 1])/\(component)")
        }
        return directories
    }

    /// Nil for a path that leaves the root, as of a process outside this cgroup namespace.
    private static func components(_ path: Substring) -> [Substring]? {
        let components = path.split(separator: "/")
        return path.hasPrefix("/") && !components.contains("..") ? components : nil
    }
}
