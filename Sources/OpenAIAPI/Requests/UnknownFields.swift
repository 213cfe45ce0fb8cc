// SPDX-License-Identifier: Apache-2.0

/// What to do with a request field that no version of this API knows.
package enum UnknownFieldPolicy: String, Sendable, CaseIterable {
    /// Serve the request and list the names, for the header `X-Ignored-Params`.
    case warn
    /// Refuse the request with a 400 that names the first one.
    case strict
    /// Serve the request and say nothing.
    case lax
}

/// The names of the unknown fields that a request was served without.
package struct IgnoredParams: Sendable, Equatable {
    /// As the client wrote them (128 characters at most), in its order; empty under `UnknownFieldPolicy.lax`.
    package private(set) var names: [String] = []
    /// Unknown fields so far, under any policy.
    private var count = 0

    /// No names.
    package init() {}

    /// The value of `X-Ignored-Params`, nil without names. Names are the client's bytes: all but
    /// letters, digits, `_`, `-`, `.` become `?`, so that none can end the header line.
    package var headerValue: String? {
        guard !names.isEmpty else { return nil }
        let safeNames = names.map { name in
            String(String.UnicodeScalarView(name.unicodeScalars.map(Self.safeScalar)))
        }
        return safeNames.joined(separator: ", ")
    }

    private static func safeScalar(_ scalar: Unicode.Scalar) -> Unicode.Scalar {
        switch scalar {
        case "a"..."z", "A"..."Z", "0"..."9", "_", "-", ".": scalar
        default: "?"
        }
    }

    /// Steps over the value of an unknown field and does with its name as `policy` says.
    mutating func skip(
        _ name: String, in reader: inout JSONReader, policy: UnknownFieldPolicy,
        maxCount: Int
    ) throws(APIError) {
        let name = APIError.clipped(name)
        guard policy != .strict else { throw .invalid(name, "\(name): unknown field") }
        guard count < maxCount else {
            throw .invalid(name, "\(name): more than \(maxCount) unknown fields")
        }
        count += 1
        if policy == .warn { names.append(name) }
        try reader.skipValue()
    }
}
