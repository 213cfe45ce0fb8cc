// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import ServerApp

/// How clients reach the server, and what they must show.
struct NetworkOptions: ParsableArguments {
    @Option(help: "The address to listen on.")
    var host = "127.0.0.1"

    @Option(help: "The port; 0 lets the system choose.")
    var port: UInt16 = 8080

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

    var configuration: NetworkConfiguration {
        var network = NetworkConfiguration()
        network.host = host
        network.port = port
        network.tlsCertificate = tlsCertificate
        network.tlsKey = tlsKey
        network.tlsClientAuthorities = tlsClientAuthorities
        return network
    }
}
