// SPDX-License-Identifier: Apache-2.0

internal import ModelFile

/// Reads a family's hyper-parameters, `<architecture>.<key>`, within caps.
struct HyperParameters {
    let file: GGUFFile
    let architecture: String

    // Far above any published model; they keep products of sizes inside 64 bits.
    private static let maxLayerCount = 1024
    private static let maxWidth = 1 << 20
    private static let maxContextLength = 1 << 27

    /// A count or width in `range`.
    func int(_ key: String, in range: ClosedRange<Int>) throws(ModelError) -> Int {
        guard let value = try intIfPresent(key, in: range) else {
            throw .badHyperParameter(key: name(key), wanted: "\(range)", found: "nothing")
        }
        return value
    }

    /// A count or width in `range`, where the file has the key.
    func intIfPresent(_ key: String, in range: ClosedRange<Int>) throws(ModelError) -> Int? {
        guard let value = try read({ file throws(ModelFileError) in
            try file.intIfPresent(name(key))
        }) else { return nil }
        guard range.contains(value) else {
            throw .badHyperParameter(key: name(key), wanted: "\(range)", found: "\(value)")
        }
        return value
    }

    /// A finite number greater than 0.
    func positive(_ key: String, default fallback: Float? = nil) throws(ModelError) -> Float {
        let value = try read { file throws(ModelFileError) in try file.floatIfPresent(name(key)) }
        guard let value = value ?? fallback, value.isFinite, value > 0 else {
            throw .badHyperParameter(
                key: name(key), wanted: "a positive number", found: value.map { "\($0)" } ?? "nothing")
        }
        return value
    }

    /// A flag, where the file has the key.
    func boolIfPresent(_ key: String) throws(ModelError) -> Bool? {
        try read { file throws(ModelFileError) in try file.boolIfPresent(name(key)) }
    }

    /// A text, where the file has the key.
    func stringIfPresent(_ key: String) throws(ModelError) -> String? {
        try read { file throws(ModelFileError) in try file.stringIfPresent(name(key)) }
    }

    /// Transformer blocks (`block_count`).
    func layerCount() throws(ModelError) -> Int {
        try int("block_count", in: 1...Self.maxLayerCount)
    }

    /// Width of the residual stream (`embedding_length`).
    func hiddenSize() throws(ModelError) -> Int {
        try int("embedding_length", in: 1...Self.maxWidth)
    }

    /// Intermediate width of a dense layer (`feed_forward_length`).
    func feedForwardWidth() throws(ModelError) -> Int {
        try int("feed_forward_length", in: 1...Self.maxWidth)
    }

    /// Intermediate width of an expert (`expert_feed_forward_length`), else the dense width.
    func expertWidth() throws(ModelError) -> Int {
        if let width = try intIfPresent("expert_feed_forward_length", in: 0...Self.maxWidth), width > 0 {
            return width
        }
        return try feedForwardWidth()
    }

    /// Experts of a layer and how many a token visits (`expert_count`, `expert_used_count`).
    func experts() throws(ModelError) -> (count: Int, activeCount: Int) {
        let count = try int("expert_count", in: 1...4096)
        return (count, try int("expert_used_count", in: 1...count))
    }

    /// Positions that the model was trained for (`context_length`).
    func contextLength() throws(ModelError) -> Int {
        try int("context_length", in: 1...Self.maxContextLength)
    }

    private func name(_ key: String) -> String { "\(architecture).\(key)" }

    private func read<Value>(
        _ body: (GGUFFile) throws(ModelFileError) -> Value
    ) throws(ModelError) -> Value {
        do { return try body(file) } catch { throw .file(error) }
    }
}
