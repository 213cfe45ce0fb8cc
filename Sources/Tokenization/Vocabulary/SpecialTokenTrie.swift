// SPDX-License-Identifier: Apache-2.0

/// The tokens that are split out of text before anything else, found longest first.
struct SpecialTokenTrie: Sendable {
    /// From a node and a byte to the next node; node 0 is the root.
    private var edges: [UInt64: UInt32] = [:]
    /// The token that ends at each node.
    private var tokens: [(id: Int32, isControl: Bool)?] = [nil]
    /// Whether a token begins with the byte: most bytes of a text are passed over by this alone.
    private var begins = [Bool](repeating: false, count: 256)

    init(_ tokens: TokenBytes, _ types: [TokenType]) {
        for (id, type) in types.enumerated() {
            switch type {
            case .control, .unknown: insert(Int32(id), tokens, isControl: true)
            case .userDefined: insert(Int32(id), tokens, isControl: false)
            case .normal, .unused, .byte: continue
            }
        }
    }

    private mutating func insert(_ id: Int32, _ tokenBytes: TokenBytes, isControl: Bool) {
        let bytes = tokenBytes[id]
        guard let first = bytes.first else { return }
        begins[Int(first)] = true
        var node: UInt32 = 0
        for byte in bytes {
            let next = edges[Self.edge(node, byte)] ?? UInt32(tokens.count)
            if next == tokens.count {
                edges[Self.edge(node, byte)] = next
                tokens.append(nil)
            }
            node = next
        }
        if tokens[Int(node)] == nil { tokens[Int(node)] = (id, isControl) }
    }

    /// The longest token that begins at `index`, and where it ends.
    ///
    /// Control tokens count only if `parseControl`.
    func match(
        in bytes: [UInt8], at index: Int, parseControl: Bool
    ) -> (id: Int32, end: Int)? {
        guard begins[Int(bytes[index])] else { return nil }
        var node: UInt32 = 0
        var index = index
        var longest: (id: Int32, end: Int)?
        while index < bytes.count, let next = edges[Self.edge(node, bytes[index])] {
            node = next
            index += 1
            if let token = tokens[Int(node)], parseControl || !token.isControl {
                longest = (token.id, index)
            }
        }
        return longest
    }

    private static func edge(_ node: UInt32, _ byte: UInt8) -> UInt64 {
        UInt64(node) << 8 | UInt64(byte)
    }
}
