// SPDX-License-Identifier: Apache-2.0

import HTTPTypes

/// Who may ask for what.
package struct AccessPolicy: Sendable {
    /// The keys; a request must show one of them.
    package var keyring: AccessKeyring
    /// Paths that are answered to anybody.
    package var publicPaths: Set<String>

    /// These keys for all but these paths.
    package init(keyring: AccessKeyring, publicPaths: Set<String>) {
        self.keyring = keyring
        self.publicPaths = publicPaths
    }
}

/// The policy in force, and what each key has used of its limits.
struct AccessControl {
    private(set) var policy: AccessPolicy
    private var allowances: [String: RequestAllowance] = [:]

    init(_ policy: AccessPolicy) {
        self.policy = policy
    }

    /// The key that a request shows; nil where its path needs none.
    /// - Throws: `Refusal.missingKey` or `wrongKey`.
    func identify(_ head: HTTPRequest) throws(Refusal) -> AccessKey? {
        let path = (head.path ?? "/").prefix { $0 != "?" }
        if policy.publicPaths.contains(String(path)) { return nil }
        guard let authorization = head.headerFields[.authorization] else { throw .missingKey }
        let parts = authorization.split(separator: " ", maxSplits: 1)
        guard parts.count == 2, parts[0].lowercasedASCII == "bearer",
            let key = policy.keyring.key(withSecret: parts[1])
        else { throw .wrongKey }
        return key
    }

    /// Counts a request of a key.
    mutating func start(_ key: AccessKey, now: UInt64) throws(Refusal) {
        var allowance = allowances[key.name] ?? RequestAllowance(key.limits, now: now)
        defer { allowances[key.name] = allowance }
        try allowance.start(now: now)
    }

    /// Counts the end of a request of a key.
    mutating func finish(_ name: String) { allowances[name]?.finish() }

    /// Takes other keys; those that stay keep what they have used.
    mutating func replace(_ policy: AccessPolicy) {
        self.policy = policy
        for key in policy.keyring.keys { allowances[key.name]?.limits = key.limits }
    }

    /// Requests that a key is being answered; for tests.
    func runningCount(_ name: String) -> Int { allowances[name]?.runningCount ?? 0 }
}
