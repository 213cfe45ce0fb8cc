// SPDX-License-Identifier: Apache-2.0

internal import Glibc

/// A non-blocking stream socket; whoever holds it closes it, once.
struct Socket {
    let descriptor: Int32

    func receive(into buffer: UnsafeMutableRawBufferPointer) -> Transfer {
        SystemCall.transfer { recv(descriptor, buffer.baseAddress, buffer.count, 0) }
    }

    /// Sends the first bytes of a queue, gathered from up to two of its pieces, without SIGPIPE.
    func send(_ output: borrowing OutputQueue) -> Transfer {
        output.withFirstBytes { first, second in
            guard second.count > 0 else {
                return SystemCall.transfer {
                    Glibc.send(descriptor, first.baseAddress, first.count, Int32(MSG_NOSIGNAL))
                }
            }
            var pieces = (
                iovec(iov_base: .init(mutating: first.baseAddress), iov_len: first.count),
                iovec(iov_base: .init(mutating: second.baseAddress), iov_len: second.count)
            )
            return withUnsafeMutableBytes(of: &pieces) { pieces in
                var message = msghdr()
                message.msg_iov = pieces.bindMemory(to: iovec.self).baseAddress
                message.msg_iovlen = 2
                return SystemCall.transfer { sendmsg(descriptor, &message, Int32(MSG_NOSIGNAL)) }
            }
        }
    }

    /// The numeric address of the other side; `unix` for a Unix socket.
    func peerAddress() -> String {
        var storage = sockaddr_storage()
        var size = socklen_t(MemoryLayout<sockaddr_storage>.size)
        var text = [CChar](repeating: 0, count: Int(NI_MAXHOST))
        let isKnown = withUnsafeMutableBytes(of: &storage) { bytes -> Bool in
            let name = bytes.assumingMemoryBound(to: sockaddr.self).baseAddress
            guard getpeername(descriptor, name, &size) == 0 else { return false }
            if name?.pointee.sa_family == sa_family_t(AF_UNIX) {
                text = Array("unix".utf8CString)
                return true
            }
            return getnameinfo(
                name, size, &text, socklen_t(text.count), nil, 0, NI_NUMERICHOST) == 0
        }
        let end = text.firstIndex(of: 0) ?? 0
        let bytes = text[..<end].map { UInt8(bitPattern: $0) }
        return isKnown ? String(decoding: bytes, as: UTF8.self) : "-"
    }

    /// Sends FIN: nothing more comes from here.
    func finishSending() {
        // A peer that reset the connection makes this fail; the close that follows does the rest.
        _ = shutdown(descriptor, Int32(SHUT_WR))
    }

    /// Makes `close` throw away unsent bytes and reset the connection.
    func resetOnClose() {
        var option = linger(l_onoff: 1, l_linger: 0)
        let size = socklen_t(MemoryLayout<linger>.size)
        _ = setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &option, size)
    }

    /// Returns the descriptor; not repeated on EINTR, as Linux has released it by then.
    func close() {
        _ = Glibc.close(descriptor)
    }
}
