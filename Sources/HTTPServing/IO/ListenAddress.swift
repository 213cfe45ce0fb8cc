// SPDX-License-Identifier: Apache-2.0

/// Where a server listens.
package enum ListenAddress: Hashable, Sendable, CustomStringConvertible {
    /// An IPv4 or IPv6 address or a host name, and a port; port 0 lets the system choose. `::`
    /// takes IPv4 connections too.
    case internet(host: String, port: UInt16)
    /// The path of a Unix domain socket, and its mode as `chmod` takes it; one that a dead server left
    /// behind is replaced.
    case unix(path: String, mode: UInt32 = 0o600)

    /// As in an URL: `127.0.0.1:8080`, `[::1]:8080`, `unix:/run/apus.sock`.
    package var description: String {
        switch self {
        case .internet(let host, let port):
            host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
        case .unix(let path, _): "unix:\(path)"
        }
    }
}

/// Why a server cannot listen somewhere.
package enum ListenError: Error, Hashable, Sendable, CustomStringConvertible {
    case unknownHost(String, reason: String)
    case pathTooLong(String, maxBytes: Int)
    case notASocket(String)
    case refused(ListenAddress, SystemError)

    /// One line for the operator.
    package var description: String {
        switch self {
        case .unknownHost(let host, let reason): "cannot listen on '\(host)': \(reason)"
        case .pathTooLong(let path, let limit):
            "cannot listen on '\(path)': a socket path has at most \(limit) bytes"
        case .notASocket(let path):
            "cannot listen on '\(path)': something that is no socket is in its place"
        case .refused(let address, let error): "cannot listen on \(address): \(error)"
        }
    }
}
