// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import HTTPServing

struct AccessKeyringTests {
    private func keys(_ text: String, _ limits: KeyLimits = KeyLimits()) throws -> [AccessKey] {
        try AccessKeyring.keys(parsing: text, defaultLimits: limits)
    }

    @Test func `a digest is SHA-256`() {
        // FIPS 180-2, appendix B.1: the digest of "abc" begins with ba7816bf 8f01cfea.
        let digest = SecretDigest(of: "abc")
        let first = withUnsafeBytes(of: digest) { Array($0.prefix(8)) }

        #expect(first == [0xba, 0x78, 0x16, 0xbf, 0x8f, 0x01, 0xcf, 0xea])
        #expect(digest.isEqual(to: SecretDigest(of: "abc")))
        #expect(!digest.isEqual(to: SecretDigest(of: "abd")))
    }

    @Test func `lines become keys with names and limits`() throws {
        let found = try keys(
            """
            # people

            alice:sk-1:with:colons
              bob:sk-2   requests_per_minute=60\tconcurrent_requests=2
            carol:sk-3 weight=4 concurrent_requests=9\r
            """, KeyLimits(maxRequestsPerMinute: 5))

        #expect(found.map(\.name) == ["alice", "bob", "carol"])
        #expect(found[0].limits == KeyLimits(maxRequestsPerMinute: 5))
        #expect(found[1].limits == KeyLimits(maxRequestsPerMinute: 60, maxConcurrentRequests: 2))
        var carol = KeyLimits(maxRequestsPerMinute: 5, maxConcurrentRequests: 9)
        carol.weight = 4
        #expect(found[2].limits == carol)
        let ring = try AccessKeyring(found)
        #expect(ring.key(withSecret: "sk-1:with:colons")?.name == "alice")
        #expect(ring.key(withSecret: "sk-2")?.name == "bob")
        #expect(ring.key(withSecret: "sk-3")?.name == "carol")
        for wrong in ["", "sk-", "sk-1", "sk-22", "SK-2", "alice:sk-1:with:colons", " sk-2", "#"] {
            #expect(ring.key(withSecret: wrong) == nil)
        }
    }

    @Test(arguments: [
        ("secret", KeyFileError.noColon(line: 1)), (":secret", .badName(line: 1)),
        ("a b:secret", .badLimit(line: 1)), ("a/b:secret", .badName(line: 1)),
        ("\nname:", .badSecret(line: 2)), ("name:s\u{e9}cret", .badSecret(line: 1)),
        ("name: secret", .badLimit(line: 1)), ("n:s requests_per_minute=0", .badLimit(line: 1)),
        ("n:s requests_per_minute=-1", .badLimit(line: 1)), ("n:s rpm=1", .badLimit(line: 1)),
        ("n:s requests_per_minute=1000000001", .badLimit(line: 1)),
        ("n:s requests_per_minute=1=1", .badLimit(line: 1)),
        ("n:s weight=0", .badLimit(line: 1)), ("n:s weight=1001", .badLimit(line: 1)),
        (String(repeating: "n", count: 65) + ":secret", .badName(line: 1)),
        ("n:" + String(repeating: "s", count: 513), .badSecret(line: 1)),
    ])
    func `a line that is wrong is named, and its key is not`(text: String, error: KeyFileError) {
        #expect(throws: error) { try keys(text) }
        #expect(!error.description.contains("secret"))
    }

    @Test func `no keys and keys that come twice are refused`() {
        #expect(throws: KeyFileError.noKeys) { try AccessKeyring(try keys("# nobody\n")) }
        #expect(throws: KeyFileError.repeatedName("a")) {
            try AccessKeyring(try keys("a:1\na:2\n"))
        }
        #expect(throws: KeyFileError.repeatedSecret("b")) {
            try AccessKeyring(try keys("a:1\nb:1\n"))
        }
    }
}

struct RequestAllowanceTests {
    private let second: UInt64 = 1_000_000_000

    @Test func `a minute's requests may come at once, then as fast as the bucket refills`() throws {
        var allowance = RequestAllowance(KeyLimits(maxRequestsPerMinute: 3), now: 0)

        for _ in 0..<3 { try allowance.start(now: 0) }
        #expect(throws: Refusal.rateLimited(maxPerMinute: 3, retryAfterSeconds: 20)) {
            try allowance.start(now: 0)
        }
        #expect(throws: Refusal.rateLimited(maxPerMinute: 3, retryAfterSeconds: 1)) {
            try allowance.start(now: 20 * second - 1)
        }
        try allowance.start(now: 20 * second)
        #expect(throws: Refusal.self) { try allowance.start(now: 20 * second) }
        for _ in 0..<3 { try allowance.start(now: 3600 * second) }
        #expect(throws: Refusal.self) { try allowance.start(now: 3600 * second) }
    }

    @Test func `what was refused is not counted, what ended is given back`() throws {
        var allowance = RequestAllowance(
            KeyLimits(maxRequestsPerMinute: 100, maxConcurrentRequests: 2), now: 0)

        try allowance.start(now: 0)
        try allowance.start(now: 0)
        for _ in 0..<1000 {
            #expect(throws: Refusal.tooManyRunning(maxCount: 2)) { try allowance.start(now: 0) }
        }
        allowance.finish()
        try allowance.start(now: 0)

        #expect(allowance.runningCount == 2)
    }

    @Test func `a key without limits has none`() throws {
        var allowance = RequestAllowance(KeyLimits(), now: 5)
        for _ in 0..<100_000 { try allowance.start(now: 0) }
    }
}
