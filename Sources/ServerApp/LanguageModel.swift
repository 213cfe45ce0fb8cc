// SPDX-License-Identifier: Apache-2.0

package import Decoding
package import ModelFile
package import Tokenization

/// A model file with everything read from it that serving needs.
package struct LanguageModel {
    package let model: Model
    package let summary: ModelSummary
    package let tokenizer: Tokenizer

    /// Reads the vocabulary, then the weights on all threads of `team`.
    package init(
        _ file: GGUFFile, team: ThreadTeam, storage: WeightStorage = .packed,
        report: @escaping (LoadingProgress) -> Void = { _ in }
    ) throws(ModelError) {
        summary = try ModelSummary(file)
        tokenizer = try Tokenizer(file)
        model = try Model(file, team: team, storage: storage, report: report)
        guard tokenizer.vocabulary.count <= model.vocabularySize else {
            throw .tokenizer(
                "tokenizer.ggml.tokens has \(tokenizer.vocabulary.count) elements; the embedding has "
                    + "only \(model.vocabularySize) rows")
        }
    }
}
