// SPDX-License-Identifier: Apache-2.0

import Foundation
import Glibc

@testable import HTTPServing

/// What this process holds of the system.
enum ProcessFootprint {
    /// Open descriptors, whatever they are.
    static var descriptorCount: Int {
        // The listing itself holds one.
        (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count - 1) ?? -1
    }

    /// Sockets of this process that a server on this port has accepted, so that tests that run
    /// beside do not disturb the count.
    static func acceptedCount(_ address: ListenAddress) -> Int {
        guard case .internet(_, let port) = address else { return -1 }
        let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd")) ?? []
        return names.count { name in
            guard let descriptor = Int32(name) else { return false }
            return self.port(descriptor, getpeername) != nil
                && self.port(descriptor, getsockname) == port
        }
    }

    /// Resident memory in KiB.
    static var residentKiB: Int {
        let status = (try? String(contentsOfFile: "/proc/self/status", encoding: .utf8)) ?? ""
        let line = status.split(separator: "\n").first { $0.hasPrefix("VmRSS:") } ?? ""
        return Int(line.filter(\.isNumber)) ?? 0
    }

    private typealias NameCall = (
        Int32, UnsafeMutablePointer<sockaddr>?, UnsafeMutablePointer<socklen_t>?
    ) -> Int32

    private static func port(_ descriptor: Int32, _ call: NameCall) -> UInt16? {
        var name = sockaddr_in()
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let result = withUnsafeMutablePointer(to: &name) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { call(descriptor, $0, &size) }
        }
        return result == 0 && name.sin_family == AF_INET ? UInt16(bigEndian: name.sin_port) : nil
    }
}
