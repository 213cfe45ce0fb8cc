// SPDX-License-Identifier: Apache-2.0

/// A small model of four tensors in three files, well-formed or not, removed with the last reference.
final class SplitModel {
    /// What one file holds; the keys are left out where they are nil.
    struct Part {
        var index: UInt16?
        var count: UInt16? = 3
        var tensorCount: Int32? = 4
        var tensors: [String]

        static let all = [
            Part(index: 0, tensors: ["a"]), Part(index: 1, tensors: ["b", "c"]),
            Part(index: 2, tensors: ["d"]),
        ]

        /// The file's bytes and how many are header; a tensor is four bytes, counting up.
        func encoded() -> (bytes: [UInt8], headerByteCount: Int) {
            let keyCount =
                (index == nil ? 0 : 1) + (count == nil ? 0 : 1)
                + (tensorCount == nil ? 0 : 1)
            var file = GGUFBuilder(
                tensorCount: UInt64(tensors.count), keyCount: UInt64(keyCount))
            if let index { file.key("split.no", type: 2, index) }
            if let count { file.key("split.count", type: 2, count) }
            if let tensorCount { file.key("split.tensors.count", type: 5, tensorCount) }
            for (place, name) in tensors.enumerated() {
                file.tensor(name, [1], type: 0, offset: UInt64(place * 32))
            }
            let headerByteCount = file.bytes.count
            file.data(byteCount: max(0, tensors.count * 32 - 28))
            return (file.bytes, headerByteCount)
        }
    }

    let parts: [(bytes: [UInt8], headerByteCount: Int)]
    let files: [TemporaryFile]

    /// The first file's path.
    var path: String { files[0].path }

    /// Writes the files under the names that splitting gives them.
    init(_ parts: [Part] = Part.all) throws {
        let name = temporaryName()
        self.parts = parts.map { $0.encoded() }
        files = try self.parts.enumerated().map { index, part in
            try TemporaryFile(part.bytes, name: "\(name)-0000\(index + 1)-of-00003.gguf")
        }
    }
}
