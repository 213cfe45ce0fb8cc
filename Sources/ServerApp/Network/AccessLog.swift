// SPDX-License-Identifier: Apache-2.0

internal import Dispatch
internal import Foundation
internal import HTTPServing
internal import HTTPTypes
internal import OpenAIAPI
internal import Synchronization

/// Writes a line for each request, without its query or body, off the I/O loop: whoever does not read the
/// log loses lines and delays nobody.
final class AccessLog: Sendable {
    /// A record and when it was made.
    struct Entry: Sendable {
        var record: AccessRecord
        var date: Date
    }

    private struct Waiting {
        var entries: [Entry] = []
        var lostCount = 0
        var isWriting = false
    }

    private let format: AccessLogFormat
    private let file: FileHandle
    private let queue = DispatchQueue(label: "apus.access-log", qos: .utility)
    private let waiting = Mutex(Waiting())

    /// Entries that wait at most; about 4 MiB.
    private static let maxWaitingCount = 16_384

    /// A log that writes to a file; nil for `off`.
    init?(_ format: AccessLogFormat, to file: FileHandle = .standardOutput) {
        guard format != .off else { return nil }
        self.format = format
        self.file = file
    }

    /// Takes a record; returns at once.
    func add(_ record: AccessRecord) {
        let entry = Entry(record: record, date: Date())
        let mustStart = waiting.withLock { waiting -> Bool in
            guard waiting.entries.count < Self.maxWaitingCount else {
                waiting.lostCount += 1
                return false
            }
            waiting.entries.append(entry)
            defer { waiting.isWriting = true }
            return !waiting.isWriting
        }
        if mustStart { queue.async { @Sendable [self] in write() } }
    }

    /// Waits until everything so far is written.
    func flush() { queue.sync {} }

    private func write() {
        while true {
            let (entries, lostCount) = waiting.withLock { waiting in
                defer {
                    waiting.entries = []
                    waiting.lostCount = 0
                }
                waiting.isWriting = !waiting.entries.isEmpty
                return (waiting.entries, waiting.lostCount)
            }
            guard !entries.isEmpty else { return }
            var bytes: [UInt8] = []
            for entry in entries { bytes += line(entry) }
            if lostCount > 0 { bytes += lostLine(lostCount) }
            try? file.write(contentsOf: bytes)
        }
    }

    /// One line with its line feed.
    func line(_ entry: Entry) -> [UInt8] {
        switch format {
        case .off: []
        case .text: Array((Self.text(entry) + "\n").utf8)
        case .json: Self.json(entry) + [UInt8(ascii: "\n")]
        }
    }

    private func lostLine(_ count: Int) -> [UInt8] {
        if format == .text { return Array("\(count) requests were not logged\n".utf8) }
        var writer = JSONWriter()
        writer.beginObject()
        writer.key("lost")
        writer.integer(count)
        writer.endObject()
        return writer.bytes + [UInt8(ascii: "\n")]
    }

    /// `TIME CLIENT KEY "METHOD PATH" STATUS BYTES SECONDS ID`, `-` for what there is not.
    private static func text(_ entry: Entry) -> String {
        let record = entry.record
        let status = record.status.map { "\($0.code)" } ?? "-"
        let seconds = String(format: "%.6f", record.duration / .seconds(1))
        let reason = record.cancelReason.map { " \($0)" } ?? ""
        return "\(time(entry.date)) \(record.client) \(record.keyName ?? "-") "
            + "\"\(record.method) \(path(record))\" \(status) \(record.bodyBytes) \(seconds) "
            + "\(record.requestID)\(reason)"
    }

    private static func json(_ entry: Entry) -> [UInt8] {
        let record = entry.record
        var writer = JSONWriter()
        writer.beginObject()
        writer.key("time")
        writer.string(time(entry.date))
        writer.key("request_id")
        writer.string("\(record.requestID)")
        writer.key("client")
        writer.string(record.client)
        writer.key("key")
        writer.stringOrNull(record.keyName)
        writer.key("method")
        writer.string(record.method)
        writer.key("path")
        writer.string(path(record))
        writer.key("status")
        if let status = record.status { writer.integer(status.code) } else { writer.null() }
        writer.key("response_bytes")
        writer.integer(record.bodyBytes)
        writer.key("duration_seconds")
        writer.double(record.duration / .seconds(1))
        writer.key("cancelled")
        writer.stringOrNull(record.cancelReason.map { "\($0)" })
        writer.endObject()
        return writer.bytes
    }

    /// The target without its query, which may hold what nobody wants in a log.
    private static func path(_ record: AccessRecord) -> String {
        String(record.target.prefix { $0 != "?" })
    }

    private static func time(_ date: Date) -> String {
        date.formatted(Date.ISO8601FormatStyle(includingFractionalSeconds: true))
    }
}

extension JSONWriter {
    fileprivate mutating func stringOrNull(_ text: String?) {
        if let text { string(text) } else { null() }
    }
}
