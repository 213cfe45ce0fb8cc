// SPDX-License-Identifier: Apache-2.0

/// Reading request fields: each method takes the field's name for its error. Names are autoclosures
/// because an indexed one such as `prompt[3]` is only built when it is needed.
extension JSONReader {
    /// Reads a string.
    mutating func readText(_ param: @autoclosure () -> String) throws(APIError) -> String {
        try require(.string, param())
        return try readString()
    }

    /// Reads a string of at most `maxBytes` UTF-8 bytes that is not empty.
    mutating func readText(
        _ param: @autoclosure () -> String, maxBytes: Int
    ) throws(APIError) -> String {
        let text = try readText(param())
        guard (1...maxBytes).contains(text.utf8.count) else {
            throw .invalid(
                param(), wanted: "a string of 1 to \(maxBytes) bytes",
                found: "\(text.utf8.count) bytes")
        }
        return text
    }

    /// Reads a boolean.
    mutating func readFlag(_ param: @autoclosure () -> String) throws(APIError) -> Bool {
        try require(.boolean, param())
        return try readBoolean()
    }

    /// Reads an integer in `range`; `16.0` counts as 16.
    mutating func readInteger(
        _ param: @autoclosure () -> String, in range: ClosedRange<Int64>
    ) throws(APIError) -> Int64 {
        let kind = try peekKind()
        let found: String
        if kind == .number {
            let number = try readNumber()
            if let integer = number.exactInteger, range.contains(integer) { return integer }
            found = number.description
        } else {
            found = kind.rawValue
        }
        throw .invalid(
            param(), wanted: "an integer from \(range.lowerBound) to \(range.upperBound)",
            found: found)
    }

    /// Reads an integer in `range` as an `Int`.
    mutating func readCount(
        _ param: @autoclosure () -> String, in range: ClosedRange<Int>
    ) throws(APIError) -> Int {
        let bounds = Int64(range.lowerBound)...Int64(range.upperBound)
        return Int(try readInteger(param(), in: bounds))
    }

    /// Reads a token id; whether the vocabulary has it is for `CompletionRequest.validate` to say.
    mutating func readTokenID(_ param: @autoclosure () -> String) throws(APIError) -> Int32 {
        Int32(try readInteger(param(), in: 0...Int64(Int32.max)))
    }

    /// Reads an array of token ids, which may be empty.
    mutating func readTokenIDs(
        _ param: String, maxCount: Int = .max
    ) throws(APIError) -> [Int32] {
        var ids: [Int32] = []
        try beginArray(param)
        while try nextElement() {
            guard ids.count < maxCount else {
                throw .invalid(param, wanted: "at most \(maxCount) ids", found: "more")
            }
            ids.append(try readTokenID("\(param)[\(ids.count)]"))
        }
        return ids
    }

    /// Reads a number in `range`, above its lower bound where `excludesLowerBound` says so.
    mutating func readNumber(
        _ param: @autoclosure () -> String, in range: ClosedRange<Double>,
        excludesLowerBound: Bool = false
    ) throws(APIError) -> Double {
        let kind = try peekKind()
        let found: String
        if kind == .number {
            let number = try readNumber()
            let isExcluded = excludesLowerBound && number.double == range.lowerBound
            if range.contains(number.double) && !isExcluded { return number.double }
            found = number.description
        } else {
            found = kind.rawValue
        }
        let lowerBound = excludesLowerBound ? "above" : "from"
        throw .invalid(
            param(), wanted: "a number \(lowerBound) \(range.lowerBound) to \(range.upperBound)",
            found: found)
    }

    /// Steps into an array that is a field's value.
    mutating func beginArray(_ param: @autoclosure () -> String) throws(APIError) {
        try require(.array, param())
        try beginArray()
    }

    /// Steps into an object that is a field's value.
    mutating func beginObject(_ param: @autoclosure () -> String) throws(APIError) {
        try require(.object, param())
        try beginObject()
    }

    private mutating func require(
        _ wanted: JSONKind, _ param: @autoclosure () -> String
    ) throws(APIError) {
        let found = try peekKind()
        guard found == wanted else {
            throw .invalid(param(), wanted: wanted.rawValue, found: found.rawValue)
        }
    }
}
