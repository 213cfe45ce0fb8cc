// SPDX-License-Identifier: Apache-2.0

/// One model of `GET /v1/models`.
package struct ModelCard: Sendable, Equatable {
    /// The name that requests use.
    package var id: String
    /// Seconds since 1970 at which it was loaded.
    package var createdAt: Int
    /// Who provides it.
    package var ownedBy: String
    /// The longest context served, in tokens.
    package var maxContextLength: Int
    /// All weights.
    package var parameterCount: Int
    /// The weights that one token uses.
    package var activeParameterCount: Int
    /// The format most weights have, in its public spelling such as `Q4_K`.
    package var quantization: String

    /// A model as given.
    package init(
        id: String, createdAt: Int, ownedBy: String, maxContextLength: Int, parameterCount: Int,
        activeParameterCount: Int, quantization: String
    ) {
        self.id = id
        self.createdAt = createdAt
        self.ownedBy = ownedBy
        self.maxContextLength = maxContextLength
        self.parameterCount = parameterCount
        self.activeParameterCount = activeParameterCount
        self.quantization = quantization
    }

    /// The response body of `GET /v1/models/{id}`.
    package var body: [UInt8] {
        var writer = JSONWriter()
        write(to: &writer)
        return writer.bytes
    }

    func write(to writer: inout JSONWriter) {
        writer.beginObject()
        writer.member("id", id)
        writer.member("object", "model")
        writer.member("created", createdAt)
        writer.member("owned_by", ownedBy)
        writer.member("max_model_len", maxContextLength)
        writer.key("meta")
        writer.beginObject()
        writer.member("parameters", parameterCount)
        writer.member("active_parameters", activeParameterCount)
        writer.member("quantization", quantization)
        writer.endObject()
        writer.endObject()
    }
}

/// The models served, for `GET /v1/models`.
package struct ModelList: Sendable, Equatable {
    /// In the order of the answer.
    package var models: [ModelCard]

    /// The list of these models.
    package init(_ models: [ModelCard]) {
        self.models = models
    }

    /// The response body.
    package var body: [UInt8] {
        var writer = JSONWriter()
        writer.beginObject()
        writer.member("object", "list")
        writer.key("data")
        writer.array(models) { $1.write(to: &$0) }
        writer.endObject()
        return writer.bytes
    }

    /// The model with this id.
    ///
    /// - Throws: `APIError` 404 with the code `model_not_found`.
    package func model(_ id: String) throws(APIError) -> ModelCard {
        guard let model = models.first(where: { $0.id == id }) else { throw .modelNotFound(id) }
        return model
    }
}
