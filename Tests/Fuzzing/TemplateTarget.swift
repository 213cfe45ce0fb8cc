// SPDX-License-Identifier: Apache-2.0

import Tokenization

/// Templates render or fail within their limits.
enum TemplateTarget {
    private static let limits: TemplateLimits = {
        var limits = TemplateLimits()
        limits.maxStepCount = 20_000
        limits.maxTextBytes = 1 << 16
        limits.maxValueWeight = 10_000
        return limits
    }()
    private static let now = TemplateTime(
        year: 2026, month: 1, day: 31, hour: 12, minute: 0, second: 0)

    // Never changed, and read by one thread.
    nonisolated(unsafe) private static let variables: [String: TemplateValue] = {
        func message(_ role: String, _ content: String) throws(TemplateError) -> TemplateValue {
            try .dict(of: [("role", .string(role)), ("content", .string(content))])
        }
        let messages = try? TemplateValue.list(
            of: [
                message("system", "Be brief."), message("user", " Grüße, 世界! "),
                message("assistant", ""),
            ])
        return [
            "messages": messages ?? .none, "add_generation_prompt": .bool(true),
            "bos_token": .string("<s>"), "eos_token": .string("</s>"), "tools": .none,
        ]
    }()

    static func test(_ input: [UInt8]) {
        do throws(TemplateError) {
            let template = try ChatTemplate(String(decoding: input, as: UTF8.self), limits: limits)
            let text = try template.render(variables, now: now)
            precondition(text.utf8.count <= limits.maxTextBytes)
        } catch { _ = "\(error)" }
    }
}
