// SPDX-License-Identifier: Apache-2.0
import CKernels
import Testing

@Suite(.serialized)
struct ProbeTests {
    @Test(arguments: [1, 2])
    func `memory is read at some rate that memory can have`(threadCount: Int) {
        let bytesPerSecond = apus_probe_read_bandwidth(threadCount, 32 << 20, 2)

        #expect(bytesPerSecond > 1e7 && bytesPerSecond < 1e14)
    }

    @Test(arguments: InstructionSet.available)
    func `each instruction set has a peak`(set: InstructionSet) {
        let operationsPerSecond = apus_probe_int8_peak(1, set.isa, 1)

        #expect(operationsPerSecond > 1e7 && operationsPerSecond < 1e14)
    }

    @Test(arguments: WeightType.all)
    func `each type multiplies at some rate that memory can have`(type: WeightType) {
        let isa = apus_best_isa()
        for (columnCount, threadCount) in [(1, 2), (16, 1)] {
            let bytesPerSecond = apus_probe_multiply(
                type.number, isa, 256, 256 << 10, columnCount, threadCount, 1)

            #expect(bytesPerSecond > 1e6 && bytesPerSecond < 1e14)
        }
    }

    @Test func `what cannot be measured is zero`() {
        #expect(apus_probe_read_bandwidth(0, 32 << 20, 1) == 0)
        #expect(apus_probe_read_bandwidth(1, 0, 1) == 0)
        #expect(apus_probe_read_bandwidth(1, 32 << 20, 0) == 0)
        #expect(apus_probe_int8_peak(1 << 20, APUS_ISA_SCALAR, 1) == 0)
        let q8 = APUS_Q8_0.rawValue
        #expect(apus_probe_multiply(9, APUS_ISA_SCALAR, 256, 1, 1, 1, 1) == 0)  // Q8_1
        #expect(apus_probe_multiply(q8, APUS_ISA_SCALAR, 32, 1, 1, 1, 1) == 0)
        #expect(apus_probe_multiply(q8, APUS_ISA_SCALAR, 0, 1, 1, 1, 1) == 0)
        #expect(apus_probe_multiply(q8, APUS_ISA_SCALAR, 256, 1, 0, 1, 1) == 0)
        #expect(apus_probe_multiply(q8, APUS_ISA_SCALAR, 256, 1, 33, 1, 1) == 0)
        #expect(apus_probe_multiply(q8, APUS_ISA_SCALAR, 256, 1, 1, 0, 1) == 0)
        #expect(apus_probe_multiply(q8, APUS_ISA_SCALAR, 256, 1, 1, 1, 0) == 0)
        for set in InstructionSet.all where !InstructionSet.available.contains(set) {
            #expect(apus_probe_int8_peak(1, set.isa, 1) == 0)
            #expect(apus_probe_multiply(q8, set.isa, 256, 1, 1, 1, 1) == 0)
        }
    }

    @Test func `tuning chooses between asking for weights and leaving them to the processor`() {
        apus_tune_prefetch(apus_best_isa())

        #expect([0, 8192].contains(apus_prefetch_distance(1)))
        for columnCount in [2, 8, 32] { #expect(apus_prefetch_distance(columnCount) == 8192) }
    }
}
