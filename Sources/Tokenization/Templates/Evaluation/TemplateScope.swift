// SPDX-License-Identifier: Apache-2.0

/// The names of one block: a loop's turn, a macro's call. What it does not have, the block around it may.
final class TemplateScope {
    private var values: [String: TemplateValue]
    private let parent: TemplateScope?

    init(parent: TemplateScope?, values: [String: TemplateValue] = [:]) {
        self.parent = parent
        self.values = values
    }

    /// The value of a name in the nearest scope that has it.
    func value(of name: String) -> TemplateValue? {
        var scope: TemplateScope? = self
        while let current = scope {
            if let value = current.values[name] { return value }
            scope = current.parent
        }
        return nil
    }

    /// Gives a name a value here, whatever it has around.
    func set(_ name: String, _ value: TemplateValue) { values[name] = value }
}
