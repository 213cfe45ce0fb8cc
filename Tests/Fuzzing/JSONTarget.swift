// SPDX-License-Identifier: Apache-2.0

import OpenAIAPI

/// Bodies of requests are decoded or refused with a 400 whose own body can be read again.
enum JSONTarget {
    static func test(_ input: [UInt8]) {
        check { () throws(APIError) in
            let request = try CompletionRequest.decode(input)
            try request.validate(vocabularyCount: 1000)
            precondition(request.candidateCount >= request.choiceCount)
            _ = request.ignoredParams.headerValue
        }
        check { () throws(APIError) in _ = try ChatRequest.decode(input) }
        check { () throws(APIError) in _ = try TokenizeRequest.decode(input) }
        check { () throws(APIError) in
            let request = try DetokenizeRequest.decode(input, vocabularyCount: 1000)
            precondition(request.tokens.allSatisfy { (0..<1000).contains($0) })
        }
    }

    private static func check(_ body: () throws(APIError) -> Void) {
        do throws(APIError) { try body() } catch {
            precondition(error.status == 400)
            var reader = JSONReader(error.body)
            do throws(APIError) { _ = try reader.readValue() } catch {
                preconditionFailure("an error's body is not JSON: \(error)")
            }
        }
    }
}
