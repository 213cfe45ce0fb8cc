// SPDX-License-Identifier: Apache-2.0

/// SHA-256 of a secret, kept and compared in place of it.
///
/// How long a comparison takes can only depend on the digest, of which whoever tries secrets cannot choose
/// a single bit.
struct SecretDigest: Hashable, Sendable {
    private let words: SIMD4<UInt64>

    init(of secret: some StringProtocol) {
        let digest = SHA256Digest(of: Array(secret.utf8))
        words = digest.bytes.withUnsafeBytes { $0.loadUnaligned(as: SIMD4<UInt64>.self) }
    }

    /// Whether two digests are the same, by all of their bits.
    func isEqual(to other: SecretDigest) -> Bool {
        let difference = words ^ other.words
        return difference[0] | difference[1] | difference[2] | difference[3] == 0
    }
}
