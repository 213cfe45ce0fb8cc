// SPDX-License-Identifier: Apache-2.0

/// Any JSON value, for what is passed on without being understood.
package indirect enum JSONValue: Sendable, Equatable {
    case null
    case boolean(Bool)
    case number(JSONNumber)
    case string(String)
    case array([JSONValue])
    /// Members in the order of the document, each key once.
    case object([Member])

    /// A key and its value.
    package struct Member: Sendable, Equatable {
        /// The key.
        package var key: String
        /// Its value.
        package var value: JSONValue

        /// A member as given.
        package init(_ key: String, _ value: JSONValue) {
            self.key = key
            self.value = value
        }
    }
}

extension JSONReader {
    /// Reads one value of any kind, whole.
    package mutating func readValue() throws(APIError) -> JSONValue {
        switch try peekKind() {
        case .object:
            var members: [JSONValue.Member] = []
            try beginObject()
            while let key = try nextKey() { members.append(.init(key, try readValue())) }
            return .object(members)
        case .array:
            var elements: [JSONValue] = []
            try beginArray()
            while try nextElement() { elements.append(try readValue()) }
            return .array(elements)
        case .string: return .string(try readString())
        case .number: return .number(try readNumber())
        case .boolean: return .boolean(try readBoolean())
        case .null:
            _ = try consumeNull()
            return .null
        }
    }
}
