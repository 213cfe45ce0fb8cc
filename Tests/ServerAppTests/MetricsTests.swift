// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@testable import ServerApp

@Suite struct MetricsTests {
    /// Names, types and samples of what `text` exposes, checked against the format's rules.
    private func families(_ text: String) throws -> [String: String] {
        var types: [String: String] = [:]
        var family = ""
        for line in text.split(separator: "\n") {
            let words = line.split(separator: " ")
            if line.hasPrefix("# TYPE ") {
                family = String(words[2])
                #expect(types.updateValue(String(words[3]), forKey: family) == nil, "\(line)")
            } else if !line.hasPrefix("#") {
                #expect(line.hasPrefix(family), "\(line) is not of \(family)")
                #expect(Double(try #require(words.last)) != nil, "\(line)")
            }
        }
        return types
    }

    @Test func `the text has each family once, with its samples`() throws {
        let text =
            EngineMetrics().render() + MachineMetrics(threadCount: 2, availableBytes: 5).render()

        let types = try families(text)

        for name in ["apus:request_decode_time_seconds", "apus:cancel_latency_seconds"] {
            #expect(types[name] == "histogram", "\(name)")
        }
        for name in ["apus:cpu_throttled_seconds_total", "apus:major_page_faults_total"] {
            #expect(types[name] == "counter", "\(name)")
        }
        #expect(types["process_resident_memory_bytes"] == "gauge")
        #expect(types["process_cpu_seconds_total"] == "counter")
        #expect(!text.contains("vllm:"))
    }

    @Test func `vLLM's names are there when asked for, with the model's name`() throws {
        let text = EngineMetrics().render(vllmModel: "a \"model\"")

        _ = try families(text)
        #expect(text.contains("\nvllm:num_requests_waiting{model_name=\"a \\\"model\\\"\"} 0\n"))
        #expect(
            text.contains(
                "vllm:request_success_total{model_name=\"a \\\"model\\\"\",finished_reason=\"stop\"} 0"
            ))
        #expect(text.contains("\nvllm:e2e_request_latency_seconds_bucket{model_name="))
        #expect(!text.contains("vllm:experts_read"))
    }

    @Test func `buckets count what is up to their bound`() {
        let histogram = Histogram(bounds: [1, 2.5])
        for value in [0.5, 1, 2, 7] { histogram.observe(value) }
        var text = MetricsText(prefix: "a:")

        text.histogram("b", "Help.", histogram)

        #expect(
            text.text == """
                # HELP a:b Help.
                # TYPE a:b histogram
                a:b_bucket{le="1.0"} 2
                a:b_bucket{le="2.5"} 3
                a:b_bucket{le="+Inf"} 4
                a:b_sum 10.5
                a:b_count 4

                """)
    }

    @Test func `the process is the one that runs`() throws {
        let statistics = try #require(ProcessStatistics.read())

        #expect(statistics.residentBytes > 1 << 20)
        #expect(statistics.residentBytes <= statistics.virtualBytes)
        #expect(statistics.cpuSeconds > 0)
        let now = Date().timeIntervalSince1970
        #expect(statistics.startSeconds < now + 1 && statistics.startSeconds > now - 86400)
        let descriptors = ProcessStatistics.descriptors()
        #expect(descriptors.open >= 3 && descriptors.open <= descriptors.limit)
    }

    @Test func `a command's name may look like fields`() throws {
        let fields = (3...52).map { "\($0)" }.joined(separator: " ")
        let cgroup = try FakeCgroup([
            "self/stat": "1 (a) b) 9 9) \(fields)\n", "stat": "btime 100\n",
        ])
        defer { cgroup.remove() }

        let statistics = try #require(ProcessStatistics.read(procRoot: cgroup.path))

        #expect(statistics.majorFaultCount == 12)
        #expect(statistics.virtualBytes == 23)
        #expect(statistics.residentBytes == 24 * Int(sysconf(Int32(_SC_PAGESIZE))))
    }
}
