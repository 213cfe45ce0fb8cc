// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Foundation
import HTTPServing
import ServerApp

/// `apus health`: asks a server on this machine whether it is alive, for container health checks.
struct HealthCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "health",
        abstract: "Exit 0 if a server on this machine answers /health, over HTTP or HTTPS.")

    @Option(help: "The server's port; default: as the server finds it, see apus config.")
    var port: UInt16?

    @Option(help: ArgumentHelp("The server's Unix socket, in place of a port.", valueName: "path"))
    var unixSocket: String?

    @Option(help: ArgumentHelp("The server's configuration file.", valueName: "file"))
    var config: String?

    @Option(
        name: .customLong("tls-certificate"),
        help: ArgumentHelp(
            "The client certificate to show to a server that demands one, PEM.", valueName: "file"))
    var tlsCertificate: String?

    @Option(
        name: .customLong("tls-key"),
        help: ArgumentHelp("The client certificate's private key, PEM.", valueName: "file"))
    var tlsKey: String?

    func validate() throws {
        guard (tlsCertificate == nil) == (tlsKey == nil) else {
            throw ValidationError("--tls-certificate and --tls-key belong together")
        }
    }

    func run() throws {
        signal(SIGPIPE, SIG_IGN)
        let target = try target()
        let probe: HealthProbe
        do { probe = try HealthProbe(target, clientCertificate: clientCertificate) } catch {
            printError("\(error)")
            throw ExitStatus.badConfiguration
        }
        guard probe.isHealthy() else {
            printError("no healthy server on \(name(of: target))")
            throw ExitCode(1)
        }
    }

    /// What was asked for, else where the server's settings put it.
    private func target() throws -> HealthProbe.Target {
        if let unixSocket { return .unixSocket(unixSocket) }
        if let port { return .port(port) }
        let network = try readSettings(flags: [:], path: config).configuration.network
        return network.unixSocket.map { .unixSocket($0) } ?? .port(network.port)
    }

    private func name(of target: HealthProbe.Target) -> String {
        switch target {
        case .port(let port): "port \(port)"
        case .unixSocket(let path): path
        }
    }

    private var clientCertificate: TLSFiles? {
        guard let tlsCertificate, let tlsKey else { return nil }
        return TLSFiles(certificate: tlsCertificate, key: tlsKey)
    }
}
