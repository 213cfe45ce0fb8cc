// SPDX-License-Identifier: Apache-2.0

import OpenAIAPI
import Testing

@testable import Tokenization

/// Templates of published models, against what Jinja makes of them.
@Suite struct PublishedTemplateTests {
    /// 2025-01-02T03:04:05, when the renderings were made.
    static let now = TemplateTime(year: 2025, month: 1, day: 2, hour: 3, minute: 4, second: 5)

    private static func renderings() throws -> [TemplateFixture.Rendering] {
        let file = try TemplateFixture.read("published.json")
        let templates = file["templates"]
        return try (file["vectors"]?.elements ?? []).map { vector in
            var variables: [String: TemplateValue] = ["documents": .none]
            for name in ["messages", "tools", "add_generation_prompt"] {
                variables[name] = try vector[name]?.templateValue()
            }
            for member in vector["kwargs"]?.members ?? [] {
                variables[member.key] = try member.value.templateValue()
            }
            let name = try #require(vector["template"]?.text)
            return TemplateFixture.Rendering(
                name: "\(name) \(vector["case"]?.text ?? "")",
                template: try #require(templates?[name]?.text), variables: variables,
                expected: vector["rendered"]?.text)
        }
    }

    @Test func `every published template renders byte for byte as by Jinja`() throws {
        let renderings = try Self.renderings()

        #expect(renderings.count == 630)
        for rendering in renderings {
            do {
                let template = try ChatTemplate(rendering.template)
                let text = try template.render(rendering.variables, now: Self.now)
                #expect(
                    rendering.expected.map { $0.utf8.elementsEqual(text.utf8) } == true,
                    "\(rendering.name): found \(text)")
            } catch {
                #expect(rendering.expected == nil, "\(rendering.name): \(error)")
            }
        }
    }
}
