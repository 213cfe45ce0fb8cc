// SPDX-License-Identifier: Apache-2.0

import COpenSSL
import Foundation

@testable import HTTPServing

/// Certificates and keys of `Tests/Fixtures/tls`.
enum TLSFixture {
    static let folder = URL(filePath: #filePath).deletingLastPathComponent()
        .appending(path: "../../Fixtures/tls").standardizedFileURL.path

    static func path(_ name: String) -> String { "\(folder)/\(name).pem" }

    static func files(_ name: String = "server", clients: String? = nil) -> TLSFiles {
        TLSFiles(
            certificate: path(name), key: path("\(name)-key"), clientAuthorities: clients.map(path))
    }

    static func context(_ name: String = "server", clients: String? = nil) throws -> TLSContext {
        try TLSContext(files(name, clients: clients))
    }
}

/// A client's side of TLS in memory: OpenSSL with its own memory buffers for a transport.
final class TLSPeer {
    struct Options {
        var maxVersion = TLS1_3_VERSION
        var suites: String?
        /// Names offered by ALPN, in the form of the wire.
        var protocols: [UInt8] = []
        /// The name of the client's certificate.
        var certificate: String?
        var session: OpaquePointer?
    }

    private let context: OpaquePointer?
    private let ssl: OpaquePointer?
    private let incoming = BIO_new(BIO_s_mem())
    private let outgoing = BIO_new(BIO_s_mem())
    private(set) var failed = false
    private(set) var sawGoodbye = false

    init(_ options: Options = Options()) {
        context = SSL_CTX_new(TLS_client_method())
        SSL_CTX_set_security_level(context, 0)
        SSL_CTX_ctrl(context, SSL_CTRL_SET_MIN_PROTO_VERSION, 0, nil)
        SSL_CTX_ctrl(context, SSL_CTRL_SET_MAX_PROTO_VERSION, Int(options.maxVersion), nil)
        if let suites = options.suites { SSL_CTX_set_cipher_list(context, suites) }
        if !options.protocols.isEmpty {
            SSL_CTX_set_alpn_protos(context, options.protocols, UInt32(options.protocols.count))
        }
        if let name = options.certificate {
            SSL_CTX_use_certificate_chain_file(context, TLSFixture.path(name))
            SSL_CTX_use_PrivateKey_file(context, TLSFixture.path("\(name)-key"), PEM_FILE_TYPE)
        }
        ssl = SSL_new(context)
        SSL_set_bio(ssl, incoming, outgoing)
        SSL_set_connect_state(ssl)
        if let session = options.session { SSL_set_session(ssl, session) }
    }

    deinit {
        SSL_free(ssl)
        SSL_CTX_free(context)
    }

    var isEstablished: Bool { SSL_is_init_finished(ssl) == 1 }
    var isResumed: Bool { SSL_session_reused(ssl) == 1 }
    var session: OpaquePointer? { SSL_get1_session(ssl) }

    var chosenProtocol: String {
        var name: UnsafePointer<UInt8>?
        var count: UInt32 = 0
        SSL_get0_alpn_selected(ssl, &name, &count)
        return String(
            decoding: UnsafeBufferPointer(start: name, count: Int(count)), as: UTF8.self)
    }

    /// Takes records, goes on with the handshake; the plaintext in them.
    func receive(_ records: [UInt8]) -> [UInt8] {
        if !records.isEmpty { BIO_write(incoming, records, Int32(records.count)) }
        var plaintext: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 16 << 10)
        while true {
            ERR_clear_error()
            let count = SSL_read(ssl, &piece, Int32(piece.count))
            if count > 0 {
                plaintext += piece[..<Int(count)]
                continue
            }
            switch SSL_get_error(ssl, count) {
            case SSL_ERROR_WANT_READ: break
            case SSL_ERROR_ZERO_RETURN: sawGoodbye = true
            default: failed = true
            }
            return plaintext
        }
    }

    func write(_ plaintext: [UInt8]) {
        if !plaintext.isEmpty { SSL_write(ssl, plaintext, Int32(plaintext.count)) }
    }

    func sayGoodbye() { SSL_shutdown(ssl) }

    func renegotiate() -> Bool {
        SSL_renegotiate(ssl) == 1 && SSL_do_handshake(ssl) >= 0
    }

    func updateKeys() { SSL_key_update(ssl, SSL_KEY_UPDATE_REQUESTED) }

    /// The records to send.
    func takeOutput() -> [UInt8] {
        var all: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 16 << 10)
        while case let count = BIO_read(outgoing, &piece, Int32(piece.count)), count > 0 {
            all += piece[..<Int(count)]
        }
        return all
    }
}

/// A server's session and what came out of it, for tests without sockets.
struct SessionHarness {
    let session: TLSSession
    var plaintext: [UInt8] = []
    var hasEnded = false
    private let buffer = ReadBuffer(byteCount: 128 << 10)

    init(_ context: TLSContext) throws {
        guard let session = TLSSession(context) else { throw TLSError.library(reason: "memory") }
        self.session = session
    }

    mutating func receive(_ records: some Collection<UInt8>) {
        let received = Array(records).withUnsafeBytes { session.receive($0, into: buffer.bytes) }
        switch received {
        case .bytes(let count): plaintext += buffer.bytes[..<count]
        case .ended(let count):
            plaintext += buffer.bytes[..<count]
            hasEnded = true
        case .failed: break
        }
    }

    mutating func takeOutput() -> [UInt8] {
        let records = bytes(of: session.output, step: .max)
        session.drop(records.count)
        return records
    }

    /// Goes back and forth until nobody has more to say.
    mutating func converse(with peer: TLSPeer) -> [UInt8] {
        var answer = peer.receive([])
        while case let records = peer.takeOutput(), !records.isEmpty {
            receive(records)
            answer += peer.receive(takeOutput())
        }
        return answer
    }
}
