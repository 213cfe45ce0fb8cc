// SPDX-License-Identifier: Apache-2.0

/// Metrics in Prometheus's text format, one family after the other.
struct MetricsText {
    /// A label with its value: `reason="length"`.
    struct Label {
        let text: String

        /// The value may be any text.
        init(_ name: String, _ value: String) {
            let escaped = value.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"")
                .replacing("\n", with: "\\n")
            text = "\(name)=\"\(escaped)\""
        }
    }

    private(set) var text = ""
    /// Before every name.
    private let prefix: String
    /// On every sample.
    private let labels: [Label]

    init(prefix: String, labels: [Label] = []) {
        self.prefix = prefix
        self.labels = labels
    }

    mutating func gauge(_ name: String, _ help: String, _ value: some Numeric) {
        beginFamily(name, help, "gauge")
        sample(name, [], "\(value)")
    }

    /// A counter; `_total` is added to the name.
    mutating func counter(_ name: String, _ help: String, _ value: some Numeric) {
        beginFamily("\(name)_total", help, "counter")
        sample("\(name)_total", [], "\(value)")
    }

    /// A counter for each value of a label.
    mutating func counters(
        _ name: String, _ help: String, label: String, _ values: [(String, Int)]
    ) {
        beginFamily("\(name)_total", help, "counter")
        for (value, count) in values {
            sample("\(name)_total", [Label(label, value)], "\(count)")
        }
    }

    mutating func histogram(_ name: String, _ help: String, _ histogram: Histogram) {
        beginFamily(name, help, "histogram")
        let values = histogram.values
        for (bound, count) in values.buckets {
            sample("\(name)_bucket", [Label("le", bound)], "\(count)")
        }
        sample("\(name)_sum", [], "\(values.sum)")
        sample("\(name)_count", [], "\(values.count)")
    }

    private mutating func beginFamily(_ name: String, _ help: String, _ type: String) {
        text += "# HELP \(prefix)\(name) \(help)\n# TYPE \(prefix)\(name) \(type)\n"
    }

    private mutating func sample(_ name: String, _ own: [Label], _ value: String) {
        let all = (labels + own).map(\.text).joined(separator: ",")
        text += "\(prefix)\(name)\(all.isEmpty ? "" : "{\(all)}") \(value)\n"
    }
}
