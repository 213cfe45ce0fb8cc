// SPDX-License-Identifier: Apache-2.0

internal import ModelFile

/// Reads a family's hyper-parameters, `<architecture>.<key>`, within caps.
struct HyperParameters {
    let file: GGUFFile
    let architecture: String

    // Far above any published model; they keep products of sizes inside 64 bits.
    static let maxWidth = 1 << 20
    static let maxHeadCount = 1024
    static let maxHeadDimension = 4096
    static let maxLayerCount = 1024
    private static let maxExpertCount = 4096
    static let maxContextLength = 1 << 27

    /// Reads which architecture the file holds, and refuses what is no model.
    init(_ file: GGUFFile) throws(ModelError) {
        self.file = file
        let type: String?
        do {
            architecture = try file.string("general.architecture")
            type = try file.stringIfPresent("general.type")
        } catch { throw .file(error) }
        guard type == nil || type == "model" else {
            throw .unsupported("a file of type \(type?.quoted ?? ""); wanted a model")
        }
    }

    /// A count or width in `range`.
    func int(_ key: String, in range: ClosedRange<Int>) throws(ModelError) -> Int {
        guard let value = try intIfPresent(key, in: range) else {
            throw .badHyperParameter(key: name(key), wanted: "\(range)", found: "nothing")
        }
        return value
    }

    /// A count or width in `range`, where the file has the key; an array of one value per layer is
    /// that value when all are equal.
    func intIfPresent(_ key: String, in range: ClosedRange<Int>) throws(ModelError) -> Int? {
        guard let value = try uniformInt(key) else { return nil }
        guard range.contains(value) else {
            throw .badHyperParameter(key: name(key), wanted: "\(range)", found: "\(value)")
        }
        return value
    }

    /// A finite number greater than 0.
    func positive(_ key: String, default fallback: Float? = nil) throws(ModelError) -> Float {
        let value = try floatIfPresent(key)
        guard let value = value ?? fallback, value.isFinite, value > 0 else {
            throw .badHyperParameter(
                key: name(key), wanted: "a positive number",
                found: value.map { "\($0)" } ?? "nothing")
        }
        return value
    }

    /// A number, where the file has the key.
    func floatIfPresent(_ key: String) throws(ModelError) -> Float? {
        try read { file throws(ModelFileError) in try file.floatIfPresent(name(key)) }
    }

    /// A flag, where the file has the key.
    func boolIfPresent(_ key: String) throws(ModelError) -> Bool? {
        try read { file throws(ModelFileError) in try file.boolIfPresent(name(key)) }
    }

    /// A text, where the file has the key.
    func stringIfPresent(_ key: String) throws(ModelError) -> String? {
        try read { file throws(ModelFileError) in try file.stringIfPresent(name(key)) }
    }

    /// Whether the file has the key.
    func contains(_ key: String) -> Bool { file.metadata[name(key)] != nil }

    /// The key as the file spells it.
    func name(_ key: String) -> String { "\(architecture).\(key)" }

    private func uniformInt(_ key: String) throws(ModelError) -> Int? {
        guard file.metadata[name(key)]?.array != nil else {
            return try read { file throws(ModelFileError) in try file.intIfPresent(name(key)) }
        }
        let values = try read { file throws(ModelFileError) in try file.ints(name(key)) }
        guard let first = values.first, values.allSatisfy({ $0 == first }) else {
            throw .badHyperParameter(
                key: name(key), wanted: "the same number for every layer",
                found: "\(Set(values).sorted().prefix(8))")
        }
        return first
    }

    private func read<Value>(
        _ body: (GGUFFile) throws(ModelFileError) -> Value
    ) throws(ModelError) -> Value {
        do { return try body(file) } catch { throw .file(error) }
    }
}

/// The sizes that every family has.
extension HyperParameters {
    /// Layers that tokens go through: `block_count` less those for predicting further tokens.
    func layerCount() throws(ModelError) -> Int {
        let count = try int("block_count", in: 1...Self.maxLayerCount)
        return count - (try nextTokenLayerCount())
    }

    /// Layers for predicting further tokens, which come last (`nextn_predict_layers`).
    ///
    /// Some writers that leave them out count them all the same, others do not: then the last layers are
    /// such as any.
    func nextTokenLayerCount() throws(ModelError) -> Int {
        let count = try int("block_count", in: 1...Self.maxLayerCount)
        let stated = try intIfPresent("nextn_predict_layers", in: 0...count - 1) ?? 0
        let first = "blk.\(count - stated)."
        let isOrdinary =
            file.tensor(first + "attn_norm.weight") != nil
            && file.tensor(first + "nextn.eh_proj.weight") == nil
        return isOrdinary ? 0 : stated
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
        try width("expert_feed_forward_length", default: feedForwardWidth)
    }

    /// A width that some writers leave out or give as 0 where another one is meant.
    func width(
        _ key: String, default fallback: () throws(ModelError) -> Int
    ) throws(ModelError) -> Int {
        let width = try intIfPresent(key, in: 0...Self.maxWidth) ?? 0
        return width > 0 ? width : try fallback()
    }

    /// Whether layers have experts (`expert_count`).
    func hasExperts() throws(ModelError) -> Bool {
        try intIfPresent("expert_count", in: 0...Self.maxExpertCount) ?? 0 > 0
    }

    /// Experts of a layer and how many a token visits (`expert_count`, `expert_used_count`).
    func experts() throws(ModelError) -> (count: Int, activeCount: Int) {
        let count = try int("expert_count", in: 1...Self.maxExpertCount)
        return (count, try int("expert_used_count", in: 1...count))
    }

    /// Positions that can be computed as the model was trained: `context_length` and, where layers do not
    /// heed it, no more than `attention.sliding_window`.
    func contextLength(heedsWindow: Bool) throws(ModelError) -> Int {
        let length = try int("context_length", in: 1...Self.maxContextLength)
        guard !heedsWindow else { return length }
        let window = try intIfPresent("attention.sliding_window", in: 0...Int(Int32.max)) ?? 0
        return window > 0 ? min(length, window) : length
    }
}
