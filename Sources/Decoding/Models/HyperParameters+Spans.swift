// SPDX-License-Identifier: Apache-2.0

internal import ModelFile

/// Which layers see only part of a sequence.
extension HyperParameters {
    /// Whether each layer is local: `attention.sliding_window_pattern` as flags, or as the period whose last
    /// layer sees everything; `fallback` is the period where the file says nothing.
    func localLayers(period fallback: Int) throws(ModelError) -> [Bool] {
        let key = "attention.sliding_window_pattern"
        let layerCount = try layerCount()
        guard file.metadata[name(key)]?.array != nil else {
            let period =
                try intIfPresent(key, in: 1...HyperParameters.maxLayerCount) ?? fallback
            return (0..<layerCount).map { ($0 + 1) % period != 0 }
        }
        let flags: [Bool]
        do { flags = try file.bools(name(key)) } catch { throw .file(error) }
        guard flags.count >= layerCount else {
            throw .badHyperParameter(
                key: name(key), wanted: "a flag for each of \(layerCount) layers",
                found: "\(flags.count)")
        }
        return Array(flags.prefix(layerCount))
    }

    /// `local` in the local layers, everything in the others.
    func spans(
        _ local: AttentionSpan, period: Int
    ) throws(ModelError) -> [AttentionSpan] {
        try localLayers(period: period).map { $0 ? local : .full }
    }

    /// Positions that a query of a local layer sees (`attention.sliding_window`).
    func slidingWindow() throws(ModelError) -> Int {
        try int("attention.sliding_window", in: 1...Int(Int32.max))
    }

    /// The same; nothing where the file has none, or 0.
    func windowIfPresent() throws(ModelError) -> Int? {
        let length = try intIfPresent("attention.sliding_window", in: 0...Int(Int32.max))
        return length == 0 ? nil : length
    }
}
