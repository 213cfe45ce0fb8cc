// SPDX-License-Identifier: Apache-2.0

import OpenAIAPI
import Testing

@testable import Tokenization

/// Single expressions and statements, against what Jinja makes of them.
@Suite struct TemplateLanguageTests {
    @Test
    func
        `every expression and statement renders as by Jinja, or is an error where it is one there`()
        throws
    {
        let file = try TemplateFixture.read("language.json")
        var variables: [String: TemplateValue] = [:]
        for member in file["variables"]?.members ?? [] {
            variables[member.key] = try member.value.templateValue()
        }
        let renderings = file["renderings"]?.elements ?? []

        #expect(renderings.count > 600)
        for rendering in renderings {
            let source = try #require(rendering["template"]?.text)
            let expected = rendering["rendered"]?.text
            do {
                let text = try ChatTemplate(source).render(
                    variables, now: PublishedTemplateTests.now)
                #expect(
                    expected.map { $0.utf8.elementsEqual(text.utf8) } == true,
                    "\(source): found \(text), wanted \(expected ?? "an error")")
            } catch {
                #expect(expected == nil, "\(source): \(error)")
            }
        }
    }
}
