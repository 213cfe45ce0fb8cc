// SPDX-License-Identifier: Apache-2.0

import OpenAIAPI
import Testing

@testable import Tokenization

/// Templates that nobody wrote: published ones with parts changed.
@Suite struct HostileTemplateTests {
    private static func variables() throws -> [String: TemplateValue] {
        let file = try TemplateFixture.read("language.json")
        var variables: [String: TemplateValue] = [:]
        for member in file["variables"]?.members ?? [] {
            variables[member.key] = try member.value.templateValue()
        }
        return variables
    }

    private static func sources() throws -> [String] {
        let published = try TemplateFixture.read("published.json")["templates"]?.members ?? []
        let language = try TemplateFixture.read("language.json")["renderings"]?.elements ?? []
        return published.compactMap(\.value.text) + language.compactMap { $0["template"]?.text }
    }

    /// Small, so that a mutation that loops ends soon.
    private static var limits: TemplateLimits {
        var limits = TemplateLimits()
        limits.maxStepCount = 20_000
        limits.maxTextBytes = 1 << 16
        return limits
    }

    /// Reads and renders; true where it worked, false where it is an error.
    private func survives(_ source: String, _ variables: [String: TemplateValue]) -> Bool {
        do throws(TemplateError) {
            let template = try ChatTemplate(source, limits: Self.limits)
            _ = try template.render(variables, now: PublishedTemplateTests.now)
            return true
        } catch {
            #expect(!error.message.isEmpty)
            return false
        }
    }

    @Test(arguments: UInt64(1)...16)
    func `a template with parts changed renders or is an error`(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        let variables = try Self.variables()
        let sources = try Self.sources()
        let scalars = sources.map { Array($0.unicodeScalars) }
        var (renderedCount, refusedCount) = (0, 0)
        for _ in 0..<250 {
            var source = scalars[Int.random(in: 0..<scalars.count, using: &generator)]
            for _ in 0..<Int.random(in: 1...4, using: &generator) {
                mutate(&source, from: scalars, &generator)
            }
            var view = String.UnicodeScalarView()
            view.append(contentsOf: source)
            if survives(String(view), variables) { renderedCount += 1 } else { refusedCount += 1 }
        }
        #expect(renderedCount > 10)
        #expect(refusedCount > 10)
    }

    /// Takes out a piece, or puts one in that another template has, or one that means something.
    private func mutate(
        _ source: inout [Unicode.Scalar], from others: [[Unicode.Scalar]],
        _ generator: inout SeededGenerator
    ) {
        let start = Int.random(in: 0...source.count, using: &generator)
        let end = min(source.count, start + Int.random(in: 0...8, using: &generator))
        let other = others[Int.random(in: 0..<others.count, using: &generator)]
        let from = Int.random(in: 0...other.count, using: &generator)
        let to = min(other.count, from + Int.random(in: 0...40, using: &generator))
        let words = [
            "{%", "%}", "{{", "}}", "-", "(", ")", "[", "]", "loop", "9223372036854775807", "ns.x",
            "|", "is", "not", ":", "::-1", "*", "**", "None", "'", "\\", "{% break %}", "\u{0}",
            "recursive", "messages", "{#", "{% raw %}", "e\u{301}", "%", "namespace()", "-1",
        ]
        switch Int.random(in: 0..<3, using: &generator) {
        case 0: source.removeSubrange(start..<end)
        case 1: source.replaceSubrange(start..<end, with: other[from..<to])
        default:
            let word = words[Int.random(in: 0..<words.count, using: &generator)]
            source.replaceSubrange(start..<end, with: Array(word.unicodeScalars))
        }
    }

    @Test func `every beginning of a template renders or is an error`() throws {
        let variables = try Self.variables()
        let source = try #require(Self.sources().first { (1000...3000).contains($0.utf8.count) })
        for count in 0..<source.unicodeScalars.count {
            _ = survives(String(source.unicodeScalars.prefix(count)), variables)
        }
    }

    @Test func `every method, filter and test survives arguments of every kind`() throws {
        let variables = try Self.variables()
        let values = [
            "", "none", "true", "-1", "0", "9223372036854775807", "-9223372036854775807 - 1",
            "1e308",
            "'nan' | float", "''", "'%s{}'", "'é'", "[]", "[[1]]", "{}", "{'a': 1}", "(1,)",
            "undefined_thing", "range(3)", "names | map('upper')", "namespace(a=1)", "text.upper",
            "'<' | safe", "'x', 'y'", "1, 2", "none, none, none", "attribute='a.0'", "*[1, 2]",
        ]
        let filters = [
            "abs", "attr", "batch", "capitalize", "center", "default", "dictsort", "escape",
            "filesizeformat", "first", "float", "format", "groupby", "indent", "int", "items",
            "join",
            "last", "length", "list", "lower", "map", "max", "min", "reject", "rejectattr",
            "replace",
            "reverse", "round", "safe", "select", "selectattr", "slice", "sort", "string", "sum",
            "title", "tojson", "trim", "truncate", "unique", "upper", "urlencode", "wordcount",
            "xmlattr",
        ]
        let methods = [
            "split", "rsplit", "strip", "replace", "find", "rfind", "index", "count", "startswith",
            "center", "ljust", "zfill", "expandtabs", "format", "format_map", "join", "partition",
            "splitlines", "removeprefix", "get", "items", "fromkeys", "copy",
        ]
        let receivers = values.filter { !$0.isEmpty && !$0.contains("=") && !$0.hasPrefix("*") }
        var renderedCount = 0
        for receiver in receivers {
            for argument in values {
                for filter in filters {
                    let source = "{{ (\(receiver)) | \(filter)(\(argument)) }}"
                    if survives(source, variables) { renderedCount += 1 }
                }
                for method in methods {
                    _ = survives("{{ (\(receiver)).\(method)(\(argument)) }}", variables)
                }
                for operation in ["+", "-", "*", "/", "//", "%", "**", "~", "==", "<", "in"] {
                    _ = survives("{{ (\(receiver)) \(operation) (\(argument)) }}", variables)
                }
                _ = survives("{{ (\(receiver))[\(argument)] }}", variables)
                _ = survives("{{ (\(receiver))[\(argument):\(argument):\(argument)] }}", variables)
            }
        }
        #expect(renderedCount > 1000)
    }
}
