// SPDX-License-Identifier: Apache-2.0

/// What the holder of a key may ask for; nil is without a limit.
package struct KeyLimits: Hashable, Sendable {
    /// Requests that start within a minute.
    package var maxRequestsPerMinute: Int?
    /// Requests that are answered at the same time.
    package var maxConcurrentRequests: Int?
    /// The share of the work beside others who have requests, in proportion to theirs.
    package var weight = 1

    /// No limits, or these.
    package init(maxRequestsPerMinute: Int? = nil, maxConcurrentRequests: Int? = nil) {
        self.maxRequestsPerMinute = maxRequestsPerMinute
        self.maxConcurrentRequests = maxConcurrentRequests
    }
}

/// A key that lets clients in; only its digest is kept.
package struct AccessKey: Hashable, Sendable {
    /// What logs, limits and routes call its holder.
    package let name: String
    /// What its holder may ask for.
    package let limits: KeyLimits
    let digest: SecretDigest

    /// A key with its name.
    package init(name: String, secret: String, limits: KeyLimits = KeyLimits()) {
        self.name = name
        self.limits = limits
        digest = SecretDigest(of: secret)
    }
}
