// SPDX-License-Identifier: Apache-2.0

import Foundation
import OpenAIAPI

@testable import Tokenization

/// Renderings that Jinja made, under Tests/Fixtures/templates.
enum TemplateFixture {
    /// What one template must make of one set of variables.
    struct Rendering {
        let name: String
        let template: String
        let variables: [String: TemplateValue]
        /// nil where Jinja raises an error.
        let expected: String?
    }

    static func read(_ name: String) throws -> JSONValue {
        let url = URL(filePath: #filePath).deletingLastPathComponent()
            .appending(path: "../../Fixtures/templates/\(name)")
        var reader = JSONReader(Array(try Data(contentsOf: url)))
        return try reader.readValue()
    }
}

extension JSONValue {
    subscript(_ key: String) -> JSONValue? {
        guard case .object(let members) = self else { return nil }
        return members.first { $0.key == key }?.value
    }

    var members: [Member] {
        if case .object(let members) = self { members } else { [] }
    }

    var elements: [JSONValue] {
        if case .array(let elements) = self { elements } else { [] }
    }

    var text: String? {
        if case .string(let text) = self { text } else { nil }
    }

    /// As Python's `json.loads` reads it.
    func templateValue() throws -> TemplateValue {
        switch self {
        case .null: .none
        case .boolean(let flag): .bool(flag)
        case .number(.integer(let integer)): .int(Int(integer))
        case .number(.real(let number)): .float(number)
        case .string(let text): .string(text)
        case .array(let elements): try .list(of: elements.map { try $0.templateValue() })
        case .object(let members):
            try .dict(of: members.map { ($0.key, try $0.value.templateValue()) })
        }
    }
}
