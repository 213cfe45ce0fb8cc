// SPDX-License-Identifier: Apache-2.0

/// What the layers of a model keep of each position, and how it is cut into blocks.
///
/// Layers whose queries see the same positions can give up the same blocks, so a block holds 16 positions
/// of layers of one span only. Each sequence has a block table for every such *group* of layers; all
/// blocks take the same bytes, and come from one pool.
struct KVShape: Equatable {
    /// What one layer keeps of one position.
    enum Entry: Equatable {
        /// Of each KV head, a key and a value.
        case heads(count: Int, keyDimension: Int, valueDimension: Int)
        /// One latent of `dimension` values for all heads, of which the first `valueDimension` are read
        /// as values (multi-head latent attention).
        case latent(dimension: Int, valueDimension: Int)

        /// Bytes of 16 positions of one head, what fills lines and pairs included.
        func pageBytes(_ type: KVType) -> Int {
            func key(_ dimension: Int) -> Int {
                type.bytes(of16: type.pairs ? (dimension + 1) / 2 * 2 : dimension)
            }
            switch self {
            case .heads(_, let keyDimension, let valueDimension):
                return key(keyDimension) + type.bytes(of16: (valueDimension + 15) / 16 * 16)
            case .latent(let dimension, _):
                return key(dimension)
            }
        }
    }

    /// Where a layer's pages are: in which group's blocks, and at which place inside a block.
    struct Place: Equatable {
        let group: Int
        let slot: Int
    }

    let entry: Entry
    /// By layer.
    let places: [Place]
    /// By group.
    let spans: [AttentionSpan]
    /// Layers that a block has room for.
    let slotCount: Int

    /// One span for each layer.
    init(_ entry: Entry, spans layerSpans: [AttentionSpan]) {
        self.entry = entry
        var layers: [(span: AttentionSpan, layers: [Int])] = []
        for (layer, span) in layerSpans.enumerated() {
            if let index = layers.firstIndex(where: { $0.span == span }) {
                layers[index].layers.append(layer)
            } else {
                layers.append((span, [layer]))
            }
        }
        // The fewest layers of one span fill a block; where another span has more, it takes several
        // groups, whose last may leave room unused.
        slotCount = layers.map(\.layers.count).min() ?? 1
        var places = Array(repeating: Place(group: 0, slot: 0), count: layerSpans.count)
        var spans: [AttentionSpan] = []
        for (span, layers) in layers {
            for (index, layer) in layers.enumerated() {
                let slot = index % slotCount
                if slot == 0 { spans.append(span) }
                places[layer] = Place(group: spans.count - 1, slot: slot)
            }
        }
        self.places = places
        self.spans = spans
    }

    /// What a layer's queries see.
    func span(ofLayer layer: Int) -> AttentionSpan { spans[places[layer].group] }

    /// Heads that have a page each.
    var headCount: Int {
        switch entry {
        case .heads(let count, _, _): count
        case .latent: 1
        }
    }

    var keyDimension: Int {
        switch entry {
        case .heads(_, let keyDimension, _): keyDimension
        case .latent(let dimension, _): dimension
        }
    }

    var valueDimension: Int {
        switch entry {
        case .heads(_, _, let valueDimension): valueDimension
        case .latent(_, let valueDimension): valueDimension
        }
    }

    /// Bytes of one page: 16 positions of one head of one layer.
    func pageBytes(_ type: KVType) -> Int { entry.pageBytes(type) }

    /// Bytes of one block: 16 positions of every head of a group's layers.
    func blockBytes(_ type: KVType) -> Int { slotCount * headCount * pageBytes(type) }

    /// Whether a token's keys and values have other bits where it was generated than where it was given:
    /// latent attention computes the two by different sums.
    var tellsPromptTokensApart: Bool {
        switch entry {
        case .heads: false
        case .latent: true
        }
    }
}
