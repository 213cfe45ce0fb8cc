// SPDX-License-Identifier: Apache-2.0

/// The most that a file may claim; each is several times what published models hold.
enum GGUFLimits {
    /// Metadata and tensor directory together; a vocabulary of 260,000 tokens takes 10 MB.
    static let maxHeaderBytes = 128 << 20
    /// Published models have under 200 keys.
    static let maxKeyCount = 1 << 16
    /// The specification's own limit.
    static let maxKeyBytes = 65_535
    /// Whole `tokenizer.json` files, embedded by some converters, take up to 35 MB.
    static let maxStringBytes = 64 << 20
    /// The largest published arrays are vocabularies and merges, under a million each.
    static let maxArrayCount = 1 << 24
    /// Unstacked experts of the largest mixture-of-experts models come to 48,000 tensors.
    static let maxTensorCount = 1 << 17
    /// The largest published models come in under 200 files.
    static let maxPartCount = 1024
    /// The specification says 64; some converters were built with 128.
    static let maxTensorNameBytes = 256
    /// The specification's own limit.
    static let maxDimensionCount = 4
    /// Kernels count in 32 bits.
    static let maxDimension = Int(Int32.max)
    /// The specification asks for multiples of 8; typed loads rely on it.
    static let minAlignment = 8
    /// Used where `general.alignment` is absent; given by the specification.
    static let defaultAlignment = 32
}
