// SPDX-License-Identifier: Apache-2.0
import CKernels
import Testing

/// An instruction set that this machine has, as a test argument.
struct InstructionSet: CustomTestStringConvertible, Equatable {
    var isa: apus_isa

    static let scalar = InstructionSet(isa: APUS_ISA_SCALAR)
    static let available = [APUS_ISA_SCALAR, APUS_ISA_AVX2, APUS_ISA_AVX512_VNNI]
        .filter { $0.rawValue <= apus_best_isa().rawValue }
        .map(InstructionSet.init)

    var testDescription: String { String(cString: apus_isa_name(isa)) }
}

struct InstructionSetTests {
    @Test func `the scalar kernels are always among those tested`() {
        #expect(InstructionSet.available.contains(.scalar))
    }

    @Test func `instruction sets have the names that commands print`() {
        let names = [APUS_ISA_SCALAR, APUS_ISA_AVX2, APUS_ISA_AVX512_VNNI]
            .map { String(cString: apus_isa_name($0)) }

        #expect(names == ["scalar", "avx2", "avx512-vnni"])
    }
}
