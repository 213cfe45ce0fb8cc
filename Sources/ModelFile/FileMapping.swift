// SPDX-License-Identifier: Apache-2.0

internal import CFaults
import Glibc

/// A regular file mapped read-only, unmapped when the last reference goes.
///
/// The file must not be written to while it is mapped. Where it was, or where it cannot be read, what is read
/// here is zeros or a mixture of old and new, and `damage` says so. A file that is replaced by renaming, as
/// downloaders do, stays what it was.
final class FileMapping: Sendable {
    let byteCount: Int
    private let path: String
    private let descriptor: CInt
    private let opened: FileState
    private let guardNumber: CInt
    nonisolated(unsafe) private let base: UnsafeRawPointer  // never written to

    /// - Throws: `ModelFileError` when there is no such file, or not one that can be mapped.
    init(path: String) throws(ModelFileError) {
        let descriptor = try FileMapping.open(path)
        do throws(ModelFileError) {
            let status = try FileMapping.regularFileStatus(of: descriptor, path: path)
            byteCount = Int(status.st_size)
            guard byteCount > 0 else { throw .empty(path: path) }
            let mapped = mmap(nil, byteCount, PROT_READ, MAP_PRIVATE, descriptor, 0)
            guard let mapped, mapped != MAP_FAILED else {
                throw .unreadable(path: path, reason: errorText(errno))
            }
            guardNumber = apus_guard(mapped, byteCount)
            guard guardNumber >= 0 else {
                munmap(mapped, byteCount)
                throw .unreadable(
                    path: path, reason: "\(APUS_MAX_GUARDS) model files are open already")
            }
            base = UnsafeRawPointer(mapped)
            opened = FileState(status)
        } catch {
            close(descriptor)
            throw error
        }
        self.path = path
        self.descriptor = descriptor
    }

    deinit {
        apus_unguard(guardNumber)
        munmap(UnsafeMutableRawPointer(mutating: base), byteCount)
        close(descriptor)
    }

    /// What has become of the file, where that makes what is read from now on, or was read, wrong.
    var damage: ModelFileError? {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else {
            return .damaged(path: path, reason: errorText(errno))
        }
        if Int(status.st_size) < byteCount {
            return .damaged(
                path: path, reason: "it was shortened from \(byteCount) to \(status.st_size) bytes")
        }
        guard FileState(status) == opened else {
            return .damaged(path: path, reason: "it was written to")
        }
        return apus_guard_has_failed(guardNumber)
            ? .damaged(path: path, reason: "the system could not read it") : nil
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

    private static func regularFileStatus(
        of descriptor: CInt, path: String
    ) throws(ModelFileError) -> stat {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else {
            throw .unreadable(path: path, reason: errorText(errno))
        }
        guard status.st_mode & S_IFMT == S_IFREG else { throw .notRegularFile(path: path) }
        return status
    }
}

/// What changes when a file is written to, and not when it is read, renamed or unlinked.
private struct FileState: Equatable {
    let byteCount: Int
    let seconds: Int
    let nanoseconds: Int

    init(_ status: stat) {
        byteCount = Int(status.st_size)
        seconds = status.st_mtim.tv_sec
        nanoseconds = status.st_mtim.tv_nsec
    }
}

private func errorText(_ code: CInt) -> String {
    guard let text = strerror(code) else { return "error \(code)" }
    return String(cString: text)
}
