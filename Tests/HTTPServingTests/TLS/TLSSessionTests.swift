// SPDX-License-Identifier: Apache-2.0

import COpenSSL
import Testing

@testable import HTTPServing

private let request = Array("GET /hello HTTP/1.1\r\nHost: a\r\n\r\n".utf8)
private let http11: [UInt8] = [8] + Array("http/1.1".utf8)
private let h2: [UInt8] = [2] + Array("h2".utf8)

struct TLSSessionTests {
    @Test(arguments: [TLS1_2_VERSION, TLS1_3_VERSION])
    func `plaintext goes through in both directions`(version: Int32) throws {
        var server = try SessionHarness(TLSFixture.context())
        let peer = TLSPeer(.init(maxVersion: version))
        var answer = OutputQueue()
        let body = (0..<100_000).map { UInt8(truncatingIfNeeded: $0 &* 7) }

        _ = server.converse(with: peer)
        #expect(server.session.isEstablished && peer.isEstablished)
        peer.write(request)
        _ = server.converse(with: peer)
        answer.append(body)
        answer.append(Array("end".utf8))
        while !answer.isEmpty { server.session.seal(&answer) }
        let received = peer.receive(server.takeOutput())

        #expect(server.plaintext == request)
        #expect(received == body + Array("end".utf8))
        #expect(
            server.session.summary.hasPrefix(
                version == TLS1_2_VERSION ? "TLSv1.2 ECDHE" : "TLSv1.3"))
    }

    @Test(arguments: [TLS1_1_VERSION, TLS1_VERSION])
    func `versions below 1_2 are refused`(version: Int32) throws {
        var server = try SessionHarness(TLSFixture.context())
        let peer = TLSPeer(.init(maxVersion: version))

        _ = server.converse(with: peer)

        #expect(!server.session.isEstablished && !peer.isEstablished)
        // It was asked, and said no.
        #expect(server.session.hasFailed && peer.failed)
    }

    @Test(arguments: [
        "AES128-GCM-SHA256", "AES256-SHA", "ECDHE-ECDSA-AES128-SHA", "ECDHE-ECDSA-AES256-SHA384",
        "DHE-RSA-AES128-GCM-SHA256", "aNULL", "eNULL", "PSK", "ECDHE-ECDSA-AES128-CCM8",
    ])
    func `suites without forward secrecy or authenticated encryption are refused`(
        suite: String
    ) throws {
        var server = try SessionHarness(TLSFixture.context())
        let peer = TLSPeer(.init(maxVersion: TLS1_2_VERSION, suites: "\(suite):@SECLEVEL=0"))

        _ = server.converse(with: peer)

        #expect(!server.session.isEstablished && peer.failed)
        #expect(server.session.hasFailed)
    }

    @Test func `HTTP 1_1 is chosen by ALPN, and nothing else`() throws {
        for (offer, isAccepted) in [(http11, true), (h2 + http11, true), ([], true), (h2, false)] {
            var server = try SessionHarness(TLSFixture.context())
            let peer = TLSPeer(.init(protocols: offer))

            _ = server.converse(with: peer)

            #expect(server.session.isEstablished == isAccepted)
            #expect(peer.failed == !isAccepted)
            #expect(peer.chosenProtocol == (isAccepted && !offer.isEmpty ? "http/1.1" : ""))
        }
    }

    @Test(arguments: [TLS1_2_VERSION, TLS1_3_VERSION])
    func `a certificate is demanded of clients where authorities are given`(
        version: Int32
    ) throws {
        let context = try TLSFixture.context(clients: "authority")
        for (name, isAccepted) in [("client", true), ("stranger", false), (nil, false)] {
            var server = try SessionHarness(context)
            let peer = TLSPeer(.init(maxVersion: version, certificate: name))

            _ = server.converse(with: peer)
            peer.write(request)
            _ = server.converse(with: peer)

            #expect(server.session.isEstablished == isAccepted, "\(name ?? "none")")
            #expect(peer.failed == !isAccepted)
            #expect(server.plaintext == (isAccepted ? request : []))
        }
    }

    @Test(arguments: [TLS1_2_VERSION, TLS1_3_VERSION])
    func `a ticket resumes with the same context, and not with another`(version: Int32) throws {
        let context = try TLSFixture.context(clients: "authority")
        var first = try SessionHarness(context)
        let peer = TLSPeer(.init(maxVersion: version, certificate: "client"))
        _ = first.converse(with: peer)
        let ticket = try #require(peer.session)
        defer { SSL_SESSION_free(ticket) }

        for (next, isResumed) in [
            (context, true), (try TLSFixture.context(clients: "authority"), false),
        ] {
            var server = try SessionHarness(next)
            let again = TLSPeer(.init(maxVersion: version, certificate: "client", session: ticket))
            _ = server.converse(with: again)
            #expect(server.session.isEstablished)
            #expect(again.isResumed == isResumed)
        }
    }

    @Test func `renegotiation is refused, new keys are not`() throws {
        var old = try SessionHarness(TLSFixture.context())
        let oldPeer = TLSPeer(.init(maxVersion: TLS1_2_VERSION))
        _ = old.converse(with: oldPeer)
        _ = oldPeer.renegotiate()
        _ = old.converse(with: oldPeer)
        #expect(oldPeer.failed)
        #expect(!old.session.summary.isEmpty)

        var new = try SessionHarness(TLSFixture.context())
        let newPeer = TLSPeer()
        _ = new.converse(with: newPeer)
        newPeer.updateKeys()
        newPeer.write(request)
        _ = new.converse(with: newPeer)
        #expect(new.plaintext == request)
    }

    @Test func `close_notify goes both ways and is told from a cut`() throws {
        var server = try SessionHarness(TLSFixture.context())
        let peer = TLSPeer()
        _ = server.converse(with: peer)
        peer.write(request)
        peer.sayGoodbye()
        server.receive(peer.takeOutput())

        #expect(server.plaintext == request)
        #expect(server.hasEnded)
        var answer = OutputQueue()
        answer.append(Array("late".utf8))
        server.session.seal(&answer)
        server.session.sayGoodbye()
        server.session.sayGoodbye()
        #expect(peer.receive(server.takeOutput()) == Array("late".utf8))
        #expect(peer.sawGoodbye)
        answer.append([1])
        server.session.seal(&answer)
        #expect(!server.session.hasOutput)
    }

    /// The client's records of one whole exchange with a server that was made by the same context.
    private func flight(_ context: TLSContext, _ version: Int32) throws -> [[UInt8]] {
        var server = try SessionHarness(context)
        let peer = TLSPeer(.init(maxVersion: version))
        var flights: [[UInt8]] = []
        _ = peer.receive([])
        while case let records = peer.takeOutput(), !records.isEmpty {
            flights.append(records)
            server.receive(records)
            _ = peer.receive(server.takeOutput())
            if peer.isEstablished, flights.count == 2 { peer.write(request) }
        }
        return flights
    }

    @Test(arguments: [TLS1_2_VERSION, TLS1_3_VERSION])
    func `a handshake in single bytes is a handshake`(version: Int32) throws {
        var server = try SessionHarness(TLSFixture.context())
        let peer = TLSPeer(.init(maxVersion: version))
        _ = peer.receive([])
        while case let records = peer.takeOutput(), !records.isEmpty {
            for byte in records { server.receive([byte]) }
            for byte in server.takeOutput() { _ = peer.receive([byte]) }
        }
        peer.write(request)
        for byte in peer.takeOutput() { server.receive([byte]) }

        #expect(server.plaintext == request)
    }

    @Test func `a first flight cut at any byte leaves a session that waits`() throws {
        let context = try TLSFixture.context()
        let hello = try #require(try flight(context, TLS1_3_VERSION).first)

        for count in 0..<hello.count {
            var server = try SessionHarness(context)
            server.receive(hello[..<count])
            #expect(!server.session.isEstablished && !server.session.hasFailed)
            #expect(!server.session.hasOutput)
        }
    }

    @Test func `a first flight with any byte changed is refused or answered, and never a session`()
        throws
    {
        let context = try TLSFixture.context()
        let hello = try #require(try flight(context, TLS1_3_VERSION).first)

        for index in hello.indices {
            for change in [UInt8(1), 0x80, 0xff] {
                var server = try SessionHarness(context)
                var damaged = hello
                damaged[index] ^= change
                server.receive(damaged)
                #expect(!server.session.isEstablished)
                #expect(server.plaintext.isEmpty)
            }
        }
    }

    @Test(arguments: [TLS1_2_VERSION, TLS1_3_VERSION])
    func `a record with any byte changed is never plaintext`(version: Int32) throws {
        let context = try TLSFixture.context()
        for index in 0..<(request.count + 24) {
            var server = try SessionHarness(context)
            let peer = TLSPeer(.init(maxVersion: version))
            _ = server.converse(with: peer)
            peer.write(request)
            var record = peer.takeOutput()
            guard index < record.count else { continue }
            record[index] ^= 1
            server.receive(record)
            server.receive([UInt8](repeating: 0, count: 20_000))

            #expect(server.plaintext.isEmpty && server.session.hasFailed, "byte \(index)")
        }
    }

    @Test func `files that do not fit are errors that name them`() throws {
        let other = TLSFixture.path("other-key")
        for (files, part) in [
            (TLSFiles(certificate: "/nowhere", key: other), "certificate '/nowhere'"),
            (TLSFiles(certificate: other, key: other), "certificate '\(other)'"),
            (
                TLSFiles(certificate: TLSFixture.path("server"), key: other),
                "private key '\(other)'"
            ),
            (TLSFixture.files(clients: "other-key"), "client authorities '\(other)'"),
        ] {
            let error = #expect(throws: TLSError.self) { _ = try TLSContext(files) }
            #expect(error?.description.contains(part) == true, "\(error?.description ?? "")")
        }
    }
}
