// SPDX-License-Identifier: Apache-2.0

import HTTPTypes

@testable import HTTPServing

/// The request parser gives the same for an input whole and byte by byte, and keeps its limits.
enum HTTPTarget {
    private static let limits: MessageLimits = {
        var limits = MessageLimits()
        limits.maxRequestLineBytes = 256
        limits.maxHeaderBytes = 1024
        limits.maxFieldCount = 16
        limits.maxBodyBytes = 4096
        return limits
    }()

    static func test(_ input: [UInt8]) {
        let whole = events([input])
        let split = events(input.map { [$0] })
        precondition(whole == split, "whole: \(whole)\nsplit: \(split)")
    }

    private static func events(_ pieces: [[UInt8]]) -> [String] {
        var parser = RequestParser(limits: limits)
        var events: [String] = []
        for piece in pieces {
            var offset = 0
            while offset < piece.count {
                switch parser.parse(piece.span, at: &offset) {
                case .needsMore: break
                case .bodyFollows(let request, let awaitsContinue):
                    events.append("body of \(request.head.path ?? ""), \(awaitsContinue)")
                case .refused(let refusal): return events + ["\(refusal)"]
                case .request(let request):
                    precondition(request.body.count <= limits.maxBodyBytes)
                    events.append("\(request.head) \(request.keepsAlive) \(request.body)")
                }
            }
        }
        return events + ["\(parser.progress)"]
    }
}
