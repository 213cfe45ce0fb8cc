// SPDX-License-Identifier: Apache-2.0

package import Decoding
package import ModelFile

/// What `--weights` says.
package enum WeightChoice: String, Sendable, CaseIterable {
    /// Packed where they fit into memory, else mapped.
    case auto
    case packed
    case mapped
}

/// How a model is loaded.
package struct LoadingOptions: Sendable {
    package var weights = WeightChoice.auto
    /// Told what was decided, before anything is loaded.
    package var planned: @Sendable (WeightPlan) -> Void = { _ in }
    /// Told how far loading is, on the thread that loads.
    package var report: @Sendable (LoadingProgress) -> Void = { _ in }

    package init() {}
}

/// Where weights are kept, decided by what there is room for before anything is allocated.
package struct WeightPlan: Sendable {
    package let storage: WeightStorage
    /// What the model takes with weights kept there.
    package let requirements: ModelRequirements
    package let memory: MemoryLimit
    /// One line: what was decided, why, and the numbers.
    package let summary: String

    /// Decides for steps of up to `maxTokenCount` tokens on `threadCount` threads, beside which keys and
    /// values take `kvBytes` at least.
    ///
    /// - Throws: `ModelError.outOfResources` with the numbers when the model does not fit.
    package init(
        _ choice: WeightChoice, _ file: GGUFFile, maxTokenCount: Int, threadCount: Int,
        memory: MemoryLimit = .available(), kvBytes: (ModelRequirements) throws(ModelError) -> Int
    ) throws(ModelError) {
        func needs(_ storage: WeightStorage) throws(ModelError) -> (ModelRequirements, String?) {
            let needs = try ModelRequirements(
                file, storage: storage, maxTokenCount: maxTokenCount, threadCount: threadCount)
            return (needs, needs.shortage(storage, kvBytes: try kvBytes(needs), memory))
        }
        var storage: WeightStorage = choice == .mapped ? .mapped : .packed
        var (requirements, shortage) = try needs(storage)
        var reason = choice == .auto ? "they fit: \(memory.reason)" : "as asked"
        if choice == .auto, let packedShortage = shortage {
            storage = .mapped
            (requirements, shortage) = try needs(storage)
            reason = packedShortage
        }
        if let shortage { throw .outOfResources(shortage) }
        self.storage = storage
        self.requirements = requirements
        self.memory = memory
        let consequence =
            storage == .mapped ? "; slower, as each step packs what it multiplies with" : ""
        summary =
            "weights: \(storage.rawValue) (\(reason)), \(requirements.weightAmounts)\(consequence)"
    }

    /// Bytes that weights and scratch leave for keys and values.
    package var leftBytes: Int {
        memory.availableBytes - requirements.weightBytes - requirements.scratchBytes
    }
}

extension ModelRequirements {
    /// "3.41 GiB", or "0.01 GiB and 3.40 GiB mapped in the file".
    var weightAmounts: String {
        let mapped = "\(MemoryLimit.gibibytes(mappedWeightBytes)) mapped in the file"
        return MemoryLimit.gibibytes(weightBytes) + (mappedWeightBytes > 0 ? " and \(mapped)" : "")
    }

    /// What is missing for `kvBytes` of keys and values, with the numbers; nil where all fits.
    fileprivate func shortage(
        _ storage: WeightStorage, kvBytes: Int, _ memory: MemoryLimit
    ) -> String? {
        guard kvBytes > memory.availableBytes - weightBytes - scratchBytes else { return nil }
        return "\(storage.rawValue) weights need \(MemoryLimit.gibibytes(weightBytes)), steps "
            + "\(MemoryLimit.gibibytes(scratchBytes)), keys and values at least "
            + "\(MemoryLimit.gibibytes(kvBytes)); \(memory.reason)"
    }

    /// Bytes of the keys and values of `positionCount` positions when none are given back.
    func wholeKVBytes(_ type: KVType, positionCount: Int) -> Int {
        kvPositionBytes(type) * ((positionCount + 15) / 16 * 16)
    }
}
