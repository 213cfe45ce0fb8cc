// SPDX-License-Identifier: Apache-2.0

import Glibc
import ModelFile

/// A model file is opened or refused, and everything in an opened one can be read.
enum GGUFTarget {
    /// A file without a name: nothing is left of it.
    private static let descriptor: Int32 = {
        var path = Array("/dev/shm/apus-fuzzing-XXXXXX".utf8CString)
        let descriptor = mkstemp(&path)
        precondition(descriptor >= 0)
        unlink(path)
        return descriptor
    }()

    static func test(_ input: [UInt8]) {
        precondition(ftruncate(descriptor, 0) == 0)
        precondition(pwrite(descriptor, input, input.count, 0) == input.count)
        let file: GGUFFile
        do throws(ModelFileError) {
            file = try GGUFFile(path: "/proc/self/fd/\(descriptor)")
        } catch {
            _ = "\(error)"
            return
        }
        for key in file.metadataKeys { read(key, of: file) }
        for tensor in file.tensors {
            precondition(file.tensor(tensor.name) == tensor)
            let bytes = file.bytes(of: tensor)
            // The ends of the mapping are touched.
            _ = bytes.first
            _ = bytes.last
        }
    }

    private static func read(_ key: String, of file: GGUFFile) {
        _ = file.metadata[key].map { "\($0)" }
        _ = try? file.int(key)
        _ = try? file.float(key)
        _ = try? file.bool(key)
        _ = try? file.string(key)
        _ = try? file.ints(key)
        _ = try? file.floats(key)
        _ = try? file.bools(key)
        _ = try? file.strings(key)
        _ = try? file.intOrInts(key, count: 3)
    }
}
