// SPDX-License-Identifier: Apache-2.0

/// A chat template: what turns messages into the text that a model was trained on.
///
/// The language is that of Jinja 3.1 in its immutable sandbox, as transformers sets it up: `trim_blocks`,
/// `lstrip_blocks`, `break` and `continue`, `raise_exception`, `strftime_now`, a `tojson` that does not escape
/// HTML, and `generation` blocks. What it does not have is in `docs/decisions/0015-chat-templates.md`.
package struct ChatTemplate: Sendable {
    /// The template as it was written.
    package let source: String
    private let statements: [TemplateStatement]
    private let limits: TemplateLimits

    /// Reads a template.
    ///
    /// - Throws: `TemplateError` with the line of the first mistake.
    package init(
        _ source: String, limits: TemplateLimits = TemplateLimits()
    ) throws(TemplateError) {
        self.source = source
        self.limits = limits
        statements = try TemplateParser.statements(of: source, limits: limits)
    }

    /// The text that the template makes of the variables.
    ///
    /// - Throws: `TemplateError`: of the kind `raised` where the template refuses the messages itself.
    package func render(
        _ variables: [String: TemplateValue], now: TemplateTime
    ) throws(TemplateError) -> String {
        let evaluator = TemplateEvaluator(variables: variables, now: now, limits: limits)
        return try evaluator.render(statements)
    }
}

extension TemplateValue {
    /// A list of values.
    ///
    /// - Throws: `TemplateError` where they nest too deep or are too many.
    package static func list(
        of items: [TemplateValue]
    ) throws(TemplateError) -> TemplateValue {
        .list(try TemplateList(items))
    }

    /// A mapping from strings, in the order given; of equal keys the last value stays.
    ///
    /// - Throws: `TemplateError` where the values nest too deep or are too many.
    package static func dict(
        of entries: [(key: String, value: TemplateValue)]
    ) throws(TemplateError) -> TemplateValue {
        .dict(try TemplateDict(entries.map { (.string($0.key), $0.value) }))
    }
}
