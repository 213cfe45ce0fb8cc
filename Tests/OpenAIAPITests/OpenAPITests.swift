// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@testable import OpenAIAPI

/// The description served at `/openapi.json` against what the decoders take.
@Suite struct OpenAPITests {
    /// A body that a schema describes.
    struct Body: Sendable, CustomTestStringConvertible {
        let schemas: [String]
        /// The files whose decoders read it.
        let sources: [String]
        /// Names of fields that those files have and the body does not.
        var excluded: Set<String> = []
        /// Fields that are read elsewhere.
        let others: Set<String>
        /// Members that are there for other fields to be in order.
        let members: [String: String]
        let decode: @Sendable ([UInt8]) throws(APIError) -> Void

        var testDescription: String { schemas[0] }
    }

    static let bodies = [
        Body(
            schemas: ["CompletionRequest", "Generation"],
            sources: [
                "SamplingOptions", "StopOptions", "CompletionRequestDecoder",
            ],
            others: Set(UnsupportedField.neutralValues.keys),
            members: [
                "prompt": "\"x\"", "max_tokens": "2147483647", "echo": "true",
            ],
            decode: { (body) throws(APIError) in
                _ = try CompletionRequest.decode(body, unknownFields: .strict)
            }),
        Body(
            schemas: ["ChatRequest", "Generation"],
            sources: [
                "SamplingOptions", "StopOptions", "CompletionRequestDecoder", "ChatRequestDecoder",
            ],
            excluded: ["prompt", "best_of", "suffix", "deepseek", "none", "auto"],
            others: Set(UnsupportedField.neutralValues.keys)
                .union(UnsupportedField.chatNeutralValues.keys),
            members: [
                "messages": #"[{"role":"user","content":"x"}]"#, "logprobs": "true",
            ],
            decode: { (body) throws(APIError) in
                _ = try ChatRequest.decode(body, unknownFields: .strict)
            }),
        Body(
            schemas: ["TokenizeRequest"], sources: ["TokenizeRequest"],
            others: [
                "messages", "add_generation_prompt", "continue_final_message",
                "chat_template_kwargs", "reasoning_effort",
            ],
            members: ["prompt": "\"x\""],
            decode: { (body) throws(APIError) in
                _ = try TokenizeRequest.decode(body, unknownFields: .strict)
            }),
        Body(
            schemas: ["DetokenizeRequest"], sources: ["DetokenizeRequest"], others: [],
            members: ["tokens": "[1]"],
            decode: { (body) throws(APIError) in
                _ = try DetokenizeRequest.decode(
                    body, vocabularyCount: 100, unknownFields: .strict)
            }),
    ]

    private static func schema(_ name: String) throws -> JSONValue {
        var reader = JSONReader(OpenAPIDescription.body)
        let document = try reader.readValue()
        return try #require(document["components"]?["schemas"]?[name], "\(name)")
    }

    /// The properties of a schema, those of what it combines included.
    private static func properties(_ name: String) throws -> [String: JSONValue] {
        let schema = try schema(name)
        let parts = [schema] + (schema["allOf"]?.elements ?? [])
        let members = parts.flatMap { $0["properties"]?.members ?? [] }
        return Dictionary(uniqueKeysWithValues: members.map { ($0.key, $0.value) })
    }

    private static func properties(_ body: Body) throws -> [String: JSONValue] {
        try body.schemas.map(properties).reduce([:]) { $0.merging($1) { own, _ in own } }
    }

    /// The words after `case` in the sources of decoders.
    private static func fields(in sources: [String]) throws -> Set<String> {
        let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appending(path: "../../Sources/OpenAIAPI/Requests")
        var fields: Set<String> = []
        for source in sources {
            let url = folder.appending(path: "\(source).swift")
            let text = try String(contentsOf: url, encoding: .utf8)
            for match in text.matches(of: /case (("\w+"(, )?)+):/) {
                fields.formUnion(match.1.matches(of: /\w+/).map { String($0.0) })
            }
        }
        return fields
    }

    private static func error(
        _ body: Body, _ field: String, _ value: String
    ) -> APIError? {
        var members = body.members
        members[field] = value
        let text = members.map { "\"\($0.key)\":\($0.value)" }.joined(separator: ",")
        do throws(APIError) {
            try body.decode(Array("{\(text)}".utf8))
            return nil
        } catch { return error }
    }

    @Test(arguments: bodies)
    func `every field that is read is described`(body: Body) throws {
        let read = try Self.fields(in: body.sources).subtracting(body.excluded)
            .union(body.others)
        let described = Set(try Self.properties(body).keys)

        #expect(!read.isEmpty)
        #expect(read.subtracting(described) == [])
    }

    @Test(arguments: bodies)
    func `every field that is described is read`(body: Body) throws {
        for field in try Self.properties(body).keys {
            let error = Self.error(body, field, "17e-1")
            #expect(error?.message.contains("unknown") != true, "\(field)")
        }
        #expect(Self.error(body, "nothing", "17e-1")?.message.contains("unknown") == true)
    }

    @Test(arguments: bodies)
    func `values at the edges of a description are taken and those beyond refused`(
        body: Body
    ) throws {
        for (field, schema) in try Self.properties(body) {
            let (inside, outside) = schema.edges
            for value in inside where value != "null" || body.members[field] == nil {
                let error = Self.error(body, field, value)
                #expect(error == nil || error?.param != field, "\(field): \(value)")
            }
            #expect(!outside.isEmpty, "\(field)")
            for value in outside {
                let param = Self.error(body, field, value)?.param ?? "-"
                #expect(param.hasPrefix(field), "\(field): \(value)")
            }
        }
    }

    @Test func `messages and their parts are described`() throws {
        let read = try Self.fields(in: ["ChatMessage"])
        let described = try [Self.properties("Message"), Self.properties("Part")].flatMap(\.keys)

        #expect(read == Set(described))
    }

    @Test func `every schema that is referred to is there`() throws {
        let text = String(decoding: OpenAPIDescription.body, as: UTF8.self)
        let names = Set(text.matches(of: /#\/components\/schemas\/(\w+)/).map { String($0.1) })

        #expect(names.count > 15)
        for name in names { _ = try Self.schema(name) }
    }
}

extension JSONValue {
    subscript(key: String) -> JSONValue? { members?.first { $0.key == key }?.value }

    var members: [Member]? { if case .object(let members) = self { members } else { nil } }

    var elements: [JSONValue]? { if case .array(let elements) = self { elements } else { nil } }

    private var double: Double? {
        // Beyond, neighbours of whole numbers are not doubles.
        guard case .number(let number) = self, abs(number.double) < 0x1p53 else { return nil }
        return number.double
    }

    /// As JSON, for scalars.
    private var text: String {
        switch self {
        case .string(let text): "\"\(text)\""
        case .number(let number): "\(number)"
        case .boolean(let value): "\(value)"
        default: "null"
        }
    }

    /// For a schema: values that it just allows, and values that it just does not.
    fileprivate var edges: (inside: [String], outside: [String]) {
        if let values = self["enum"]?.elements {
            return (values.map(\.text), ["\"zz\"", "17e-1", "[1]"])
        }
        var types = (self["type"]?.elements ?? []).map(\.text)
        if let type = self["type"]?.text { types.append(type) }
        var (inside, outside) = (["null"].filter { _ in types.contains("\"null\"") }, [String]())
        outside.append(types.contains("\"object\"") ? "[1]" : #"{"z":1}"#)
        if let bound = self["minimum"]?.double {
            inside.append("\(bound)")
            outside.append("\(bound - 1)")
        }
        if let bound = self["exclusiveMinimum"]?.double { outside.append("\(bound)") }
        if let bound = self["maximum"]?.double {
            inside.append("\(bound)")
            outside.append("\(bound + 1)")
        }
        if let bound = self["maxLength"]?.double {
            inside.append("\"\(String(repeating: "a", count: Int(bound)))\"")
            outside.append("\"\(String(repeating: "a", count: Int(bound) + 1))\"")
        }
        if let bound = self["minLength"]?.double, bound == 1 { outside.append("\"\"") }
        if let bound = self["maxItems"]?.double {
            let elements = Array(repeating: "1", count: Int(bound) + 1)
            outside.append("[\(elements.joined(separator: ","))]")
        }
        return (inside, outside)
    }
}
