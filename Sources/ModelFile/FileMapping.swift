// SPDX-License-Identifier: Apache-2.0

import Glibc

/// A regular file mapped read-only, unmapped when the last reference goes.
///
/// The file must not be shortened while it is mapped: the system answers a read past the new end
/// with a signal. Replace model files by renaming, as downloaders do.
final class FileMapping: Sendable {
    let byteCount: Int
    nonisolated(unsafe) private let base: UnsafeRawPointer  // never written to

    /// - Throws: `ModelFileError` when there is no such file, or not one that can be mapped.
    init(path: String) throws(ModelFileError) {
        let descriptor = try FileMapping.open(path)
        defer { close(descriptor) }
        byteCount = try FileMapping.regularFileSize(of: descriptor, path: path)
        guard byteCount > 0 else { throw .empty(path: path) }
        let mapped = mmap(nil, byteCount, PROT_READ, MAP_PRIVATE, descriptor, 0)
        guard let mapped, mapped != MAP_FAILED else {
            throw .unreadable(path: path, reason: errorText(errno))
        }
        base = UnsafeRawPointer(mapped)
    }

    deinit {
        munmap(UnsafeMutableRawPointer(mutating: base), byteCount)
    }

    /// The whole file; valid while the mapping lives.
    var bytes: UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(start: base, count: byteCount)
    }

    /// Tells the system how a range will be used; it may ignore that, and so errors are ignored.
    func advise(_ advice: CInt, range: Range<Int>) {
        let pageMask = sysconf(CInt(_SC_PAGESIZE)) - 1
        let start = range.lowerBound & ~pageMask
        let address = UnsafeMutableRawPointer(mutating: base + start)
        _ = madvise(address, range.upperBound - start, advice)
    }

    private static func open(_ path: String) throws(ModelFileError) -> CInt {
        guard !path.utf8.contains(0) else { throw .missing(path: path) }
        // Without O_NONBLOCK, opening a pipe that nobody writes to would wait for ever.
        let descriptor = Glibc.open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor < 0 else { return descriptor }
        switch errno {
        case ENOENT, ENOTDIR: throw .missing(path: path)
        case ENXIO: throw .notRegularFile(path: path)
        case let code: throw .unreadable(path: path, reason: errorText(code))
        }
    }

    private static func regularFileSize(
        of descriptor: CInt, path: String
    ) throws(ModelFileError) -> Int {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else {
            throw .unreadable(path: path, reason: errorText(errno))
        }
        guard status.st_mode & S_IFMT == S_IFREG else { throw .notRegularFile(path: path) }
        return Int(status.st_size)
    }
}

private func errorText(_ code: CInt) -> String {
    guard let text = strerror(code) else { return "error \(code)" }
    return String(cString: text)
}
