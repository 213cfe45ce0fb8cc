// SPDX-License-Identifier: Apache-2.0

package import HTTPTypes

/// Paths and methods with what answers them.
///
/// A pattern is a path, or a path that ends in `/*`, which stands for one or more further
/// characters, slashes included. Exact paths win over patterns, longer patterns over shorter ones.
package struct RouteTable<Target> {
    /// What a request's method and path lead to.
    enum Match {
        case found(Target, pathTail: String)
        /// The path is known with other methods; `allow` lists them for the Allow field.
        case methodNotAllowed(allow: String)
        /// An OPTIONS request without a route of its own.
        case options(allow: String)
        case notFound
    }

    private var exact: [String: [HTTPRequest.Method: Target]] = [:]
    private var prefixes: [(prefix: String, targets: [HTTPRequest.Method: Target])] = []

    /// An empty table: every path is unknown.
    package init() {}

    /// Adds a route. A GET route also answers HEAD.
    package mutating func add(_ method: HTTPRequest.Method, _ pattern: String, _ target: Target) {
        precondition(pattern.hasPrefix("/"), "a route's pattern starts with a slash")
        guard pattern.hasSuffix("/*") else {
            exact[pattern, default: [:]][method] = target
            return
        }
        let prefix = String(pattern.dropLast())
        let index =
            prefixes.firstIndex { $0.prefix == prefix }
            ?? {
                let place = prefixes.firstIndex { $0.prefix.utf8.count < prefix.utf8.count }
                prefixes.insert((prefix, [:]), at: place ?? prefixes.endIndex)
                return place ?? prefixes.endIndex - 1
            }()
        prefixes[index].targets[method] = target
    }

    /// Every route, for tests that go through all of them.
    package var routes: [(method: HTTPRequest.Method, pattern: String)] {
        exact.flatMap { path, targets in targets.keys.map { ($0, path) } }
            + prefixes.flatMap { prefix, targets in targets.keys.map { ($0, prefix + "*") } }
    }

    func match(_ method: HTTPRequest.Method, _ target: String) -> Match {
        if target == "*" { return .options(allow: allow(in: everyMethod)) }
        let path =
            target.utf8.contains(UInt8(ascii: "?")) ? String(target.prefix { $0 != "?" }) : target
        if let targets = exact[path] { return match(method, in: targets, pathTail: "") }
        for (prefix, targets) in prefixes {
            guard path.hasPrefix(prefix), path.utf8.count > prefix.utf8.count else { continue }
            let tail = path.dropFirst(prefix.count)
            return match(method, in: targets, pathTail: PercentDecoding.decode(tail))
        }
        return .notFound
    }

    private func match(
        _ method: HTTPRequest.Method, in targets: [HTTPRequest.Method: Target], pathTail: String
    ) -> Match {
        if let found = targets[method] ?? (method == .head ? targets[.get] : nil) {
            return .found(found, pathTail: pathTail)
        }
        let allow = allow(in: Set(targets.keys))
        return method == .options ? .options(allow: allow) : .methodNotAllowed(allow: allow)
    }

    private var everyMethod: Set<HTTPRequest.Method> {
        Set(exact.values.flatMap(\.keys)).union(prefixes.flatMap(\.targets.keys))
    }

    private func allow(in methods: Set<HTTPRequest.Method>) -> String {
        var all = methods.union([.options])
        if methods.contains(.get) { all.insert(.head) }
        return all.map(\.rawValue).sorted().joined(separator: ", ")
    }
}

extension RouteTable: Sendable where Target: Sendable {}
