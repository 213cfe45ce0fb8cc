// SPDX-License-Identifier: Apache-2.0

internal import HTTPServing

/// How clients reach the server, and what they must show.
package struct NetworkConfiguration: Sendable {
    package var host = "127.0.0.1"
    /// 0 lets the system choose.
    package var port: UInt16 = 8080
    /// Path of a Unix socket to listen on in place of host and port.
    package var unixSocket: String?
    /// Who may connect to it, as `chmod` takes it.
    package var unixSocketMode: UInt32 = 0o660

    /// PEM file of the certificate and its issuers; nil serves plain HTTP.
    package var tlsCertificate: String?
    /// PEM file of the certificate's private key.
    package var tlsKey: String?
    /// PEM file of the authorities that clients' certificates must come from; nil asks for none.
    package var tlsClientAuthorities: String?

    /// File with a key to a line; with no such file and no `apiKey`, nobody needs one.
    package var apiKeyFile: String?
    /// One key more, named `default`; not an option, as everybody can read those of a process.
    package var apiKey: String?
    /// Limits of keys that have none of their own.
    package var maxRequestsPerMinute: Int?
    package var maxConcurrentRequests: Int?
    /// Whether `/metrics` is answered without a key.
    package var metricsArePublic = false
    /// Whether `/metrics` has vLLM's names beside ours.
    package var exportsVLLMNames = false

    /// Origins of pages whose scripts may read answers; `*` for all.
    package var corsOrigins: [String] = []
    package var accessLog = AccessLogFormat.text

    package init() {}

    /// Where to listen.
    var address: ListenAddress {
        if let unixSocket { return .unix(path: unixSocket, mode: unixSocketMode) }
        return .internet(host: host, port: port)
    }

    /// The first relation between the settings that does not hold.
    var contradiction: String? {
        if (tlsCertificate == nil) != (tlsKey == nil) {
            return "\(tlsKey == nil ? "tls-key" : "tls-certificate") is missing: "
                + "TLS needs both a certificate and its key"
        }
        if tlsClientAuthorities != nil, tlsCertificate == nil {
            return "tls-client-ca without tls-certificate: clients' certificates can only be asked "
                + "for with a certificate of the server's own"
        }
        if unixSocket != nil, tlsCertificate != nil {
            return
                "unix-socket and tls-certificate exclude each other: a Unix socket is protected by its mode"
        }
        if !hasKeys, maxRequestsPerMinute != nil || maxConcurrentRequests != nil {
            let name =
                maxRequestsPerMinute == nil ? "key-concurrent-requests" : "key-requests-per-minute"
            return "\(name) without api-key-file: limits of API keys need API keys"
        }
        if !corsOrigins.isEmpty, CORSPolicy(origins: corsOrigins) == nil {
            return "cors-allow-origin: wanted '*' or origins such as https://chat.example, found "
                + corsOrigins.joined(separator: " ")
        }
        return nil
    }

    /// Whether clients need a key.
    var hasKeys: Bool { apiKeyFile != nil || apiKey != nil }
}

/// How each request is written to standard output.
package enum AccessLogFormat: String, CaseIterable, Sendable {
    case off
    /// A line to read.
    case text
    /// A JSON object to a line.
    case json
}
