// SPDX-License-Identifier: Apache-2.0

/// What `/metrics` says of the process and what it may use. The names of the process are those of every
/// Prometheus client library.
struct MachineMetrics: Sendable {
    let threadCount: Int
    /// Bytes that could be had when the server started.
    let availableBytes: Int

    func render() -> String {
        var own = MetricsText(prefix: "apus:")
        own.gauge("threads", "Threads that compute.", threadCount)
        own.gauge(
            "memory_available_bytes",
            "Bytes that machine, cgroup and configuration left the server at its start.",
            availableBytes)
        let throttling = Throttling.read()
        own.counter(
            "cpu_throttled_periods", "Periods in which the CPU quota of the cgroup was used up.",
            throttling.periodCount)
        own.counter(
            "cpu_throttled_seconds", "Time for which the cgroup's CPU quota stopped its threads.",
            throttling.seconds)
        var process = MetricsText(prefix: "process_")
        if let statistics = ProcessStatistics.read() {
            own.counter(
                "major_page_faults", "Pages that had to be read from disk.",
                statistics.majorFaultCount)
            process.counter("cpu_seconds", "User and system time.", statistics.cpuSeconds)
            process.gauge("resident_memory_bytes", "Memory in use.", statistics.residentBytes)
            process.gauge("virtual_memory_bytes", "Address space in use.", statistics.virtualBytes)
            process.gauge(
                "start_time_seconds", "Start, in seconds since 1970.", statistics.startSeconds)
        }
        let descriptors = ProcessStatistics.descriptors()
        process.gauge("open_fds", "Open file descriptors.", descriptors.open)
        process.gauge("max_fds", "File descriptors that may be open.", descriptors.limit)
        return own.text + process.text
    }
}
