// SPDX-License-Identifier: Apache-2.0

internal import COpenSSL

/// The server's side of one TLS connection: records in, plaintext out, and the reverse; it knows no socket.
final class TLSSession {
    /// What records held.
    enum Received: Equatable {
        /// Plaintext bytes, perhaps none.
        case bytes(Int)
        /// Plaintext bytes, and then the client's close_notify.
        case ended(Int)
        /// Not TLS, a handshake that failed, or a damaged record; `output` may hold an alert.
        case failed
    }

    /// Records to be sent.
    private(set) var output = OutputQueue()
    /// Whether the handshake is done.
    private(set) var isEstablished = false
    private(set) var hasFailed = false
    private var saidGoodbye = false
    private let ssl: OpaquePointer
    /// What the library may take during a call; empty between calls, as it takes everything.
    fileprivate var input = UnsafeRawBufferPointer(start: nil, count: 0)

    /// Ciphertext that is made ahead of the socket.
    private static let maxOutputBytes = 128 << 10
    /// The largest part of a record that the library keeps until its rest comes.
    static let maxHeldBytes = 17 << 10

    /// A session that waits for a ClientHello; nil where there is no memory.
    init?(_ context: TLSContext) {
        guard let method = SessionBytes.method, let made = SSL_new(context.pointer) else {
            return nil
        }
        ssl = made
        guard let bytes = BIO_new(method.pointer) else { return nil }
        BIO_set_data(bytes, Unmanaged.passUnretained(self).toOpaque())
        BIO_set_init(bytes, 1)
        SSL_set_bio(ssl, bytes, bytes)
        SSL_set_accept_state(ssl)
    }

    deinit { SSL_free(ssl) }

    var hasOutput: Bool { !output.isEmpty }

    /// Takes records; `plaintext` must have room for as many bytes and `maxHeldBytes`.
    func receive(
        _ records: UnsafeRawBufferPointer, into plaintext: UnsafeMutableRawBufferPointer
    ) -> Received {
        input = records
        defer { input = UnsafeRawBufferPointer(start: nil, count: 0) }
        var count = 0
        while true {
            var readCount = 0
            ERR_clear_error()
            let target = plaintext.baseAddress?.advanced(by: count)
            let status = SSL_read_ex(ssl, target, plaintext.count - count, &readCount)
            if status == 1 {
                count += readCount
                continue
            }
            isEstablished = SSL_is_init_finished(ssl) == 1
            switch SSL_get_error(ssl, status) {
            case SSL_ERROR_WANT_READ: return .bytes(count)
            case SSL_ERROR_ZERO_RETURN: return .ended(count)
            default:
                hasFailed = true
                return .failed
            }
        }
    }

    /// Encrypts the first bytes of a queue, as many as the socket is likely to take.
    func seal(_ plaintext: inout OutputQueue) {
        guard isEstablished, !hasFailed, !saidGoodbye else { return }
        while output.byteCount < Self.maxOutputBytes, !plaintext.isEmpty {
            ERR_clear_error()
            let count = plaintext.withFirstBytes { first, _ in
                var writtenCount = 0
                let wanted = min(first.count, Self.maxOutputBytes)
                let status = SSL_write_ex(ssl, first.baseAddress, wanted, &writtenCount)
                return status == 1 ? writtenCount : 0
            }
            guard count > 0 else {
                hasFailed = true
                return
            }
            plaintext.removeFirst(count)
        }
    }

    /// Sends records.
    func send(to socket: Socket) -> Transfer {
        let sent = socket.send(output)
        if case .bytes(let count) = sent { drop(count) }
        return sent
    }

    /// Forgets records that were sent.
    func drop(_ count: Int) { output.removeFirst(count) }

    /// Adds close_notify: what was sent is whole.
    func sayGoodbye() {
        guard isEstablished, !hasFailed, !saidGoodbye else { return }
        saidGoodbye = true
        ERR_clear_error()
        _ = SSL_shutdown(ssl)
    }

    /// The names of version and suite, and whether a ticket was used; for tests.
    var summary: String {
        let version = String(cString: SSL_get_version(ssl))
        let suite = SSL_CIPHER_get_name(SSL_get_current_cipher(ssl)).map { String(cString: $0) }
        return "\(version) \(suite ?? "-")\(SSL_session_reused(ssl) == 1 ? " resumed" : "")"
    }

    fileprivate func queue(_ record: UnsafeRawBufferPointer) { output.append(copying: record) }
}

/// Where the library reads and writes: the session's input and output, without a copy of its own that
/// would stay with idle connections.
private struct SessionBytes: @unchecked Sendable {  // OpenSSL only reads a finished method
    let pointer: OpaquePointer

    static let method: SessionBytes? = {
        guard let method = BIO_meth_new(BIO_get_new_index() | SOURCE_SINK_TYPE, "apus") else {
            return nil
        }
        BIO_meth_set_read_ex(method, readBytes)
        BIO_meth_set_write_ex(method, writeBytes)
        BIO_meth_set_ctrl(method) { _, command, _, _ in command == BIO_CTRL_FLUSH ? 1 : 0 }
        return SessionBytes(pointer: method)
    }()
}

private func session(of bytes: OpaquePointer?) -> TLSSession? {
    BIO_get_data(bytes).map { Unmanaged<TLSSession>.fromOpaque($0).takeUnretainedValue() }
}

private func readBytes(
    _ bytes: OpaquePointer?, _ target: UnsafeMutablePointer<CChar>?, _ wantedCount: Int,
    _ readCount: UnsafeMutablePointer<Int>?
) -> Int32 {
    BIO_clear_flags(bytes, BIO_RETRY_ANY)
    guard let session = session(of: bytes), let target, !session.input.isEmpty else {
        BIO_set_flags(bytes, BIO_RETRY_READ)
        return 0
    }
    let count = min(wantedCount, session.input.count)
    UnsafeMutableRawBufferPointer(start: target, count: count)
        .copyMemory(from: .init(rebasing: session.input[..<count]))
    session.input = UnsafeRawBufferPointer(rebasing: session.input[count...])
    readCount?.pointee = count
    return 1
}

private func writeBytes(
    _ bytes: OpaquePointer?, _ source: UnsafePointer<CChar>?, _ count: Int,
    _ writtenCount: UnsafeMutablePointer<Int>?
) -> Int32 {
    BIO_clear_flags(bytes, BIO_RETRY_ANY)
    guard let session = session(of: bytes), let source else { return 0 }
    session.queue(UnsafeRawBufferPointer(start: source, count: count))
    writtenCount?.pointee = count
    return 1
}
