// SPDX-License-Identifier: Apache-2.0

internal import COpenSSL

/// SHA-256 of a message (FIPS 180-4).
package struct SHA256Digest: Hashable, Sendable {
    /// 32 bytes.
    package let bytes: [UInt8]

    package init(of message: [UInt8]) {
        bytes = [UInt8](unsafeUninitializedCapacity: Int(SHA256_DIGEST_LENGTH)) { buffer, count in
            _ = SHA256(message, message.count, buffer.baseAddress)
            count = buffer.count
        }
    }
}
