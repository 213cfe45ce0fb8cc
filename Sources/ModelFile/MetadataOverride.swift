// SPDX-License-Identifier: Apache-2.0

/// A value that takes the place of one in a file's metadata, or is added to it.
///
/// Spelled `KEY=TYPE:VALUE` with a type of `int`, `float`, `bool` or `str`, as llama.cpp's
/// `--override-kv`.
package struct MetadataOverride: Sendable, Equatable {
    /// The spelling.
    package let text: String
    /// The whole key, such as `qwen3moe.expert_used_count`.
    package let key: String
    /// An int64, float64, bool or string.
    package let value: MetadataValue

    /// Nil where the text is no such spelling, or the key says where a file's bytes lie: those are
    /// not a matter of opinion.
    package init?(_ text: String) {
        guard let equals = text.firstIndex(of: "="),
            let colon = text[equals...].firstIndex(of: ":")
        else { return nil }
        key = String(text[..<equals])
        let type = text[text.index(after: equals)..<colon]
        let value = text[text.index(after: colon)...]
        guard !key.isEmpty, key != "general.alignment", !key.hasPrefix("split."),
            let parsed = MetadataOverride.value(of: type, value)
        else { return nil }
        self.value = parsed
        self.text = text
    }

    private static func value(of type: Substring, _ text: Substring) -> MetadataValue? {
        switch type {
        case "int": Int64(text).map { .int64($0) }
        case "float": Double(text).flatMap { $0.isFinite ? .float64($0) : nil }
        case "bool": Bool(String(text)).map { .bool($0) }
        case "str": .string(Array(text.utf8))
        default: nil
        }
    }
}
