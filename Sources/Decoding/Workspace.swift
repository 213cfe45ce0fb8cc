// SPDX-License-Identifier: Apache-2.0

internal import CKernels

/// Row-major float32 rows [T, stride]; the stride is a multiple of 16, so that strips fit.
struct Rows {
    private let base: UnsafeMutablePointer<Float>
    let stride: Int

    init(_ memory: Memory, capacity: Int, width: Int) throws(ModelError) {
        stride = (width + 15) / 16 * 16
        base = try memory.allocate(Float.self, count: capacity * stride)
    }

    subscript(row: Int) -> UnsafeMutablePointer<Float> { base + row * stride }
}

/// Rows that matrices are multiplied with: float32, and int8 beside it where weights are quantised.
struct Activations {
    let rows: Rows
    let width: Int
    /// Values of a row that have an int8 form; 0 where no weight is quantised.
    private let quantizedWidth: Int
    private let quantize:
        @convention(c) (UnsafePointer<Float>?, Int, UnsafeMutableRawPointer?) -> Void
    private let floatColumns: UnsafeMutablePointer<UnsafeRawPointer?>
    private let quantizedColumns: UnsafeMutablePointer<UnsafeRawPointer?>
    private let quantizedRows: UnsafeMutableRawPointer
    private let quantizedStride: Int

    init(
        _ memory: Memory, capacity: Int, width: Int, isa: apus_isa, quantizes: Bool
    ) throws(ModelError) {
        guard let quantize = apus_quantize(isa) else {
            throw .unsupported("instruction set \(isa.rawValue)")
        }
        // Layers share the rows, and the widest need not be one whose weights are quantised: int8 groups
        // of 32 go on to the end of the row, and a narrower matrix reads those of its own width.
        let group = Int(APUS_GROUP_COLUMNS)
        quantizedWidth = quantizes ? (width + group - 1) / group * group : 0
        rows = try Rows(memory, capacity: capacity, width: max(width, quantizedWidth))
        self.width = width
        self.quantize = quantize
        quantizedStride = apus_activation_bytes(quantizedWidth)
        floatColumns = try memory.allocate(UnsafeRawPointer?.self, count: capacity)
        quantizedColumns = try memory.allocate(UnsafeRawPointer?.self, count: capacity)
        quantizedRows = try memory.allocate(byteCount: quantizedStride * capacity)
        for row in 0..<capacity {
            floatColumns[row] = UnsafeRawPointer(rows[row])
            quantizedColumns[row] = UnsafeRawPointer(quantizedRows + row * quantizedStride)
        }
    }

    /// The columns, in row order, in the form that `matrix` takes.
    func columns(for matrix: Matrix) -> UnsafePointer<UnsafeRawPointer?> {
        precondition(
            matrix.width <= (matrix.takesQuantizedColumns ? quantizedWidth : width),
            "a matrix that is wider than its input")
        return UnsafePointer(matrix.takesQuantizedColumns ? quantizedColumns : floatColumns)
    }

    /// Brings the int8 form of a row up to date with its float32 form.
    func updateQuantized(row: Int) {
        if quantizedWidth > 0 {
            quantize(rows[row], quantizedWidth, quantizedRows + row * quantizedStride)
        }
    }
}

/// What each thread needs for itself inside a phase.
struct WorkerScratch {
    /// Columns that one pass over a strip takes: their int8 form (64 × 2 KB) stays in a 1 MB L2.
    static let columnTile = 64

    /// Where the columns of the tile send their 16 results.
    let outputs: UnsafeMutablePointer<UnsafeMutablePointer<Float>?>
    /// Two tiles of results [columnTile, 16]; `first` lies where `firstOutputs` points.
    let first: UnsafeMutablePointer<Float>
    let second: UnsafeMutablePointer<Float>
    let firstOutputs: UnsafeMutablePointer<UnsafeMutablePointer<Float>?>
    let secondOutputs: UnsafeMutablePointer<UnsafeMutablePointer<Float>?>
    /// Strips of one matrix, or of two that are multiplied side by side, which are packed for one work item;
    /// empty where weights are packed.
    let firstStrips: UnsafeMutableRawBufferPointer
    let secondStrips: UnsafeMutableRawBufferPointer
    let attention: UnsafeMutablePointer<Float>
    /// Keys and values expanded from latents, where layers have latent attention.
    let expansion: LatentExpansion?

    init(
        _ memory: Memory, shape: WorkspaceShape, kvType: KVType, isa: apus_isa
    ) throws(ModelError) {
        outputs = try memory.allocate(UnsafeMutablePointer<Float>?.self, count: Self.columnTile)
        first = try memory.allocate(Float.self, count: Self.columnTile * 16)
        second = try memory.allocate(Float.self, count: Self.columnTile * 16)
        firstOutputs = try memory.allocate(
            UnsafeMutablePointer<Float>?.self, count: Self.columnTile)
        secondOutputs = try memory.allocate(
            UnsafeMutablePointer<Float>?.self, count: Self.columnTile)
        let stripBytes =
            shape.mappedStripBytes == 0
            ? 0 : max(shape.mappedStripBytes, StripPlan.maxItemBytes)
        firstStrips = try Self.strips(memory, byteCount: stripBytes)
        secondStrips = try Self.strips(memory, byteCount: stripBytes)
        attention = try memory.allocate(
            Float.self,
            count: max(
                apus_attention_scratch(shape.keyDimension, shape.valueDimension),
                shape.latent.map { apus_latent_scratch($0.dimension, $0.rank) } ?? 0))
        expansion = try LatentExpansion(memory, shape: shape.latent, kvType: kvType, isa: isa)
        for column in 0..<Self.columnTile {
            firstOutputs[column] = first + column * 16
            secondOutputs[column] = second + column * 16
        }
    }

    private static func strips(
        _ memory: Memory, byteCount: Int
    ) throws(ModelError) -> UnsafeMutableRawBufferPointer {
        UnsafeMutableRawBufferPointer(
            start: byteCount == 0 ? nil : try memory.allocate(byteCount: byteCount),
            count: byteCount)
    }
}

/// The largest sizes that any layer of a model asks for; layers add theirs in `reserve(in:)`.
struct WorkspaceShape {
    var hiddenSize = 0
    /// Queries, keys and values of one token, each padded to 16.
    var projectionWidth = 0
    /// Attention output of one token.
    var attendedWidth = 0
    /// Intermediate width of a dense or shared feed-forward.
    var feedForwardWidth = 0
    /// Blocks of the model that have experts, ascending.
    var expertLayers: [Int] = []
    var expertCount = 0
    var activeExpertCount = 0
    var expertWidth = 0
    /// Whether experts take inputs that were weighed.
    var weighsExpertInput = false
    var keyDimension = 0
    var valueDimension = 0
    /// By `RotaryEmbedding.slot`.
    var rotaryPairCounts: [Int] = []
    /// Where layers have latent attention.
    var latent: LatentShape?
    /// Rank of its queries; 0 where they are projected directly.
    var lowRankQueryWidth = 0
    /// Whether any matrix takes int8 activations.
    var quantizes = false
    /// The largest strip that is packed each time it is multiplied; 0 where all are packed.
    var mappedStripBytes = 0
}
