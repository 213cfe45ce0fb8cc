// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Foundation
import Glibc
import ServerApp

/// `apus health`: asks a server on this machine whether it is alive, for container health checks.
struct HealthCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "health", abstract: "Exit 0 if a server on this machine answers /health.",
        discussion: "A server that serves HTTPS is asked for a connection alone.")

    @Option(help: "The server's port; default: as the server finds it, see apus config.")
    var port: UInt16?

    @Option(help: ArgumentHelp("The server's Unix socket, in place of a port.", valueName: "path"))
    var unixSocket: String?

    @Option(help: ArgumentHelp("The server's configuration file.", valueName: "file"))
    var config: String?

    func run() throws {
        var network = try readSettings(flags: [:], path: config).configuration.network
        if let port {
            network.port = port
            network.unixSocket = nil
        }
        if let unixSocket { network.unixSocket = unixSocket }
        guard answers(network) else {
            printError("no healthy server on \(network.unixSocket ?? "port \(network.port)")")
            throw ExitCode(1)
        }
    }

    private func answers(_ network: NetworkConfiguration) -> Bool {
        let descriptor = socket(
            network.unixSocket == nil ? AF_INET : AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        var timeout = timeval(tv_sec: 5, tv_usec: 0)
        let size = socklen_t(MemoryLayout<timeval>.size)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &timeout, size)
        setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &timeout, size)
        let isConnected =
            network.unixSocket.map { connect(descriptor, toUnixSocket: $0) }
            ?? connect(descriptor, toLoopback: network.port)
        guard isConnected, network.tlsCertificate == nil else { return isConnected }
        let request = Array("GET /health HTTP/1.0\r\n\r\n".utf8)
        guard send(descriptor, request, request.count, Int32(MSG_NOSIGNAL)) == request.count
        else { return false }
        var answer = [UInt8](repeating: 0, count: 64)
        let count = recv(descriptor, &answer, answer.count, Int32(MSG_WAITALL))
        return count > 0 && answer.starts(with: Array("HTTP/1.1 200".utf8))
    }

    private func connect(_ descriptor: Int32, toUnixSocket path: String) -> Bool {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        guard path.utf8.count < MemoryLayout.size(ofValue: address.sun_path) else { return false }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        return connect(descriptor, to: &address)
    }

    private func connect(_ descriptor: Int32, toLoopback port: UInt16) -> Bool {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        return connect(descriptor, to: &address)
    }

    private func connect<Address>(_ descriptor: Int32, to address: inout Address) -> Bool {
        withUnsafeBytes(of: &address) { bytes in
            let name = bytes.assumingMemoryBound(to: sockaddr.self).baseAddress
            return Glibc.connect(descriptor, name, socklen_t(bytes.count)) == 0
        }
    }
}
