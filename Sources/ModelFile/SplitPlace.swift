// SPDX-License-Identifier: Apache-2.0

/// What a file says of the split model that it is a part of.
///
/// Source: llama.cpp's `gguf-split`, which writes these keys into every part.
struct SplitPlace: Equatable {
    /// Which part it is, from 0 (`split.no`).
    var index: Int
    /// Parts in all (`split.count`).
    let partCount: Int
    /// Tensors of all parts together (`split.tensors.count`).
    let tensorCount: Int

    /// Nil where the file is a whole model: it has no `split.count`, or one of 0 or 1.
    init?(_ header: GGUFHeader, path: String) throws(ModelFileError) {
        func int(_ key: String, upTo limit: Int) throws(ModelFileError) -> Int {
            let wanted = "an integer from 0 to \(limit)"
            guard let value = header.metadata[key] else {
                throw .missingKey(path: path, key: key, wanted: wanted)
            }
            guard let integer = value.integer, (0...limit).contains(integer) else {
                throw .unsuitableValue(path: path, key: key, wanted: wanted, found: value.summary)
            }
            return integer
        }
        guard header.metadata["split.count"] != nil else { return nil }
        partCount = try int("split.count", upTo: GGUFLimits.maxPartCount)
        guard partCount > 1 else { return nil }
        index = try int("split.no", upTo: partCount - 1)
        tensorCount = try int("split.tensors.count", upTo: GGUFLimits.maxTensorCount)
    }
}

extension SplitPlace: CustomStringConvertible {
    var description: String {
        "part \(index + 1) of \(partCount) with \(tensorCount) tensors in all"
    }
}
