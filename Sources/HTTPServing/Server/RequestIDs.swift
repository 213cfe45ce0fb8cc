// SPDX-License-Identifier: Apache-2.0

/// Names requests in logs and answers: the client's own name for it, or the server's.
struct RequestIDs {
    /// Tells the names of one process from those of another.
    private let prefix = "req-" + String(UInt32.random(in: (1 << 28)...UInt32.max), radix: 16) + "-"
    private var count = 0
    private static let maxClientBytes = 128

    /// The client's `X-Request-Id` if it is fit for a log, else a new name.
    mutating func next(_ wanted: String?) -> String {
        if let wanted, !wanted.isEmpty, wanted.utf8.count <= Self.maxClientBytes,
            wanted.utf8.allSatisfy(Self.isPlain)
        {
            return wanted
        }
        count &+= 1
        return prefix + String(count, radix: 16)
    }

    /// Visible ASCII, but for what would end a quoted text.
    private static func isPlain(_ byte: UInt8) -> Bool {
        byte > 0x20 && byte < 0x7f && byte != UInt8(ascii: "\"") && byte != UInt8(ascii: "\\")
    }
}
