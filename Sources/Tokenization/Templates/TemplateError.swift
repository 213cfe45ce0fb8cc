// SPDX-License-Identifier: Apache-2.0

/// Why a chat template could not be read or rendered.
package struct TemplateError: Error, Sendable, Equatable {
    /// What sort of mistake it is, in Python's and Jinja's words.
    package enum Kind: String, Sendable {
        /// The template is not in the language.
        case syntax
        /// An operation on a value that is not there.
        case undefined
        /// An operation on a value of the wrong type.
        case type
        /// A value that an operation cannot take, or a number that is out of range.
        case value
        /// What the sandbox forbids.
        case security
        /// The template called `raise_exception`: the message is its author's.
        case raised
        /// A limit of `TemplateLimits`.
        case limit
        /// Jinja knows it, this interpreter does not.
        case unsupported
    }

    /// What sort of mistake it is.
    package let kind: Kind
    /// One sentence.
    package let message: String
    /// The line of the template, from 1, where it is known.
    package internal(set) var line: Int?

    init(_ kind: Kind, _ message: String, line: Int? = nil) {
        self.kind = kind
        self.message = message
        self.line = line
    }

    static func syntax(_ message: String, line: Int) -> TemplateError {
        TemplateError(.syntax, message, line: line)
    }

    static func type(_ message: String) -> TemplateError { TemplateError(.type, message) }

    static func value(_ message: String) -> TemplateError { TemplateError(.value, message) }

    /// Python's integers have no end; these have.
    static let overflow = TemplateError(.value, "an integer is beyond 64 bits")
}

extension TemplateError: CustomStringConvertible {
    /// The message, and the line for everything that the template's author did not say on purpose.
    package var description: String {
        guard let line, kind != .raised else { return message }
        return "\(message) (line \(line) of the chat template)"
    }
}
