// SPDX-License-Identifier: Apache-2.0

internal import Foundation
internal import HTTPServing
internal import Logging

/// What files and environment say of who the server is and who may use it; the files can be read again while
/// it runs.
struct Credentials: Sendable {
    let tls: TLSContext?
    let access: AccessPolicy?
    /// What the operator should know and need not change.
    let warnings: [String]

    private static let environmentKeyName = "default"
    private static let maxKeyFileBytes = 4 << 20
    /// Below, a key can be guessed by trying.
    private static let minSafeKeyBytes = 16
    private static let publicPaths: Set<String> = ["/", "/health", "/ready", "/version"]

    /// Reads the files.
    /// - Throws: `ServerError.configuration` for a file that cannot be used.
    init(_ network: NetworkConfiguration) throws(ServerError) {
        if let contradiction = network.contradiction { throw .configuration(contradiction) }
        tls = try Self.tls(network)
        var warnings: [String] = []
        access = try Self.access(network, &warnings)
        self.warnings = warnings
    }

    /// Whether there is any file to be read again.
    static func hasFiles(_ network: NetworkConfiguration) -> Bool {
        network.tlsCertificate != nil || network.apiKeyFile != nil
    }

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

    private static func access(
        _ network: NetworkConfiguration, _ warnings: inout [String]
    ) throws(ServerError) -> AccessPolicy? {
        guard network.hasKeys else { return nil }
        let limits = KeyLimits(
            maxRequestsPerMinute: network.maxRequestsPerMinute,
            maxConcurrentRequests: network.maxConcurrentRequests)
        let source = network.apiKeyFile.map { "API keys '\($0)'" } ?? "APUS_API_KEY"
        do {
            var keys: [AccessKey] = []
            if let path = network.apiKeyFile {
                let text = try keyFile(path, &warnings)
                keys = try AccessKeyring.keys(parsing: text, defaultLimits: limits)
                if keys.isEmpty { throw KeyFileError.noKeys }
            }
            if let secret = network.apiKey {
                keys.append(try environmentKey(secret, limits, &warnings))
            }
            var paths = publicPaths
            if network.metricsArePublic { paths.insert("/metrics") }
            return AccessPolicy(keyring: try AccessKeyring(keys), publicPaths: paths)
        } catch let error as KeyFileError {
            throw .configuration("\(source): \(error)")
        } catch let error as ServerError {
            throw error
        } catch {
            throw .configuration("\(source): \(error)")
        }
    }

    private static func environmentKey(
        _ secret: String, _ limits: KeyLimits, _ warnings: inout [String]
    ) throws(ServerError) -> AccessKey {
        guard !secret.isEmpty, secret.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7f }) else {
            throw .configuration("APUS_API_KEY: a key is one or more visible ASCII characters")
        }
        if secret.utf8.count < minSafeKeyBytes {
            warnings.append("the key in APUS_API_KEY is shorter than \(minSafeKeyBytes) characters")
        }
        return AccessKey(name: environmentKeyName, secret: secret, limits: limits)
    }

    private static func keyFile(
        _ path: String, _ warnings: inout [String]
    ) throws(ServerError) -> String {
        guard let attributes = try? FileManager.default.attributesOfItem(atPath: path),
            let file = FileHandle(forReadingAtPath: path)
        else { throw .configuration("API keys '\(path)': the file is absent or unreadable") }
        defer { try? file.close() }
        guard let read = try? file.read(upToCount: maxKeyFileBytes + 1) ?? Data(),
            read.count <= maxKeyFileBytes, let text = String(data: read, encoding: .utf8)
        else {
            throw .configuration("API keys '\(path)': wanted up to 4 MiB of UTF-8 text")
        }
        let mode = (attributes[.posixPermissions] as? NSNumber)?.intValue ?? 0
        if mode & 0o044 != 0 { warnings.append("API keys '\(path)' can be read by other users") }
        return text
    }
}
