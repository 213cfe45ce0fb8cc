// SPDX-License-Identifier: Apache-2.0

internal import Glibc

/// A system call that failed, with the errno it left.
package struct SystemError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The call's name.
    package let operation: String
    /// The value of errno.
    package let code: Int32

    /// For example `bind: Address already in use`.
    package var description: String { "\(operation): \(String(cString: strerror(code)))" }
}

/// What a call that moves bytes did.
enum Transfer: Equatable {
    case bytes(Int)
    case wouldBlock
    case endOfStream
    case failed(code: Int32)
}

/// The one place where errno is read: right after the call, repeated when a signal came between.
enum SystemCall {
    @discardableResult
    static func run(
        _ operation: StaticString, _ call: () -> Int32
    ) throws(SystemError) -> Int32 {
        while true {
            let result = call()
            if result >= 0 { return result }
            let code = errno
            if code != EINTR { throw SystemError(operation: "\(operation)", code: code) }
        }
    }

    static func transfer(_ call: () -> Int) -> Transfer {
        while true {
            let count = call()
            if count > 0 { return .bytes(count) }
            if count == 0 { return .endOfStream }
            let code = errno
            if code == EAGAIN || code == EWOULDBLOCK { return .wouldBlock }
            if code != EINTR { return .failed(code: code) }
        }
    }
}
