// SPDX-License-Identifier: Apache-2.0
import CKernels
import Foundation
import Testing

/// An instruction set, as a test argument.
struct InstructionSet: CustomTestStringConvertible, Equatable {
    var isa: apus_isa

    static let scalar = InstructionSet(isa: APUS_ISA_SCALAR)
    static let all = (0..<UInt32(APUS_ISA_COUNT)).map {
        InstructionSet(isa: apus_isa(rawValue: $0))
    }
    /// Those that this machine has.
    static let available = all.filter { apus_isa_is_available($0.isa) }

    var testDescription: String { String(cString: apus_isa_name(isa)) }
}

struct InstructionSetTests {
    @Test func `the scalar kernels are always among those tested`() {
        #expect(InstructionSet.available.contains(.scalar))
    }

    @Test func `instruction sets have the names that commands print`() {
        let names = InstructionSet.all.map(\.testDescription)

        #expect(
            names
                == ["scalar", "avx2", "avx-vnni", "avx512-vnni", "avx512-bf16", "neon-dotprod"])
    }

    @Test func `the best instruction set is the last that is available`() {
        #expect(InstructionSet.available.last == InstructionSet(isa: apus_best_isa()))
    }

    @Test func `an instruction set is available when the system says that the processor has it`()
        throws
    {
        // The words that follow "flags" on x86-64 and "Features" on arm64, the same for every core.
        let cpuinfo = try String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8)
        let line = try #require(
            cpuinfo.split(separator: "\n")
                .first { $0.hasPrefix("flags") || $0.hasPrefix("Features") })
        let features = Set(line.split(whereSeparator: \.isWhitespace).map(String.init))
        let avx2: Set = ["avx2", "fma", "f16c"]
        let avx512 = avx2.union(["avx512f", "avx512bw", "avx512dq", "avx512vl", "avx512_vnni"])
        let needed: [Set<String>] = [
            [], avx2, avx2.union(["avx_vnni"]), avx512, avx512.union(["avx512_bf16"]),
            ["asimddp"],
        ]

        let wanted = zip(InstructionSet.all, needed)
            .filter { $1.isSubset(of: features) }.map { $0.0 }
        #expect(InstructionSet.available == wanted)
    }
}
