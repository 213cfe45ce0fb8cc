// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@testable import OpenAIAPI

@Suite struct DocumentationTests {
    private static let page = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        .appendingPathComponent("docs/API.md")

    /// The names of the fields that the tests send, and of those that are refused.
    private static var fields: Set<String> {
        let members =
            CompletionFieldTests.honoured.map(\.members) + ChatRequestTests.honoured.map(\.members)
        let tested = members.compactMap { $0.split(separator: "\"").first.map(String.init) }
        return Set(tested).union(UnsupportedField.neutralValues.keys)
            .union(UnsupportedField.chatNeutralValues.keys)
    }

    @Test func `every field has a row in the table`() throws {
        let rows = try String(contentsOf: Self.page, encoding: .utf8)
            .split(separator: "\n").filter { $0.hasPrefix("|") }
            .map { $0.split(separator: "|").first ?? "" }

        #expect(Self.fields.count > 30)
        for field in Self.fields {
            #expect(rows.contains { $0.contains("`\(field)`") }, "\(field)")
        }
    }

    @Test(arguments: APIErrorTests.all)
    func `every error code is in the table`(error: APIError, status: Int, code: String?) throws {
        let page = try String(contentsOf: Self.page, encoding: .utf8)
        let rows = page.split(separator: "\n").filter { $0.hasPrefix("| \(status) |") }

        let row = try #require(rows.first)

        #expect(row.contains("`\(error.type.rawValue)`"))
        #expect(row.contains("`\(code ?? "null")`"))
    }
}
