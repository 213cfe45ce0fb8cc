// SPDX-License-Identifier: Apache-2.0

@testable import HTTPServing

/// A test client that speaks TLS.
final class SecureTestClient {
    let client: TestClient
    let peer: TLSPeer
    private var plaintext: [UInt8] = []

    /// Connects; the handshake comes with `shakeHands` or the first request.
    init(
        _ test: TestServer, _ options: TLSPeer.Options = .init(), receiveBufferBytes: Int32? = nil
    ) throws {
        client = try test.connect(receiveBufferBytes: receiveBufferBytes)
        peer = TLSPeer(options)
    }

    /// True once both sides are through.
    func shakeHands() -> Bool {
        _ = peer.receive([])
        client.send(peer.takeOutput())
        while !peer.isEstablished, !peer.failed, client.ending == nil { receiveSome() }
        return peer.isEstablished
    }

    func send(_ text: String) {
        if !peer.isEstablished { _ = shakeHands() }
        peer.write(Array(text.utf8))
        client.send(peer.takeOutput())
    }

    func sayGoodbye() {
        peer.sayGoodbye()
        client.send(peer.takeOutput())
    }

    /// Reads until a text has come, and takes everything up to its end; nil if the stream ended before.
    func receive(through text: String) -> String? {
        let wanted = Array(text.utf8)
        while true {
            if let range = plaintext.firstRange(of: wanted) { return take(range.upperBound) }
            guard isGoingOn else { return nil }
            receiveSome()
        }
    }

    func receive(count: Int) -> String? {
        while plaintext.count < count {
            guard isGoingOn else { return nil }
            receiveSome()
        }
        return take(count)
    }

    /// Reads to the end of the stream.
    func receiveAll() -> String {
        while client.ending == nil { receiveSome() }
        return take(plaintext.count)
    }

    /// The body of a response with a Content-Length.
    func receiveBody() -> String? {
        guard let head = receive(through: "\r\n\r\n"),
            let field = head.firstRange(of: "Content-Length: ")
        else { return nil }
        return receive(count: Int(head[field.upperBound...].prefix { $0.isNumber }) ?? 0)
    }

    private var isGoingOn: Bool { client.ending == nil && !peer.failed && !peer.sawGoodbye }

    private func receiveSome() {
        client.receiveSome()
        plaintext += peer.receive(client.takeReceived())
        client.send(peer.takeOutput())
    }

    private func take(_ count: Int) -> String {
        defer { plaintext.removeFirst(count) }
        return String(decoding: plaintext.prefix(count), as: UTF8.self)
    }
}
