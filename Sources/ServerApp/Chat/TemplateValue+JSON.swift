// SPDX-License-Identifier: Apache-2.0

internal import Foundation
internal import OpenAIAPI
internal import Tokenization

extension TemplateValue {
    /// A JSON value as Python's `json.loads` reads it.
    init(_ json: JSONValue) throws(TemplateError) {
        switch json {
        case .null: self = .none
        case .boolean(let flag): self = .bool(flag)
        case .number(.integer(let integer)): self = .int(Int(integer))
        case .number(.real(let number)): self = .float(number)
        case .string(let text): self = .string(text)
        case .array(let elements):
            self = try .list(
                of: elements.map { (element) throws(TemplateError) in try TemplateValue(element) })
        case .object(let members):
            self = try .dict(
                of: members.map { (member) throws(TemplateError) in
                    (member.key, try TemplateValue(member.value))
                })
        }
    }
}

extension TemplateTime {
    /// The local time.
    static var now: TemplateTime {
        let parts = Calendar(identifier: .gregorian).dateComponents(
            [.year, .month, .day, .hour, .minute, .second], from: Date())
        return TemplateTime(
            year: parts.year ?? 1970, month: parts.month ?? 1, day: parts.day ?? 1,
            hour: parts.hour ?? 0, minute: parts.minute ?? 0, second: parts.second ?? 0)
    }
}
