// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Decoding
import Foundation
import ModelFile
import ServerApp

/// `apus inspect`: what a model file holds and needs.
struct InspectCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "inspect",
        abstract: "Print a model file's architecture, sizes, metadata and tensors.")

    @Argument(help: "The model, a GGUF file; of a split one the first part.")
    var file: String

    @OptionGroup var metadata: MetadataOptions

    @Flag(help: "List every tensor.")
    var tensors = false

    func run() throws {
        let opened = try metadata.open(file)
        print("file            \(file)")
        let parts = opened.partCount > 1 ? " in \(opened.partCount) files" : ""
        print("format          GGUF v\(opened.version), \(opened.byteCount) bytes\(parts)")
        try reportingModelErrors(opened) {
            let summary = try ModelSummary(opened)
            printSummary(summary)
            printTypes(opened)
            printRequirements(opened)
        }
        print("\nmetadata")
        let overridden = Set(metadata.overrides.map(\.key))
        for key in opened.metadataKeys {
            guard let value = opened.metadata[key] else { continue }
            print("  \(key) = \(value)\(overridden.contains(key) ? "  (overridden)" : "")")
        }
        guard tensors else { return }
        print("\ntensors")
        for tensor in opened.tensors {
            let shape = tensor.shape.map(String.init).joined(separator: " × ")
            print("  \(tensor.name)  \(tensor.type.name)  [\(shape)]")
        }
    }

    private func printSummary(_ summary: ModelSummary) {
        print("architecture    \(summary.architecture)")
        print("parameters      \(summary.parameterCount)")
        print("active          \(summary.activeParameterCount) per token")
        if summary.expertCount > 0 {
            print("experts         \(summary.activeExpertCount) of \(summary.expertCount)")
        }
    }

    private func printTypes(_ file: GGUFFile) {
        var bytes: [TensorType: (count: Int, bytes: Int)] = [:]
        for tensor in file.tensors {
            bytes[tensor.type, default: (0, 0)].count += 1
            bytes[tensor.type, default: (0, 0)].bytes += tensor.byteCount
        }
        let types = bytes.sorted { $0.value.bytes > $1.value.bytes }.map {
            "\($0.key.name) × \($0.value.count)"
        }
        print("types           \(types.joined(separator: ", "))")
    }

    /// What serving takes; a family that is not built here says so and the rest is still printed.
    private func printRequirements(_ file: GGUFFile) {
        do {
            let packed = try ModelRequirements(file, storage: .packed)
            let mapped = try ModelRequirements(file, storage: .mapped)
            let length = packed.contextLength
            print("context         \(length) positions")
            print(
                "weights         \(MemoryLimit.gibibytes(packed.weightBytes)) packed; or "
                    + "\(MemoryLimit.gibibytes(mapped.weightBytes)) and "
                    + "\(MemoryLimit.gibibytes(mapped.mappedWeightBytes)) mapped")
            print(
                "embedding       \(MemoryLimit.gibibytes(packed.embeddingBytes)) at most, mapped")
            print(
                "scratch         \(MemoryLimit.gibibytes(packed.scratchBytes)) "
                    + "for steps of 512 tokens; \(MemoryLimit.gibibytes(mapped.scratchBytes)) "
                    + "with mapped weights")
            print(
                "KV              \(packed.kvPositionBytes(.standard)) bytes per position "
                    + "(\(KVType.standard.rawValue)), "
                    + MemoryLimit.gibibytes(packed.kvBytes(.standard, positionCount: length))
                    + " per full context")
            let most = packed.weightBytes + packed.embeddingBytes + packed.scratchBytes
            let least = mapped.weightBytes + mapped.scratchBytes
            print(
                "memory          \(MemoryLimit.gibibytes(most)) and the KV pool; with mapped weights "
                    + "\(MemoryLimit.gibibytes(least)), the KV pool and what is left for the file")
        } catch {
            print("not servable    \(error)")
        }
    }
}
