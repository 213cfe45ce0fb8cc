// SPDX-License-Identifier: Apache-2.0

/// Sizes of multi-head latent attention.
struct LatentShape: Equatable {
    let headCount: Int
    /// Values of the latent that all heads' keys and values are made of.
    let rank: Int
    /// Values of a head's query and key that are compared without regard to position.
    let plainDimension: Int
    /// Values of a head's query that turn; the key's are shared by all heads.
    let rotaryDimension: Int
    /// Values of a head's value.
    let valueDimension: Int

    /// Values that are kept of a position: the latent, then the key that turned.
    var dimension: Int { rank + rotaryDimension }
    /// Values of a head's query.
    var queryDimension: Int { plainDimension + rotaryDimension }
}
