// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Foundation
import ServerApp

/// How clients reach the server, and what they must show.
struct NetworkOptions: ParsableArguments {
    @Option(help: "The address to listen on.")
    var host = "127.0.0.1"

    @Option(help: "The port; 0 lets the system choose.")
    var port: UInt16 = 8080

    @Option(
        help: ArgumentHelp("Listen on this Unix socket in place of a port.", valueName: "path"))
    var unixSocket: String?

    @Option(
        help: ArgumentHelp(
            "Who may connect to it, octal as for chmod; default: 660.", valueName: "mode"))
    var unixSocketMode: String?

    @Option(
        name: .customLong("tls-certificate"),
        help: ArgumentHelp(
            "Serve HTTPS with this certificate, a PEM file with its issuers after it.",
            valueName: "file"))
    var tlsCertificate: String?

    @Option(
        name: .customLong("tls-key"),
        help: ArgumentHelp("The certificate's private key, PEM.", valueName: "file"))
    var tlsKey: String?

    @Option(
        name: .customLong("tls-client-ca"),
        help: ArgumentHelp(
            "Demand client certificates from these authorities, PEM.", valueName: "file"))
    var tlsClientAuthorities: String?

    @Option(
        name: .customLong("api-key-file"),
        help: ArgumentHelp(
            "Demand one of the API keys in this file: name:key, one a line. A single key can be "
                + "in the environment, as APUS_API_KEY.", valueName: "file"))
    var apiKeyFile: String?

    @Option(
        name: .customLong("key-requests-per-minute"),
        help: "Requests a minute of a key without a limit of its own; more get 429.")
    var maxRequestsPerMinute: Int?

    @Option(
        name: .customLong("key-concurrent-requests"),
        help: "Requests at the same time of a key without a limit of its own; more get 429.")
    var maxConcurrentRequests: Int?

    @Flag(name: .customLong("public-metrics"), help: "Answer /metrics without an API key.")
    var metricsArePublic = false

    @Option(
        name: .customLong("cors-allow-origin"),
        help: ArgumentHelp(
            "Let scripts of pages from this origin, or * for all, read answers. May be repeated.",
            valueName: "origin"))
    var corsOrigins: [String] = []

    @Option(help: "A line for each request on standard output: off, text or json.")
    var accessLog = AccessLogFormat.text

    func validate() throws {
        let limits = [
            ("--key-requests-per-minute", maxRequestsPerMinute),
            ("--key-concurrent-requests", maxConcurrentRequests),
        ]
        for (name, value) in limits {
            guard let value, !(1...1_000_000_000).contains(value) else { continue }
            throw ValidationError("\(name) goes from 1 to 1000000000")
        }
        guard let unixSocketMode else { return }
        guard unixSocket != nil else {
            throw ValidationError("--unix-socket-mode is for a --unix-socket")
        }
        guard let mode = UInt32(unixSocketMode, radix: 8), mode <= 0o777 else {
            throw ValidationError("--unix-socket-mode goes from 0 to 777, octal")
        }
    }

    /// The options, and the key that the environment has.
    var configuration: NetworkConfiguration {
        var network = NetworkConfiguration()
        network.host = host
        network.port = port
        network.unixSocket = unixSocket
        if let mode = unixSocketMode.flatMap({ UInt32($0, radix: 8) }) {
            network.unixSocketMode = mode
        }
        network.tlsCertificate = tlsCertificate
        network.tlsKey = tlsKey
        network.tlsClientAuthorities = tlsClientAuthorities
        network.apiKeyFile = apiKeyFile
        network.apiKey = ProcessInfo.processInfo.environment["APUS_API_KEY"]
        network.maxRequestsPerMinute = maxRequestsPerMinute
        network.maxConcurrentRequests = maxConcurrentRequests
        network.metricsArePublic = metricsArePublic
        network.corsOrigins = corsOrigins
        network.accessLog = accessLog
        return network
    }
}

extension AccessLogFormat: ExpressibleByArgument {}
