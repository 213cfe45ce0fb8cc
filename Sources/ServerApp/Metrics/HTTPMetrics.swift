// SPDX-License-Identifier: Apache-2.0

internal import HTTPServing

/// What `/metrics` says of connections and of what the HTTP layer did by itself.
struct HTTPMetrics: Sendable {
    let counters: ServerCounters

    func render() -> String {
        var text = MetricsText(prefix: "apus:")
        renderConnections(&text)
        renderRequests(&text)
        return text.text
    }

    private func renderConnections(_ text: inout MetricsText) {
        text.gauge(
            "http_open_connections", "Connections that are open.",
            counters.openConnectionCount.value)
        text.counter(
            "http_connections", "Connections accepted.", counters.totalConnectionCount.value)
        text.counter(
            "http_rejected_connections", "Connections turned away as there were too many.",
            counters.rejectedConnectionCount.value)
        text.counter(
            "http_tls_failures", "Handshakes that failed, and connections with damaged records.",
            counters.tlsFailureCount.value)
        text.counter(
            "http_slow_readers", "Connections reset as their clients read too slowly.",
            counters.slowReaderCount.value)
        text.counter(
            "http_received_bytes", "Bytes received from sockets.", counters.receivedBytes.value)
        text.counter("http_sent_bytes", "Bytes handed to sockets.", counters.sentBytes.value)
    }

    private func renderRequests(_ text: inout MetricsText) {
        text.counter("http_requests", "Complete requests.", counters.requestCount.value)
        text.counters(
            "http_refusals", "Requests that no route was asked for, by reason.", label: "reason",
            counters.refusals.values.map { ($0.reason.rawValue, $0.count) })
        text.counters(
            "http_cancellations", "Requests whose answers were not completed, by reason.",
            label: "reason", counters.cancellations.values.map { ($0.reason.rawValue, $0.count) })
    }
}
