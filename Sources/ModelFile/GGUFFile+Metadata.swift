// SPDX-License-Identifier: Apache-2.0

extension GGUFFile {
    /// An integer of any width.
    package func int(_ key: String) throws(ModelFileError) -> Int {
        try required(key, try intIfPresent(key), "an integer")
    }

    /// An integer of any width, or nil where the key is absent.
    package func intIfPresent(_ key: String) throws(ModelFileError) -> Int? {
        try converted(key, "an integer", \.integer)
    }

    /// A floating-point number of either width, rounded to `Float`.
    package func float(_ key: String) throws(ModelFileError) -> Float {
        try required(key, try floatIfPresent(key), "a float")
    }

    /// A floating-point number of either width, or nil where the key is absent.
    package func floatIfPresent(_ key: String) throws(ModelFileError) -> Float? {
        try converted(key, "a float") { value in
            switch value {
            case .float32(let float): float
            case .float64(let double): Float(double)
            default: nil
            }
        }
    }

    /// A truth value.
    package func bool(_ key: String) throws(ModelFileError) -> Bool {
        try required(key, try boolIfPresent(key), "a bool")
    }

    /// A truth value, or nil where the key is absent.
    package func boolIfPresent(_ key: String) throws(ModelFileError) -> Bool? {
        try converted(key, "a bool") { value in
            if case .bool(let bool) = value { bool } else { nil }
        }
    }

    /// A string; bytes that are not UTF-8 become U+FFFD.
    package func string(_ key: String) throws(ModelFileError) -> String {
        try required(key, try stringIfPresent(key), "a string")
    }

    /// A string, or nil where the key is absent; bytes that are not UTF-8 become U+FFFD.
    package func stringIfPresent(_ key: String) throws(ModelFileError) -> String? {
        try converted(key, "a string", \.text)
    }

    /// An array of integers of any width.
    package func ints(_ key: String) throws(ModelFileError) -> [Int] {
        try required(key, try intsIfPresent(key), "an array of integers")
    }

    /// An array of integers of any width, or nil where the key is absent.
    package func intsIfPresent(_ key: String) throws(ModelFileError) -> [Int]? {
        try converted(key, "an array of integers") { $0.array?.integers }
    }

    /// An array of floating-point numbers of either width, rounded to `Float`.
    package func floats(_ key: String) throws(ModelFileError) -> [Float] {
        try required(key, try floatsIfPresent(key), "an array of floats")
    }

    /// An array of floating-point numbers, or nil where the key is absent.
    package func floatsIfPresent(_ key: String) throws(ModelFileError) -> [Float]? {
        try converted(key, "an array of floats") { value in
            switch value.array {
            case .float32(let floats): floats
            case .float64(let doubles): doubles.map { Float($0) }
            default: nil
            }
        }
    }

    /// An array of truth values.
    package func bools(_ key: String) throws(ModelFileError) -> [Bool] {
        try required(key, try boolsIfPresent(key), "an array of bools")
    }

    /// An array of truth values, or nil where the key is absent.
    package func boolsIfPresent(_ key: String) throws(ModelFileError) -> [Bool]? {
        try converted(key, "an array of bools") { value in
            if case .bool(let bools) = value.array { bools } else { nil }
        }
    }

    /// An array of strings; bytes that are not UTF-8 become U+FFFD.
    package func strings(_ key: String) throws(ModelFileError) -> [String] {
        try stringBytes(key).texts
    }

    /// An array of strings, or nil where the key is absent; bad UTF-8 becomes U+FFFD.
    package func stringsIfPresent(_ key: String) throws(ModelFileError) -> [String]? {
        try stringBytesIfPresent(key)?.texts
    }

    /// An array of strings as the bytes that the file holds.
    package func stringBytes(_ key: String) throws(ModelFileError) -> ByteStrings {
        try required(key, try stringBytesIfPresent(key), "an array of strings")
    }

    /// An array of strings as bytes, or nil where the key is absent.
    package func stringBytesIfPresent(_ key: String) throws(ModelFileError) -> ByteStrings? {
        try converted(key, "an array of strings") { value in
            if case .strings(let strings) = value.array { strings } else { nil }
        }
    }

    /// One integer per layer, where a file may give an array or one integer for all.
    package func intOrInts(_ key: String, count: Int) throws(ModelFileError) -> [Int] {
        let wanted = "an integer or an array of \(count) integers"
        return try required(key, try intOrIntsIfPresent(key, count: count), wanted)
    }

    /// One integer per layer, or nil where the key is absent.
    package func intOrIntsIfPresent(
        _ key: String, count: Int
    ) throws(ModelFileError) -> [Int]? {
        try converted(key, "an integer or an array of \(count) integers") { value in
            if let integer = value.integer { return Array(repeating: integer, count: count) }
            guard let integers = value.array?.integers, integers.count == count else { return nil }
            return integers
        }
    }

    /// The converted value of a key, nil where it is absent, an error where it does not convert.
    private func converted<Value>(
        _ key: String, _ wanted: String, _ convert: (MetadataValue) -> Value?
    ) throws(ModelFileError) -> Value? {
        guard let found = metadata[key] else { return nil }
        guard let value = convert(found) else {
            throw .unsuitableValue(
                path: path, key: key, wanted: wanted, found: found.summary)
        }
        return value
    }

    private func required<Value>(
        _ key: String, _ value: Value?, _ wanted: String
    ) throws(ModelFileError) -> Value {
        guard let value else { throw .missingKey(path: path, key: key, wanted: wanted) }
        return value
    }
}
