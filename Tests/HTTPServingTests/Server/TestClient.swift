// SPDX-License-Identifier: Apache-2.0

import Foundation
import Glibc

@testable import HTTPServing

/// A blocking client on the loopback interface that says exactly what a test wants on the wire.
final class TestClient {
    /// A response as far as tests look at it.
    struct Response: Equatable {
        var status: Int
        var head: String
        var body: String
    }

    /// What reading gave.
    enum Ending: Equatable {
        case endOfStream
        case reset
        /// Nothing came for longer than any test needs.
        case silence
    }

    private var descriptor: Int32
    private var received: [UInt8] = []
    private(set) var ending: Ending?

    /// Connects; a receive buffer other than the system's has to be set before that.
    init(_ address: ListenAddress, receiveBufferBytes: Int32? = nil) throws {
        let isUnix = if case .unix = address { true } else { false }
        let kind = Int32(SOCK_STREAM.rawValue)
        let opened = socket(isUnix ? AF_UNIX : AF_INET, kind, 0)
        descriptor = try SystemCall.run("socket") { opened }
        var patience = timeval(tv_sec: 20, tv_usec: 0)
        setsockopt(
            opened, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
        if var bytes = receiveBufferBytes {
            setsockopt(opened, SOL_SOCKET, SO_RCVBUF, &bytes, socklen_t(MemoryLayout<Int32>.size))
        }
        try SystemCall.run("connect") {
            Self.withName(of: address) { Glibc.connect(opened, $0, $1) }
        }
    }

    deinit { close() }

    func send(_ text: String) { send(Array(text.utf8)) }

    func send(_ bytes: [UInt8]) { Self.send(bytes, to: descriptor) }

    /// Sends on another thread, so that this one can read meanwhile.
    func sendInBackground(_ bytes: [UInt8]) {
        Thread.detachNewThread { [descriptor] in Self.send(bytes, to: descriptor) }
    }

    private static func send(_ bytes: [UInt8], to descriptor: Int32) {
        var offset = 0
        while offset < bytes.count {
            let count = bytes[offset...].withUnsafeBytes {
                Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { return }
            offset += count
        }
    }

    /// Waits up to 10 ms for input or an end; nil if there was none.
    func poll() -> Bool? {
        var entry = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        return Glibc.poll(&entry, 1, 10) > 0 ? true : nil
    }

    /// Sends until the system takes no more for a second; the bytes taken.
    func sendUntilFull(_ bytes: [UInt8], maxBytes: Int) -> Int {
        var sentBytes = 0
        while sentBytes < maxBytes {
            var entry = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
            guard Glibc.poll(&entry, 1, 1000) > 0 else { break }
            let start = sentBytes % bytes.count
            let count = bytes[start...].withUnsafeBytes {
                Glibc.send(
                    descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL) | Int32(MSG_DONTWAIT))
            }
            sentBytes += max(count, 0)
        }
        return sentBytes
    }

    func finishSending() { shutdown(descriptor, Int32(SHUT_WR)) }

    /// Closes with a reset instead of an end of stream.
    func reset() {
        Socket(descriptor: descriptor).resetOnClose()
        close()
    }

    func close() {
        if descriptor >= 0 { Glibc.close(descriptor) }
        descriptor = -1
    }

    /// Reads to the end of the stream.
    func receiveAll() -> String {
        while ending == nil { receiveSome() }
        defer { received = [] }
        return String(decoding: received, as: UTF8.self)
    }

    /// Reads until a text has come; false if the stream ended before.
    func receive(until text: String) -> Bool {
        let wanted = Array(text.utf8)
        while true {
            if let range = received.firstRange(of: wanted) {
                received.removeSubrange(..<range.upperBound)
                return true
            }
            guard ending == nil else { return false }
            receiveSome()
        }
    }

    /// Reads one response with a Content-Length, or chunked, or without a body for HEAD.
    func receiveResponse(toHead: Bool = false) -> Response? {
        guard let head = take(through: "\r\n\r\n") else { return nil }
        let status = Int(head.split(separator: " ").dropFirst().first ?? "") ?? 0
        var response = Response(status: status, head: head, body: "")
        guard !toHead, status != 204 else { return response }
        if head.contains("Transfer-Encoding: chunked") {
            guard let body = takeChunks() else { return nil }
            response.body = body
        } else if let field = head.firstRange(of: "Content-Length: ") {
            let digits = head[field.upperBound...].prefix { $0.isNumber }
            guard let body = take(count: Int(digits) ?? 0) else { return nil }
            response.body = body
        }
        return response
    }

    private func takeChunks() -> String? {
        var body = ""
        while true {
            guard let line = take(through: "\r\n"),
                let size = Int(line.dropLast(1), radix: 16), let chunk = take(count: size),
                take(through: "\r\n") == "\r\n"
            else { return nil }
            if size == 0 { return body }
            body += chunk
        }
    }

    private func take(through text: String) -> String? {
        let wanted = Array(text.utf8)
        while true {
            if let range = received.firstRange(of: wanted) { return take(count: range.upperBound) }
            guard ending == nil else { return nil }
            receiveSome()
        }
    }

    private func take(count: Int) -> String? {
        while received.count < count {
            guard ending == nil else { return nil }
            receiveSome()
        }
        defer { received.removeFirst(count) }
        return String(decoding: received.prefix(count), as: UTF8.self)
    }

    /// What was read and not taken.
    func takeReceived() -> [UInt8] {
        defer { received = [] }
        return received
    }

    /// Reads once.
    func receiveSome() {
        let buffer = ReadBuffer(byteCount: 64 << 10)
        switch Socket(descriptor: descriptor).receive(into: buffer.bytes) {
        case .bytes(let count): received += buffer.bytes[..<count]
        case .endOfStream: ending = .endOfStream
        case .wouldBlock: ending = .silence
        case .failed: ending = .reset
        }
    }

    private static func withName(
        of address: ListenAddress, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32
    ) -> Int32 {
        switch address {
        case .internet(_, let port):
            var name = sockaddr_in()
            name.sin_family = sa_family_t(AF_INET)
            name.sin_port = port.bigEndian
            name.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
            return withUnsafePointer(to: &name) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    body($0, socklen_t(MemoryLayout<sockaddr_in>.size))
                }
            }
        case .unix(let path, _):
            var name = sockaddr_un()
            name.sun_family = sa_family_t(AF_UNIX)
            withUnsafeMutableBytes(of: &name.sun_path) { $0.copyBytes(from: path.utf8) }
            return withUnsafePointer(to: &name) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    body($0, socklen_t(MemoryLayout<sockaddr_un>.size))
                }
            }
        }
    }
}
