// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import Tokenization

/// Templates that ask for more than there is.
@Suite struct TemplateLimitTests {
    private func error(
        _ source: String, limits: TemplateLimits = TemplateLimits()
    ) throws -> TemplateError {
        try #require(
            throws: TemplateError.self,
            performing: {
                _ = try ChatTemplate(source, limits: limits).render(
                    ["x": .string("x")], now: PublishedTemplateTests.now)
            })
    }

    private static func repeated(_ text: String, _ count: Int) -> String {
        String(repeating: text, count: count)
    }

    /// Each would take more time, memory or stack than there is, and names the limit that it meets.
    static let excessive: [(String, String)] = [
        (
            "{% for i in range(100000) %}{% for j in range(100000) %}{% endfor %}{% endfor %}",
            "steps"
        ),
        ("{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}", "levels deep"),
        (
            "{% macro a() %}{{ b() }}{% endmacro %}{% macro b() %}{{ a() }}{% endmacro %}{{ a() }}",
            "levels deep"
        ),
        ("{% for x in [1] recursive %}{{ loop([1]) }}{% endfor %}", "levels deep"),
        (
            "{% set ns = namespace(t='x') %}{% for i in range(40) %}{% set ns.t = ns.t ~ ns.t %}{% endfor %}",
            "bytes"
        ),
        (
            "{% set ns = namespace(t='x') %}{% for i in range(40) %}{% set ns.t = ns.t + ns.t %}{% endfor %}",
            "bytes"
        ),
        ("{{ 'x' * 1000000000000 }}", "elements"), ("{{ [1] * 1000000000000 }}", "elements"),
        ("{{ 'x'.ljust(1000000000000) }}", "bytes"), ("{{ 'x' | center(1000000000000) }}", "bytes"),
        ("{{ '%1000000000d' % 1 }}", "above"), ("{{ '{:1000000000}'.format(1) }}", "above"),
        ("{{ '{:.999999999f}'.format(1) }}", "above"), ("{{ 1 | round(1000000) }}", "above"),
        ("{{ [1] | tojson(indent=1000000000) }}", "above"),
        ("{{ 'a\\nb' | indent(1000000000) }}", "above"),
        ("{{ [1] | batch(1000000000, 0) | list }}", "steps"),
        ("{{ [1] | slice(1000000000) | list }}", "steps"),
        (
            "{% set ns = namespace(l=[]) %}{% for i in range(200) %}{% set ns.l = [ns.l] %}{% endfor %}",
            "levels of nesting"
        ),
        (
            "{% set ns = namespace(l=[1]) %}{% for i in range(60) %}{% set ns.l = [ns.l, ns.l] %}{% endfor %}",
            "elements"
        ),
        (
            "{% set ns = namespace(l=[1]) %}{% for i in range(60) %}{% set ns.l = ns.l + ns.l %}{% endfor %}",
            "elements"
        ),
        (
            "{% set ns = namespace(f='') %}{% for i in range(90000) %}{% set ns.f = joiner(ns.f) %}{% endfor %}",
            "levels of nesting"
        ),
        (
            "{% set ns = namespace(f='') %}{% for i in range(90000) %}{% set ns.f = cycler(ns.f).next %}{% endfor %}",
            "levels of nesting"
        ),
        (
            "{% set ns = namespace(f='') %}{% for i in range(90000) %}{% set ns.f = cycler(ns.f).reset %}{% endfor %}",
            "levels of nesting"
        ),
        (
            "{% set ns = namespace(f='') %}{% for i in range(90000) %}{% set ns.f = [ns.f].copy %}{% endfor %}",
            "levels of nesting"
        ),
        (
            "{% set ns = namespace() %}{% set ns.t = 'x' | safe %}{% for i in range(40) %}{% set ns.t = ns.t + ns.t %}{% endfor %}",
            "bytes"
        ),
        ("{{ [1] | tojson(indent='x' * 20000) }}", "above"),
        ("{{ ('x' * 6000000) | first }}", "steps"),
        ("{{ ('\\n' * 6000000).splitlines() | length }}", "steps"),
        ("{{ ('\\n' * 6000000) | indent }}", "steps"),
        ("{{ (',' * 6000000).split(',') | length }}", "steps"),
        ("{% set ns = namespace() %}{% set ns.x = ns %}{{ ns }}", "holds itself"),
        ("{{ 9223372036854775807 + 1 }}", "64 bits"), ("{{ -9223372036854775807 - 2 }}", "64 bits"),
        ("{{ 3037000500 * 3037000500 }}", "64 bits"), ("{{ 2 ** 64 }}", "64 bits"),
        ("{{ (-9223372036854775807 - 1) // -1 }}", "64 bits"),
        ("{{ -(-9223372036854775807 - 1) }}", "64 bits"),
        ("{{ (-9223372036854775807 - 1) | abs }}", "64 bits"), ("{{ 1e300 | int }}", "64 bits"),
        ("{{ 9223372036854775807 | round(-1) }}", "64 bits"),
        ("{{ 99999999999999999999 }}", "64 bits"),
        ("{{ '99999999999999999999' | int }}", "64 bits"),
        ("{{ [9223372036854775807, 1] | sum }}", "64 bits"),
        ("{{ \(repeated("(", 5000))1\(repeated(")", 5000)) }}", "nests more than"),
        ("{{ \(repeated("[", 5000))\(repeated("]", 5000)) }}", "nests more than"),
        ("{{ \(repeated("-", 5000))1 }}", "nests more than"),
        ("{{ \(repeated("not ", 5000))1 }}", "nests more than"),
        ("{{ \(repeated("1 if 1 else ", 5000))1 }}", "nests more than"),
        ("{{ 1\(repeated(" if 1", 5000)) }}", "in a row"),
        ("\(repeated("{% if 1 %}", 5000))\(repeated("{% endif %}", 5000))", "nests more than"),
        ("{{ \(repeated("{1:", 5000))1\(repeated("}", 5000)) }}", "nests more than"),
        ("{% set \(repeated("(", 5000))a\(repeated(")", 5000)) = 1 %}", "nests more than"),
        (repeated("x", (1 << 20) + 1), "bytes"),
    ]

    @Test(arguments: excessive)
    func `a template that asks for too much is told which limit it meets`(
        source: String, words: String
    ) throws {
        let error = try error(source)

        #expect(error.message.contains(words), "\(error)")
    }

    /// Each reads `s`, of 6,400 bytes, or 100 names: those of the mapping `d`, or the parameters of `m`.
    static let reading = [
        "s | length", "s[6000]", "s[-6000]", "s | trim", "'x' | trim(s)", "'x'.strip(s)",
        "'x'.find(s)", "'x'.split(s)", "'x'.startswith((s, s))", "s | center(5)", "s | wordcount",
        "s | int", "s | urlencode", "s | truncate(9000)", "s % []", "s is lower", "s is filter",
        "s is sameas s", "s | attr(s)", "[s] | sort", "e | dictsort", "loop.changed(s)",
        "'{0}'.format(1, **d)", "m()",
    ]

    @Test(arguments: reading)
    func `what reads a text costs as much as the text is long`(expression: String) throws {
        let parameters = (0..<100).map { "p\($0)" }.joined(separator: ", ")
        let source = """
            {% set s = 'x' * 6400 %}{% set e = {s: 1} %}\
            {% set d = {}.fromkeys(range(100) | map('string'), 1) %}\
            {% macro m(\(parameters)) %}{% endmacro %}\
            {% for i in range(1000) %}{% set t = \(expression) %}{% endfor %}
            """
        var limits = TemplateLimits()
        limits.maxStepCount = 30_000

        let error = try error(source, limits: limits)

        #expect(error.message.contains("30000 steps"), "\(error)")
    }

    @Test func `a search among long texts costs as much as all of them`() throws {
        let source = """
            {% set s = 'x' * 64000 %}{% set all = [s ~ 'y'] * 500 %}\
            {{ s in (all | map('string')) }}
            """
        var limits = TemplateLimits()
        limits.maxStepCount = 100_000

        let error = try error(source, limits: limits)

        #expect(error.message.contains("100000 steps"), "\(error)")
    }

    @Test(arguments: ["s | urlencode", "{s: s} | xmlattr"])
    func `a text is bounded before anybody uses it`(expression: String) throws {
        var limits = TemplateLimits()
        limits.maxTextBytes = 120

        let error = try error("{% set s = '%' * 60 %}{% set t = \(expression) %}", limits: limits)

        #expect(error.message.contains("120 bytes"), "\(error)")
    }

    @Test func `a character near either end costs little, however long the text`() throws {
        let source = """
            {% set s = 'x' * 6400000 %}{% for i in range(1000) %}{{ s[0] }}{{ s[-1] }}{% endfor %}
            """

        let text = try ChatTemplate(source).render([:], now: PublishedTemplateTests.now)

        #expect(text == Self.repeated("xx", 1000))
    }

    @Test func `the deepest template that is allowed is read and rendered`() throws {
        let expression = Self.repeated("(", 40) + "1" + Self.repeated(")", 40)
        let blocks = Self.repeated("{% if 1 %}", 90) + "x" + Self.repeated("{% endif %}", 90)

        let template = try ChatTemplate("{{ \(expression) }}\(blocks)")

        #expect(try template.render([:], now: PublishedTemplateTests.now) == "1x")
    }

    @Test func `long chains of operators do not count as nesting`() throws {
        let sums = "1" + Self.repeated(" + 1", 5000)
        let words = "'a'" + Self.repeated(" ~ 'a'", 5000)
        let filters = "'b'" + Self.repeated(" | lower", 5000)
        let branches = "{% if 0 %}" + Self.repeated("{% elif 0 %}", 5000) + "{% else %}c{% endif %}"

        let template = try ChatTemplate(
            "{{ \(sums) }}{{ (\(words)) | length }}{{ \(filters) }}\(branches)")

        #expect(try template.render([:], now: PublishedTemplateTests.now) == "50015001bc")
    }

    @Test func `macros call each other as deep as schemas nest`() throws {
        let source = """
            {% macro m(n) %}{% if n %}{% for i in [n] %}({{ m(i - 1) }}){% endfor %}{% endif %}\
            {% endmacro %}{{ m(30) }}
            """

        let text = try ChatTemplate(source).render([:], now: PublishedTemplateTests.now)

        #expect(text == Self.repeated("(", 30) + Self.repeated(")", 30))
    }

    @Test func `what a template says on purpose comes without a line`() throws {
        let raised = try error("\n\n{{ raise_exception('no, thank you') }}")
        let mistaken = try error("\n\n{{ x.y.z }}")

        #expect(raised.kind == .raised)
        #expect("\(raised)" == "no, thank you")
        #expect(
            "\(mistaken)" == "'str object' has no attribute 'y' (line 3 of the chat template)")
    }
}
