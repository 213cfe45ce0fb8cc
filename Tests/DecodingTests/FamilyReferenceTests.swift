// SPDX-License-Identifier: Apache-2.0

import Decoding
import ModelFile
import Testing

@Suite struct FamilyReferenceTests {
    /// float32 sums of up to 128 terms in another order than PyTorch's, through two or three layers.
    static let logitTolerance: Float = 2e-5

    @Test(arguments: TinyReference.families + TinyReference.otherForms, [48, 7, 1])
    func `logits agree with transformers`(family: String, chunk: Int) throws {
        let reference = try TinyReference(family)
        let team = try ThreadTeam(threadCount: 2)
        let model = try Model(reference.file, team: team)
        let runner = try ModelRunner(
            model, team: team, maxTokenCount: 64, kvBlockCount: 4 * model.kvGroups.count,
            kvType: .f32)

        let logits = runner.logits(of: reference.tokens, chunk: chunk)

        #expect(worstError(logits, reference.logits) <= Self.logitTolerance)
    }

    @Test(arguments: TinyReference.families + TinyReference.otherForms)
    func `every instruction set agrees with transformers`(family: String) throws {
        let reference = try TinyReference(family)
        let team = try ThreadTeam(threadCount: 1)
        for instructionSet in InstructionSet.available {
            let model = try Model(reference.file, team: team, instructionSet: instructionSet)
            let runner = try ModelRunner(
                model, team: team, maxTokenCount: 64, kvBlockCount: 4 * model.kvGroups.count,
                kvType: .f32)

            let logits = runner.logits(of: reference.tokens, chunk: 48)

            #expect(
                worstError(logits, reference.logits) <= Self.logitTolerance, "\(instructionSet)")
        }
    }

    @Test(arguments: TinyReference.families + TinyReference.otherForms)
    func `a sequence's logits are the same bits alone and in any company`(family: String) throws {
        let reference = try TinyReference(family)
        let alone = try run(reference, threads: 1) {
            $0.logits(of: reference.tokens, chunk: 48)
        }

        for threads in 1...3 {
            let together = try run(reference, threads: threads) { runner in
                // The same tokens behind two other sequences, one of them far into its context.
                _ = runner.logits(of: Array(reference.tokens.reversed()), chunk: 48, firstBlock: 4)
                let first = runner.logits(of: [
                    TestSlice(tokens: [5], startPosition: 48, firstBlock: 4),
                    TestSlice(tokens: Array(reference.tokens[..<29])),
                    TestSlice(tokens: Array(reference.tokens[3..<11]), firstBlock: 8),
                ])[1]
                let second = runner.logits(of: [
                    TestSlice(
                        tokens: Array(reference.tokens[29...]), startPosition: 29),
                    TestSlice(tokens: [7, 9], startPosition: 49, firstBlock: 4),
                ])[0]
                return first + second
            }
            #expect(together == alone)
        }
    }

    @Test(arguments: TinyReference.families + TinyReference.otherForms)
    func `a rewritten file gives the same logits`(family: String) throws {
        let reference = try TinyReference(family)

        let logits = try ModelRunner.logits(
            of: reference.tokens, by: try EditableModel(reference.file).opened())

        #expect(worstError(logits, reference.logits) <= Self.logitTolerance)
    }

    @Test(arguments: Damage.all)
    func `logits leave the tolerance when one thing is damaged`(damage: Damage) throws {
        let reference = try TinyReference(damage.model)
        var model = try EditableModel(reference.file)
        damage.apply(&model)

        let logits = try ModelRunner.logits(of: reference.tokens, by: try model.opened())

        #expect(worstError(logits, reference.logits) > 100 * Self.logitTolerance)
    }

    private func run<Result>(
        _ reference: TinyReference, threads: Int, _ body: (ModelRunner) -> Result
    ) throws -> Result {
        let team = try ThreadTeam(threadCount: threads)
        let model = try Model(reference.file, team: team)
        return body(
            try ModelRunner(
                model, team: team, maxTokenCount: 64,
                kvBlockCount: 16 * model.kvGroups.count))
    }
}
