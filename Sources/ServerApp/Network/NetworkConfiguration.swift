// SPDX-License-Identifier: Apache-2.0

internal import HTTPServing

/// How clients reach the server, and what they must show.
package struct NetworkConfiguration: Sendable {
    package var host = "127.0.0.1"
    /// 0 lets the system choose.
    package var port: UInt16 = 8080
    /// PEM file of the certificate and its issuers; nil serves plain HTTP.
    package var tlsCertificate: String?
    /// PEM file of the certificate's private key.
    package var tlsKey: String?
    /// PEM file of the authorities that clients' certificates must come from; nil asks for none.
    package var tlsClientAuthorities: String?

    package init() {}

    /// Where to listen.
    var address: ListenAddress { .internet(host: host, port: port) }

    /// The first relation between the settings that does not hold.
    var contradiction: String? {
        if (tlsCertificate == nil) != (tlsKey == nil) {
            return "TLS needs both a certificate and its key"
        }
        if tlsClientAuthorities != nil, tlsCertificate == nil {
            return
                "clients' certificates can only be asked for with a certificate of the server's own"
        }
        return nil
    }
}
