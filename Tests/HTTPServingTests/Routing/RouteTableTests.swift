// SPDX-License-Identifier: Apache-2.0

import HTTPTypes
import Testing

@testable import HTTPServing

struct RouteTableTests {
    private let table: RouteTable<String> = {
        var table = RouteTable<String>()
        table.add(.get, "/v1/models", "list")
        table.add(.get, "/v1/models/*", "one")
        table.add(.get, "/v1/*", "rest")
        table.add(.post, "/v1/completions", "complete")
        table.add(.get, "/v1/completions", "explain")
        return table
    }()

    private func describe(_ match: RouteTable<String>.Match) -> String {
        switch match {
        case .found(let target, let tail): "\(target) \(tail)"
        case .methodNotAllowed(let allow): "405 \(allow)"
        case .options(let allow): "options \(allow)"
        case .notFound: "404"
        }
    }

    @Test(arguments: [
        ("/v1/models", "list "), ("/v1/models?a=b", "list "),
        ("/v1/models/a/b%2Fc%zz", "one a/b/c%zz"),
        ("/v1/models/", "rest models/"), ("/v1/completions", "explain "), ("/v1/x", "rest x"),
        ("/v1/", "404"), ("/", "404"), ("/V1/models", "404"), ("/v1/models/x?y", "one x"),
    ])
    func `a path leads to the most exact pattern`(path: String, result: String) {
        #expect(describe(table.match(.get, path)) == result)
    }

    @Test func `HEAD is answered by GET, others are refused with what is allowed`() {
        #expect(describe(table.match(.head, "/v1/models")) == "list ")
        #expect(describe(table.match(.post, "/v1/models")) == "405 GET, HEAD, OPTIONS")
        #expect(describe(table.match(.delete, "/v1/completions")) == "405 GET, HEAD, OPTIONS, POST")
        #expect(describe(table.match(.options, "/v1/models")) == "options GET, HEAD, OPTIONS")
        #expect(describe(table.match(.options, "*")) == "options GET, HEAD, OPTIONS, POST")
    }

    @Test func `every route is listed`() {
        #expect(
            Set(table.routes.map { "\($0.method) \($0.pattern)" }) == [
                "GET /v1/models", "GET /v1/models/*", "GET /v1/*", "POST /v1/completions",
                "GET /v1/completions",
            ])
    }
}
