// SPDX-License-Identifier: Apache-2.0

internal import Glibc

/// A descriptor kept in reserve: given up for a moment, it lets a connection be taken off a
/// listener's queue and closed when the process has no other left.
final class SpareDescriptor {
    private var descriptor: Int32

    init() throws(SystemError) {
        descriptor = try SystemCall.run("open") { open("/dev/null", O_RDONLY | O_CLOEXEC) }
    }

    deinit { close() }

    /// Turns away one connection; false if even that fails.
    func turnAway(from listener: Listener) -> Bool {
        close()
        defer { descriptor = open("/dev/null", O_RDONLY | O_CLOEXEC) }
        guard case .connection(let socket) = listener.accept() else { return false }
        socket.close()
        return true
    }

    func close() {
        if descriptor >= 0 { _ = Glibc.close(descriptor) }
        descriptor = -1
    }
}
