// SPDX-License-Identifier: Apache-2.0

/// A piece of a template's source, and the line it begins on.
struct TemplateToken: Sendable, Equatable {
    let kind: Kind
    let line: Int

    enum Kind: Sendable, Equatable {
        /// Text between tags, with what whitespace control leaves of it.
        case text(String)
        case outputBegin
        case outputEnd
        case tagBegin
        case tagEnd
        case name(String)
        case string(String)
        case integer(Int)
        case float(Double)
        case symbol(String)
        case end
    }

    /// How an error names it.
    var description: String {
        switch kind {
        case .text: "text"
        case .outputBegin: "'{{'"
        case .outputEnd: "'}}'"
        case .tagBegin: "'{%'"
        case .tagEnd: "'%}'"
        case .name(let name), .symbol(let name): "'\(name)'"
        case .string: "a string"
        case .integer, .float: "a number"
        case .end: "the end of the template"
        }
    }
}
