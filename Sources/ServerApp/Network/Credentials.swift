// SPDX-License-Identifier: Apache-2.0

internal import HTTPServing

/// What the files say of who the server is; they can be read again while it runs.
struct Credentials: Sendable {
    let tls: TLSContext?

    /// Reads the files.
    /// - Throws: `ServerError.configuration` for a file that cannot be used.
    init(_ network: NetworkConfiguration) throws(ServerError) {
        if let contradiction = network.contradiction { throw .configuration(contradiction) }
        tls = try Self.tls(network)
    }

    /// Whether there is any file to be read again.
    static func hasFiles(_ network: NetworkConfiguration) -> Bool { network.tlsCertificate != nil }

    private static func tls(_ network: NetworkConfiguration) throws(ServerError) -> TLSContext? {
        guard let certificate = network.tlsCertificate, let key = network.tlsKey else { return nil }
        do {
            return try TLSContext(
                TLSFiles(
                    certificate: certificate, key: key,
                    clientAuthorities: network.tlsClientAuthorities))
        } catch {
            throw .configuration("\(error)")
        }
    }
}
