// SPDX-License-Identifier: Apache-2.0

import ModelFile

/// The Python dictionary literal of a `.npy` header, as far as headers use the language.
struct PythonDictionary {
    private(set) var values: [String: Value] = [:]
    private var rest: ArraySlice<UInt8>

    enum Value: Equatable {
        case string(String)
        case bool(Bool)
        case tuple([Int])
    }

    init(_ text: ArraySlice<UInt8>) {
        rest = text
    }

    /// Reads `{'key': value, …}` and white space to the end.
    mutating func read() throws(NumPyDefect) {
        try expect("{")
        while !accept("}") {
            let key = try string()
            try expect(":")
            guard values.updateValue(try value(), forKey: key) == nil else {
                throw unexpected("each key once")
            }
            if !accept(",") {
                try expect("}")
                break
            }
        }
        skipSpace()
        guard rest.isEmpty else { throw unexpected("the end of the header") }
    }

    private mutating func value() throws(NumPyDefect) -> Value {
        if accept("True") { return .bool(true) }
        if accept("False") { return .bool(false) }
        if accept("(") { return .tuple(try tuple()) }
        return .string(try string())
    }

    private mutating func tuple() throws(NumPyDefect) -> [Int] {
        var numbers: [Int] = []
        while !accept(")") {
            numbers.append(try number())
            if !accept(",") {
                try expect(")")
                break
            }
        }
        return numbers
    }

    private mutating func number() throws(NumPyDefect) -> Int {
        skipSpace()
        let digits = rest.prefix { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
        guard let number = Int(String(decoding: digits, as: UTF8.self)) else {
            throw unexpected("a dimension")
        }
        rest = rest.dropFirst(digits.count)
        return number
    }

    private mutating func string() throws(NumPyDefect) -> String {
        skipSpace()
        guard let quote = rest.first, quote == UInt8(ascii: "'") || quote == UInt8(ascii: "\"")
        else { throw unexpected("a string") }
        let content = rest.dropFirst().prefix { $0 != quote && $0 != UInt8(ascii: "\\") }
        rest = rest.dropFirst(1 + content.count)
        guard rest.first == quote else { throw unexpected("the end of a string") }
        rest = rest.dropFirst()
        return String(decoding: content, as: UTF8.self)
    }

    private mutating func accept(_ token: String) -> Bool {
        skipSpace()
        guard rest.starts(with: token.utf8) else { return false }
        rest = rest.dropFirst(token.utf8.count)
        return true
    }

    private mutating func expect(_ token: String) throws(NumPyDefect) {
        guard accept(token) else { throw unexpected("'\(token)'") }
    }

    private mutating func skipSpace() {
        rest = rest.drop { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\n") }
    }

    private func unexpected(_ wanted: String) -> NumPyDefect {
        let next = String(decoding: rest.prefix(20), as: UTF8.self)
        return NumPyDefect(
            wanted: "\(wanted) in the header", found: rest.isEmpty ? "its end" : next.quoted)
    }
}
