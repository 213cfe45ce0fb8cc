// SPDX-License-Identifier: Apache-2.0

internal import COpenSSL

/// The PEM files that a server proves itself with.
package struct TLSFiles: Hashable, Sendable {
    /// The certificate, followed by those of its issuers up to the root.
    package var certificate: String
    /// The certificate's private key, without a pass phrase.
    package var key: String
    /// Certificates of the authorities that clients must have theirs from; nil asks clients for none.
    package var clientAuthorities: String?

    /// Files at these paths.
    package init(certificate: String, key: String, clientAuthorities: String? = nil) {
        self.certificate = certificate
        self.key = key
        self.clientAuthorities = clientAuthorities
    }
}

/// Why TLS cannot be served with some files.
package enum TLSError: Error, Hashable, Sendable, CustomStringConvertible {
    case unusable(role: String, path: String, reason: String)
    case library(reason: String)

    /// One line for the operator.
    package var description: String {
        switch self {
        case .unusable(let role, let path, let reason): "\(role) '\(path)': \(reason)"
        case .library(let reason): "TLS: \(reason)"
        }
    }
}

/// What TLS sessions share: certificate, key, protocol versions, suites, the keys of session tickets.
///
/// It is not changed once it is made, and OpenSSL counts its references with atomics; another takes its
/// place for new sessions when files are read again.
package final class TLSContext: @unchecked Sendable {  // not changed after init; OpenSSL locks it
    let pointer: OpaquePointer

    /// TLS 1.2: forward secrecy and authenticated encryption only. The three suites of TLS 1.3 that OpenSSL
    /// takes by default are of that kind.
    private static let suites = [
        "ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-RSA-AES128-GCM-SHA256",
        "ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-RSA-AES256-GCM-SHA384",
        "ECDHE-ECDSA-CHACHA20-POLY1305", "ECDHE-RSA-CHACHA20-POLY1305",
    ].joined(separator: ":")
    private static let groups = "X25519:P-256:P-384"
    /// 112 bits: RSA from 2048 bits on, no SHA-1.
    private static let securityLevel: Int32 = 2
    /// Issuers between a client's certificate and its authority.
    private static let maxClientChainLength: Int32 = 4

    /// Reads the files.
    package init(_ files: TLSFiles) throws(TLSError) {
        guard let context = SSL_CTX_new(TLS_server_method()) else { throw Self.libraryError() }
        pointer = context
        try restrictProtocol()
        try useCertificate(files)
        if let path = files.clientAuthorities { try demandClientCertificates(path) }
    }

    /// What a client's sessions need, with the client's own certificate where it has one. Whose certificate
    /// the server shows is not checked.
    init(client files: TLSFiles?) throws(TLSError) {
        guard let context = SSL_CTX_new(TLS_client_method()) else { throw Self.libraryError() }
        pointer = context
        if let files { try useCertificate(files) }
    }

    deinit { SSL_CTX_free(pointer) }

    private func restrictProtocol() throws(TLSError) {
        SSL_CTX_set_options(pointer, TLS_SERVER_OPTIONS)
        SSL_CTX_set_security_level(pointer, Self.securityLevel)
        // Buffers are given back between records; tickets keep sessions with the client.
        SSL_CTX_ctrl(pointer, SSL_CTRL_MODE, Int(SSL_MODE_RELEASE_BUFFERS), nil)
        SSL_CTX_ctrl(pointer, SSL_CTRL_SET_SESS_CACHE_MODE, Int(SSL_SESS_CACHE_OFF), nil)
        let name = Array("apus".utf8)
        let minVersion = Int(TLS1_2_VERSION)
        guard SSL_CTX_ctrl(pointer, SSL_CTRL_SET_MIN_PROTO_VERSION, minVersion, nil) == 1,
            SSL_CTX_set_cipher_list(pointer, Self.suites) == 1, setGroups(),
            SSL_CTX_set_session_id_context(pointer, name, UInt32(name.count)) == 1
        else { throw Self.libraryError() }
        SSL_CTX_set_alpn_select_cb(pointer, selectProtocol, nil)
    }

    private func setGroups() -> Bool {
        var names = Self.groups.utf8CString
        return names.withUnsafeMutableBytes {
            SSL_CTX_ctrl(pointer, SSL_CTRL_SET_GROUPS_LIST, 0, $0.baseAddress) == 1
        }
    }

    private func useCertificate(_ files: TLSFiles) throws(TLSError) {
        // A key with a pass phrase is an error: nobody is there to be asked.
        SSL_CTX_set_default_passwd_cb(pointer) { _, _, _, _ in 0 }
        ERR_clear_error()
        guard SSL_CTX_use_certificate_chain_file(pointer, files.certificate) == 1 else {
            throw .unusable(
                role: "certificate", path: files.certificate, reason: Self.libraryReason())
        }
        guard SSL_CTX_use_PrivateKey_file(pointer, files.key, PEM_FILE_TYPE) == 1,
            SSL_CTX_check_private_key(pointer) == 1
        else {
            throw .unusable(role: "private key", path: files.key, reason: Self.libraryReason())
        }
    }

    private func demandClientCertificates(_ path: String) throws(TLSError) {
        ERR_clear_error()
        guard SSL_CTX_load_verify_locations(pointer, path, nil) == 1,
            let names = SSL_load_client_CA_file(path)
        else {
            throw .unusable(
                role: "client authorities", path: path, reason: Self.libraryReason())
        }
        SSL_CTX_set_client_CA_list(pointer, names)
        SSL_CTX_set_verify(pointer, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nil)
        SSL_CTX_set_verify_depth(pointer, Self.maxClientChainLength)
    }

    private static func libraryError() -> TLSError { .library(reason: libraryReason()) }

    /// The first of the library's errors, which is the cause of the others.
    private static func libraryReason() -> String {
        let code = ERR_get_error()
        ERR_clear_error()
        guard code != 0 else { return "unknown error" }
        var text = [CChar](repeating: 0, count: 256)
        ERR_error_string_n(code, &text, text.count)
        // error:CODE:LIBRARY:FUNCTION:REASON
        let end = text.firstIndex(of: 0) ?? text.endIndex
        let whole = String(decoding: text[..<end].map(UInt8.init(bitPattern:)), as: UTF8.self)
        return whole.split(separator: ":", maxSplits: 4).last.map(String.init) ?? whole
    }
}

/// ALPN (RFC 7301): HTTP/1.1 is spoken, and a client that only speaks something else is told so.
private func selectProtocol(
    _ session: OpaquePointer?, _ chosen: UnsafeMutablePointer<UnsafePointer<UInt8>?>?,
    _ chosenCount: UnsafeMutablePointer<UInt8>?, _ offered: UnsafePointer<UInt8>?,
    _ offeredCount: UInt32, _ unused: UnsafeMutableRawPointer?
) -> Int32 {
    let names = UnsafeBufferPointer(start: offered, count: Int(offeredCount))
    var offset = 0
    while offset < names.count {
        let start = offset + 1
        let end = start + Int(names[offset])
        guard end <= names.count else { break }
        if names[start..<end].elementsEqual("http/1.1".utf8) {
            chosen?.pointee = offered?.advanced(by: start)
            chosenCount?.pointee = names[offset]
            return SSL_TLSEXT_ERR_OK
        }
        offset = end
    }
    return SSL_TLSEXT_ERR_ALERT_FATAL
}
