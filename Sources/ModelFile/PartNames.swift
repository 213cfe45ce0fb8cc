// SPDX-License-Identifier: Apache-2.0

/// How the files of a split model are named: `<prefix>-00002-of-00009.gguf`, numbered from 1.
struct PartNames {
    /// What all names begin with, folders included.
    let prefix: String
    private let count: Int

    /// The names beside that of the first part; nil when `path` is not named like one.
    init?(first path: String, count: Int) {
        let ending = PartNames.ending(1, of: count)
        guard path.hasSuffix(ending) else { return nil }
        prefix = String(path.dropLast(ending.count))
        self.count = count
    }

    /// The path of a part, from 0.
    func path(ofPart index: Int) -> String { prefix + PartNames.ending(index + 1, of: count) }

    /// What the name of part `number`, from 1, ends in.
    static func ending(_ number: Int, of count: Int) -> String {
        "-\(fiveDigits(number))-of-\(fiveDigits(count)).gguf"
    }

    private static func fiveDigits(_ number: Int) -> String {
        let digits = String(number)
        return String(repeating: "0", count: max(0, 5 - digits.count)) + digits
    }
}
