// SPDX-License-Identifier: Apache-2.0

/// Who may share computed prefixes: only sequences of equal namespaces do.
package struct CacheNamespace: Hashable, Sendable {
    /// The name of the API key that a request came with; nil where there are no keys.
    package let owner: String?
    /// What the client wants its prefixes kept apart by.
    package let salt: String?

    /// The namespace of one owner's requests with this salt.
    package init(owner: String? = nil, salt: String? = nil) {
        self.owner = owner
        self.salt = salt
    }
}
