// SPDX-License-Identifier: Apache-2.0

import Foundation
import HTTPServing
import HTTPTypes
import Testing

@testable import ServerApp

/// The page at `/` as an answer; `Tests/Clients/test_page.py` opens it.
@Suite struct StartPageTests {
    private let page = StartPage()

    private var text: String {
        String(decoding: page.response(ifNoneMatch: nil).body, as: UTF8.self)
    }

    /// Beyond this it would no longer load in a moment over a slow line.
    private static let maxBytes = 60_000

    @Test func `the page is small and names no other address`() {
        #expect(text.utf8.count < Self.maxBytes)
        for address in ["http:", "https:", "//cdn", "@import", "url("] {
            #expect(!text.contains(address), "\(address)")
        }
    }

    @Test func `only its own script and style may run, and it cannot be framed`() throws {
        let fields = page.response(ifNoneMatch: nil).head.headerFields

        let policy = try #require(fields[.contentSecurityPolicy])
        for (element, directive) in [("script", "script-src"), ("style", "style-src")] {
            let parts = text.components(separatedBy: "<\(element)>")
            try #require(parts.count == 2, "one \(element)")
            let content = parts[1].components(separatedBy: "</\(element)>")[0]
            let hash = Data(SHA256Digest(of: Array(content.utf8)).bytes).base64EncodedString()
            #expect(policy.contains("\(directive) 'sha256-\(hash)';"))
        }
        #expect(policy.hasPrefix("default-src 'none';"))
        #expect(policy.contains("frame-ancestors 'none'"))
        #expect(fields[.xContentTypeOptions] == "nosniff")
        #expect(fields[.contentType] == "text/html; charset=utf-8")
    }

    @Test func `a client that has the page is told so`() throws {
        let tag = try #require(page.response(ifNoneMatch: nil).head.headerFields[.eTag])
        let strong = String(tag.dropFirst(2))

        for match in [tag, "\"other\", \(tag)", strong, "*", "\(tag) , \"x\""] {
            let (head, body) = page.response(ifNoneMatch: match)
            #expect(head.status == .notModified, "\(match)")
            #expect(body.isEmpty)
            #expect(head.headerFields[.eTag] == tag)
        }
        for other in ["\"other\"", "W/\"other\"", "", String(strong.dropLast())] {
            #expect(page.response(ifNoneMatch: other).head.status == .ok, "\(other)")
        }
    }
}
