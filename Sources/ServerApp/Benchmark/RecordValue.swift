// SPDX-License-Identifier: Apache-2.0

internal import OpenAIAPI

/// The value of one field of a record.
package enum RecordValue: Sendable, Equatable {
    case text(String)
    case count(Int)
    /// Nothing, in either notation, where it is not finite.
    case number(Double)
    /// An array in JSON, values between spaces in CSV.
    case numbers([Double])

    /// As RFC 4180 has it.
    var csv: String {
        switch self {
        case .text(let text): Self.quoted(text)
        case .count(let count): "\(count)"
        case .number(let value): value.isFinite ? "\(value)" : ""
        case .numbers(let values): values.map { "\($0)" }.joined(separator: " ")
        }
    }

    /// Between quotes, its own doubled, where it could be taken for more than one field.
    private static func quoted(_ text: String) -> String {
        guard text.utf8.contains(where: { ",\"\r\n".utf8.contains($0) }) else { return text }
        let parts = text.split(separator: "\"", omittingEmptySubsequences: false)
        return "\"\(parts.joined(separator: "\"\""))\""
    }

    func write(to writer: inout JSONWriter) {
        switch self {
        case .text(let text): writer.string(text)
        case .count(let count): writer.integer(count)
        case .number(let value): writer.double(value)
        case .numbers(let values):
            writer.beginArray()
            values.forEach { writer.double($0) }
            writer.endArray()
        }
    }
}
