// SPDX-License-Identifier: Apache-2.0

internal import CEpoll
internal import Glibc

/// A socket that connections come from.
struct Listener {
    /// What asking for a connection gave.
    enum Accepted {
        case connection(Socket)
        case nothing
        /// The connection was gone before it could be taken.
        case lost
        /// No descriptor or no kernel memory is left.
        case exhausted
    }

    let descriptor: Int32
    /// Where it listens, with the port that the system chose.
    let address: ListenAddress
    /// Which file a Unix socket is; another server may have put its own in the place since.
    private var file: SocketFile?
    /// Whether its connections speak TLS.
    var isSecure = false

    /// Binds and listens. Options set here are inherited by the accepted sockets.
    init(_ address: ListenAddress, maxBacklog: Int32) throws(ListenError) {
        switch address {
        case .internet(let host, let port):
            self = try Self.internet(host, port, maxBacklog)
        case .unix(let path, let mode):
            self = try Self.unix(path, mode, maxBacklog)
            file = SocketFile(at: path)
        }
    }

    private init(descriptor: Int32, address: ListenAddress) {
        self.descriptor = descriptor
        self.address = address
    }

    func accept() -> Accepted {
        do throws(SystemError) {
            let accepted = try SystemCall.run("accept4") { accept_nonblocking(descriptor) }
            return .connection(Socket(descriptor: accepted))
        } catch {
            return switch error.code {
            case EAGAIN: .nothing
            case EMFILE, ENFILE, ENOBUFS, ENOMEM: .exhausted
            default: .lost
            }
        }
    }

    func close() {
        _ = Glibc.close(descriptor)
        if case .unix(let path, _) = address, file != nil, SocketFile(at: path) == file {
            _ = unlink(path)
        }
    }

    private static func internet(
        _ host: String, _ port: UInt16, _ maxBacklog: Int32
    ) throws(ListenError) -> Listener {
        let wanted = ListenAddress.internet(host: host, port: port)
        var hints = addrinfo()
        hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var found: UnsafeMutablePointer<addrinfo>?
        let status = getaddrinfo(host, String(port), &hints, &found)
        defer { found.map { freeaddrinfo($0) } }
        guard status == 0, let chosen = found?.pointee, let name = chosen.ai_addr else {
            throw .unknownHost(host, reason: String(cString: gai_strerror(status)))
        }
        return try listen(wanted, family: chosen.ai_family) { descriptor throws(SystemError) in
            try set(SO_REUSEADDR, at: SOL_SOCKET, to: 1, on: descriptor)
            try set(TCP_NODELAY, at: Int32(IPPROTO_TCP), to: 1, on: descriptor)
            try set(SO_KEEPALIVE, at: SOL_SOCKET, to: 1, on: descriptor)
            if chosen.ai_family == AF_INET6 {
                try set(Int32(IPV6_V6ONLY), at: Int32(IPPROTO_IPV6), to: 0, on: descriptor)
            }
            try SystemCall.run("bind") { bind(descriptor, name, chosen.ai_addrlen) }
            try SystemCall.run("listen") { Glibc.listen(descriptor, maxBacklog) }
            return .internet(host: host, port: try boundPort(descriptor))
        }
    }

    private static func unix(
        _ path: String, _ mode: UInt32, _ maxBacklog: Int32
    ) throws(ListenError) -> Listener {
        var name = sockaddr_un()
        name.sun_family = sa_family_t(AF_UNIX)
        let maxBytes = MemoryLayout.size(ofValue: name.sun_path) - 1
        guard path.utf8.count <= maxBytes else { throw .pathTooLong(path, maxBytes: maxBytes) }
        withUnsafeMutableBytes(of: &name.sun_path) { $0.copyBytes(from: path.utf8) }
        let address = ListenAddress.unix(path: path, mode: mode)
        if SocketFile(at: path)?.isSocket == false { throw .notASocket(path) }
        return try listen(address, family: AF_UNIX) { descriptor throws(SystemError) in
            if isAbandoned(name) { _ = unlink(path) }
            // Before the name is there, so that it never admits more; after, for what the umask took.
            try SystemCall.run("fchmod") { fchmod(descriptor, mode_t(mode)) }
            try SystemCall.run("bind") {
                withName(name) { bind(descriptor, $0, $1) }
            }
            try SystemCall.run("chmod") { chmod(path, mode_t(mode)) }
            try SystemCall.run("listen") { Glibc.listen(descriptor, maxBacklog) }
            return address
        }
    }

    private static func listen(
        _ wanted: ListenAddress, family: Int32,
        _ setUp: (Int32) throws(SystemError) -> ListenAddress
    ) throws(ListenError) -> Listener {
        do throws(SystemError) {
            let descriptor = try SystemCall.run("socket") {
                let kind = SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue
                return socket(family, Int32(kind), 0)
            }
            do throws(SystemError) {
                return Listener(descriptor: descriptor, address: try setUp(descriptor))
            } catch {
                _ = Glibc.close(descriptor)
                throw error
            }
        } catch {
            throw .refused(wanted, error)
        }
    }

    private static func set(
        _ option: Int32, at level: Int32, to value: Int32, on descriptor: Int32
    ) throws(SystemError) {
        var value = value
        try SystemCall.run("setsockopt") {
            setsockopt(descriptor, level, option, &value, socklen_t(MemoryLayout<Int32>.size))
        }
    }

    private static func boundPort(_ descriptor: Int32) throws(SystemError) -> UInt16 {
        var storage = sockaddr_storage()
        var size = socklen_t(MemoryLayout<sockaddr_storage>.size)
        try SystemCall.run("getsockname") {
            withUnsafeMutableBytes(of: &storage) {
                getsockname(
                    descriptor, $0.assumingMemoryBound(to: sockaddr.self).baseAddress, &size)
            }
        }
        // The port stands at the same place in sockaddr_in and sockaddr_in6.
        return withUnsafeBytes(of: &storage) {
            UInt16(bigEndian: $0.loadUnaligned(fromByteOffset: 2, as: UInt16.self))
        }
    }

    /// Whether a socket file is there that nobody listens on.
    private static func isAbandoned(_ name: sockaddr_un) -> Bool {
        let probe = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard probe >= 0 else { return false }
        defer { _ = Glibc.close(probe) }
        do throws(SystemError) {
            try SystemCall.run("connect") { withName(name) { connect(probe, $0, $1) } }
            return false
        } catch {
            return error.code == ECONNREFUSED
        }
    }

    private static func withName(
        _ name: sockaddr_un, _ body: (UnsafePointer<sockaddr>?, socklen_t) -> Int32
    ) -> Int32 {
        withUnsafeBytes(of: name) {
            body($0.assumingMemoryBound(to: sockaddr.self).baseAddress, socklen_t($0.count))
        }
    }
}

/// Which file is at a path.
private struct SocketFile: Equatable {
    let device: UInt
    let number: UInt
    let isSocket: Bool

    /// nil where there is none.
    init?(at path: String) {
        var status = stat()
        guard lstat(path, &status) == 0 else { return nil }
        device = UInt(status.st_dev)
        number = UInt(status.st_ino)
        isSocket = status.st_mode & S_IFMT == S_IFSOCK
    }
}
