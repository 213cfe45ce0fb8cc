// SPDX-License-Identifier: Apache-2.0

extension JSONReader {
    /// Reads a request's body: one object, whose members go to `readMember`, but for those that are `null`:
    /// in OpenAI's API a null field is an absent one.
    static func readBody(
        _ body: [UInt8],
        _ readMember: (String, inout JSONReader) throws(APIError) -> Void
    ) throws(APIError) {
        var reader = JSONReader(body)
        let kind = try reader.peekKind()
        guard kind == .object else {
            throw .invalid(nil, "the body: wanted a JSON object, found \(kind.rawValue)")
        }
        try reader.beginObject()
        while let field = try reader.nextKey() {
            if try !reader.consumeNull() { try readMember(field, &reader) }
        }
        try reader.finish()
    }
}
