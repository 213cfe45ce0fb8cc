// SPDX-License-Identifier: Apache-2.0

import Decoding
import Foundation
import ModelFile
import ServerApp
import Testing

/// Greedy continuations computed by transformers from the same weights in float32.
private struct GreedyReference: Decodable {
    struct Prompt: Decodable {
        let name: String
        let ids: [Int32]
        let greedy: [Token]
    }

    struct Token: Decodable {
        let id: Int32
        /// Log-probability of the token less that of the next likely one.
        let margin: Double
    }

    let prompts: [Prompt]

    static func read() throws -> GreedyReference {
        let data = try Data(contentsOf: DefaultModel.fixture("greedy.json"))
        return try JSONDecoder().decode(GreedyReference.self, from: data)
    }
}

@Suite(.serialized) struct DefaultModelTests {
    /// A margin, in nats, that int8 activations never overturn on these texts.
    private static let decidedMargin = 0.5

    @Test func `greedy tokens are the reference's wherever its margin is over a half`() throws {
        let team = try ThreadTeam(threadCount: 2)
        let model = try Model(DefaultModel.dense(), team: team)
        let prompts = try GreedyReference.read().prompts
        var checkedCount = 0

        for prompt in prompts {
            let choices = try forcedChoices(prompt, model, team)
            for (index, token) in prompt.greedy.enumerated() where token.margin > Self.decidedMargin
            {
                #expect(choices[index] == token.id, "\(prompt.name), token \(index)")
                checkedCount += 1
            }
        }

        #expect(prompts.count > 3)
        #expect(checkedCount > 100)
    }

    /// The bounds are what llama.cpp, whose activations are int8 too, reaches on other text of this kind:
    /// a mean divergence of 0.0031.
    @Test(arguments: [false, true])
    func `next-token distributions stay close to float32`(asExperts: Bool) throws {
        let reference = DefaultModel.fixture("jargon_top256.npz").path
        let file = try asExperts ? DefaultModel.experts() : DefaultModel.dense()

        let evaluation = try Evaluation(NumPyArchive(path: reference))
        let result = try evaluation.run(file, threadCount: 2)

        #expect(result.meanDivergence <= 0.0031)
        #expect(result.divergence99 <= 0.02)
        #expect(result.topAgreement >= 0.95)
        #expect(result.positionCount >= 512)
    }

    /// Half the bytes cost a quarter more divergence on this text.
    @Test func `distributions stay close with keys and values in 8 bits`() throws {
        let reference = DefaultModel.fixture("jargon_top256.npz").path

        let result = try Evaluation(NumPyArchive(path: reference))
            .run(try DefaultModel.dense(), threadCount: 2, kvType: .q8)

        #expect(result.meanDivergence <= 0.0040)
        #expect(result.topAgreement >= 0.95)
    }

    @Test(arguments: [false, true])
    func `weights that stay in the file give the bits of packed ones`(asExperts: Bool) throws {
        let file = try asExperts ? DefaultModel.experts() : DefaultModel.dense()
        let team = try ThreadTeam(threadCount: 2)
        let packed = try Model(file, team: team)
        let mapped = try Model(file, team: team, storage: .mapped)

        for prompt in try GreedyReference.read().prompts.prefix(2) {
            let wanted = try continuation(prompt.ids, packed, team, count: 6)
            let found = try continuation(prompt.ids, mapped, team, count: 6)

            #expect(found == wanted)
        }
        #expect(mapped.weightBytes < packed.weightBytes / 20)
        #expect(mapped.mappedWeightBytes > packed.weightBytes / 2)
    }

    /// Both forms sum the same products, in another order. Where that moves an activation across a rounding
    /// boundary of int8, logits move by a tenth or two: texts may part only where two tokens are close. Keys and
    /// values are float32, so that nothing else is rounded.
    @Test func `eight experts give the dense model's greedy text up to a near tie`() throws {
        let team = try ThreadTeam(threadCount: 2)
        let dense = try Model(DefaultModel.dense(), team: team)
        let experts = try Model(DefaultModel.experts(), team: team)
        var sameCount = 0

        for prompt in try GreedyReference.read().prompts {
            let wanted = try continuation(prompt.ids, dense, team, count: 48, kvType: .f32)
            let found = try continuation(prompt.ids, experts, team, count: 48, kvType: .f32)
            let parting =
                zip(found, wanted).map { $0.token == $1.token }.firstIndex(of: false) ?? 48
            sameCount += parting
            if parting < 48 {
                #expect(
                    Double(wanted[parting].margin) < Self.decidedMargin,
                    "\(prompt.name), token \(parting)")
            }
        }

        #expect(sameCount > 96)
    }

    /// The likeliest token after each reference token, whatever was chosen before.
    private func forcedChoices(
        _ prompt: GreedyReference.Prompt, _ model: Model, _ team: ThreadTeam
    ) throws -> [Int32] {
        let tokens = prompt.ids + prompt.greedy.dropLast().map(\.id)
        let runner = try ModelRunner(
            model, team: team, maxTokenCount: tokens.count, kvBlockCount: tokens.count / 16 + 1)
        runner.append(
            tokens: tokens, startPosition: 0, blockTables: 0..<Int32(runner.kvBlockCount),
            logitsRowCount: prompt.greedy.count)
        var choices = [Int32](repeating: -1, count: prompt.greedy.count)
        choices.withUnsafeMutableBufferPointer { choices in
            runner.run { row in
                choices[row.ordinal] = LogProbabilities(row.logits).top(1)[0].token
            }
        }
        return choices
    }

    /// A greedy token and how much likelier it was than the next.
    private struct Choice: Equatable {
        var token: Int32 = -1
        var margin: Float = 0
    }

    /// Greedy tokens, one step each.
    private func continuation(
        _ prompt: [Int32], _ model: Model, _ team: ThreadTeam, count: Int,
        kvType: KVType = .standard
    ) throws -> [Choice] {
        let runner = try ModelRunner(
            model, team: team, maxTokenCount: prompt.count,
            kvBlockCount: (prompt.count + count) / 16 + 1, kvType: kvType)
        var tokens = prompt
        var choices: [Choice] = []
        var position = 0
        for _ in 0..<count {
            runner.append(
                tokens: tokens[position...], startPosition: position,
                blockTables: 0..<Int32(runner.kvBlockCount), logitsRowCount: 1)
            position = tokens.count
            var choice = Choice()
            runner.run { row in
                let top = LogProbabilities(row.logits).top(2)
                choice = Choice(
                    token: top[0].token, margin: top[0].logProbability - top[1].logProbability)
            }
            tokens.append(choice.token)
            choices.append(choice)
        }
        return choices
    }
}
