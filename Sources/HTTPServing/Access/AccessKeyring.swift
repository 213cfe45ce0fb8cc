// SPDX-License-Identifier: Apache-2.0

/// The keys that let clients in.
package struct AccessKeyring: Hashable, Sendable {
    /// All keys, in the order in which they were given; never none.
    package let keys: [AccessKey]

    private static let maxKeyCount = 10_000
    private static let maxNameBytes = 64
    private static let maxSecretBytes = 512
    private static let maxLimit = 1_000_000_000
    private static let maxWeight = 1000

    /// Several keys.
    /// - Throws: `KeyFileError` if there is none, or two have one name or one secret.
    package init(_ keys: [AccessKey]) throws(KeyFileError) {
        guard !keys.isEmpty else { throw .noKeys }
        guard keys.count <= Self.maxKeyCount else { throw .tooManyKeys(maxCount: Self.maxKeyCount) }
        var names: Set<String> = []
        var digests: Set<SecretDigest> = []
        for key in keys {
            guard names.insert(key.name).inserted else { throw .repeatedName(key.name) }
            guard digests.insert(key.digest).inserted else { throw .repeatedSecret(key.name) }
        }
        self.keys = keys
    }

    /// Reads the lines of a key file: `name:key`, with limits of its own after blanks.
    ///
    /// ```
    /// # a comment
    /// alice:sk-2f7c…
    /// nightly:sk-90ab… requests_per_minute=600 concurrent_requests=4 weight=2
    /// ```
    package static func keys(
        parsing text: String, defaultLimits: KeyLimits
    ) throws(KeyFileError) -> [AccessKey] {
        var keys: [AccessKey] = []
        let lines = text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
        for (index, line) in lines.enumerated() {
            let words = line.split { $0 == " " || $0 == "\t" }
            guard let first = words.first, !first.hasPrefix("#") else { continue }
            guard keys.count < maxKeyCount else { throw .tooManyKeys(maxCount: maxKeyCount) }
            let limits = try limits(words.dropFirst(), defaultLimits, line: index + 1)
            keys.append(try key(first, limits, line: index + 1))
        }
        return keys
    }

    /// The key with this secret. Goes through all of them, whichever it is.
    func key(withSecret secret: some StringProtocol) -> AccessKey? {
        let digest = SecretDigest(of: secret)
        var found: Int?
        for index in keys.indices where keys[index].digest.isEqual(to: digest) { found = index }
        return found.map { keys[$0] }
    }

    private static func key(
        _ text: Substring, _ limits: KeyLimits, line: Int
    ) throws(KeyFileError) -> AccessKey {
        guard let colon = text.firstIndex(of: ":") else { throw .noColon(line: line) }
        let name = text[..<colon]
        let secret = text[text.index(after: colon)...]
        guard !name.isEmpty, name.utf8.count <= maxNameBytes, name.utf8.allSatisfy(isNameByte)
        else {
            throw .badName(line: line)
        }
        guard !secret.isEmpty, secret.utf8.count <= maxSecretBytes,
            secret.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7f })
        else { throw .badSecret(line: line) }
        return AccessKey(name: String(name), secret: String(secret), limits: limits)
    }

    private static func limits(
        _ words: ArraySlice<Substring>, _ defaultLimits: KeyLimits, line: Int
    ) throws(KeyFileError) -> KeyLimits {
        var limits = defaultLimits
        for word in words {
            let parts = word.split(separator: "=", omittingEmptySubsequences: false)
            guard parts.count == 2, let value = Int(parts[1]), value >= 1, value <= maxLimit else {
                throw .badLimit(line: line)
            }
            switch parts[0] {
            case "requests_per_minute": limits.maxRequestsPerMinute = value
            case "concurrent_requests": limits.maxConcurrentRequests = value
            case "weight" where value <= maxWeight: limits.weight = value
            default: throw .badLimit(line: line)
            }
        }
        return limits
    }

    private static func isNameByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"),
            UInt8(ascii: "-"):
            true
        default: false
        }
    }
}

/// Why keys cannot be used. No message has a part of a key.
package enum KeyFileError: Error, Hashable, Sendable, CustomStringConvertible {
    case noKeys
    case tooManyKeys(maxCount: Int)
    case noColon(line: Int)
    case badName(line: Int)
    case badSecret(line: Int)
    case badLimit(line: Int)
    case repeatedName(String)
    case repeatedSecret(String)

    /// One line for the operator.
    package var description: String {
        switch self {
        case .noKeys: "there is no key in it"
        case .tooManyKeys(let count): "there are more than \(count) keys in it"
        case .noColon(let line): "line \(line): wanted name:key, found no colon"
        case .badName(let line):
            "line \(line): a name has 1 to 64 letters, digits, dots, dashes or underscores"
        case .badSecret(let line): "line \(line): a key has 1 to 512 visible ASCII characters"
        case .badLimit(let line):
            "line \(line): after the key only requests_per_minute=N, concurrent_requests=N and weight=N "
                + "(1 to 1000) may follow"
        case .repeatedName(let name): "the name '\(name)' is there twice"
        case .repeatedSecret(let name): "the key of '\(name)' is there twice"
        }
    }
}
