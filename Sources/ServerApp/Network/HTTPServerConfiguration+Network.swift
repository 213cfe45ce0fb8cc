// SPDX-License-Identifier: Apache-2.0

internal import HTTPServing

extension HTTPServerConfiguration {
    /// Takes over who may use the server, from which pages, and what is logged; the log, if there is one.
    mutating func apply(_ network: NetworkConfiguration, _ credentials: Credentials) -> AccessLog? {
        access = credentials.access
        cors = CORSPolicy(origins: network.corsOrigins)
        guard let log = AccessLog(network.accessLog) else { return nil }
        accessLog = { log.add($0) }
        unloggedTargets = ["/health", "/ready", "/metrics", "/debug/experts"]
        return log
    }
}
