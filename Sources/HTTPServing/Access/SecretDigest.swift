// SPDX-License-Identifier: Apache-2.0

internal import COpenSSL

/// SHA-256 of a secret, kept and compared in place of it.
///
/// How long a comparison takes can only depend on the digest, of which whoever tries secrets cannot choose
/// a single bit.
struct SecretDigest: Hashable, Sendable {
    private let words: SIMD4<UInt64>

    init(of secret: some StringProtocol) {
        let bytes = Array(secret.utf8)
        var words = SIMD4<UInt64>()
        withUnsafeMutableBytes(of: &words) {
            _ = SHA256(bytes, bytes.count, $0.assumingMemoryBound(to: UInt8.self).baseAddress)
        }
        self.words = words
    }

    /// Whether two digests are the same, by all of their bits.
    func isEqual(to other: SecretDigest) -> Bool {
        let difference = words ^ other.words
        return difference[0] | difference[1] | difference[2] | difference[3] == 0
    }
}
