// SPDX-License-Identifier: Apache-2.0

internal import COpenSSL
internal import Glibc

/// Asks a server on this machine for `/health`, over HTTP and, if that is not what it speaks, over TLS.
///
/// It blocks. Whose certificate the server shows does not matter, as for the probes of orchestrators: the
/// connection does not leave the machine, and the answer says nothing that needs trust.
package struct HealthProbe {
    /// Where the server listens.
    package enum Target {
        /// A port of the loopback interface.
        case port(UInt16)
        case unixSocket(String)
    }

    private let target: Target
    private let tls: TLSContext

    /// How long a server may take for one answer, in seconds.
    private static let timeoutSeconds = 5
    private static let request = Array("GET /health HTTP/1.0\r\n\r\n".utf8)
    private static let healthy = Array("HTTP/1.1 200".utf8)

    /// What came of one try.
    private enum Outcome {
        case healthy
        case unhealthy
        /// The server speaks, and not HTTP.
        case otherProtocol
    }

    /// A probe that shows the client certificate in `files`, if any.
    package init(_ target: Target, clientCertificate files: TLSFiles? = nil) throws(TLSError) {
        self.target = target
        tls = try TLSContext(client: files)
    }

    /// Whether the server answers 200.
    package func isHealthy() -> Bool {
        switch ask(overTLS: false) {
        case .healthy: true
        case .unhealthy: false
        case .otherProtocol: ask(overTLS: true) == .healthy
        }
    }

    private func ask(overTLS: Bool) -> Outcome {
        guard let socket = BlockingSocket(timeoutSeconds: Self.timeoutSeconds, target) else {
            return .unhealthy
        }
        defer { socket.close() }
        var answer = [UInt8](repeating: 0, count: Self.healthy.count)
        let count =
            overTLS
            ? socket.exchange(Self.request, for: &answer, over: tls)
            : socket.exchange(Self.request, for: &answer)
        guard let count else { return .unhealthy }
        if count == answer.count, answer == Self.healthy { return .healthy }
        return answer.starts(with: "HTTP/".utf8) ? .unhealthy : .otherProtocol
    }
}

/// A connected socket whose calls wait.
private struct BlockingSocket {
    private let descriptor: Int32

    init?(timeoutSeconds: Int, _ target: HealthProbe.Target) {
        switch target {
        case .port(let port):
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_port = port.bigEndian
            address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
            self.init(family: AF_INET, timeoutSeconds, address)
        case .unixSocket(let path):
            var address = sockaddr_un()
            address.sun_family = sa_family_t(AF_UNIX)
            guard path.utf8.count < MemoryLayout.size(ofValue: address.sun_path) else { return nil }
            withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
            self.init(family: AF_UNIX, timeoutSeconds, address)
        }
    }

    private init?<Address>(family: Int32, _ timeoutSeconds: Int, _ address: Address) {
        descriptor = socket(family, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { return nil }
        var timeout = timeval(tv_sec: timeoutSeconds, tv_usec: 0)
        let size = socklen_t(MemoryLayout<timeval>.size)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &timeout, size)
        setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &timeout, size)
        let status = withUnsafeBytes(of: address) { bytes in
            let name = bytes.assumingMemoryBound(to: sockaddr.self).baseAddress
            return connect(descriptor, name, socklen_t(bytes.count))
        }
        guard status == 0 else {
            close()
            return nil
        }
    }

    func close() { _ = Glibc.close(descriptor) }

    /// Sends a request and fills `answer` as far as it comes; nil where the server is silent.
    func exchange(_ request: [UInt8], for answer: inout [UInt8]) -> Int? {
        guard
            Glibc.send(descriptor, request, request.count, Int32(MSG_NOSIGNAL)) == request.count
        else { return nil }
        let count = recv(descriptor, &answer, answer.count, Int32(MSG_WAITALL))
        // A server that speaks TLS may reset the connection at once.
        return count >= 0 ? count : errno == ECONNRESET ? 0 : nil
    }

    /// The same over TLS; SIGPIPE is to be ignored, for the library cannot send without it.
    func exchange(_ request: [UInt8], for answer: inout [UInt8], over tls: TLSContext) -> Int? {
        guard let session = SSL_new(tls.pointer) else { return nil }
        defer { SSL_free(session) }
        guard SSL_set_fd(session, descriptor) == 1, SSL_connect(session) == 1,
            SSL_write(session, request, Int32(request.count)) == request.count
        else { return nil }
        var count = 0
        while count < answer.count {
            let received = answer.withUnsafeMutableBytes { bytes in
                let rest = bytes[count...]
                return SSL_read(
                    session, UnsafeMutableRawBufferPointer(rebasing: rest).baseAddress,
                    Int32(rest.count))
            }
            guard received > 0 else { break }
            count += Int(received)
        }
        return count
    }
}
