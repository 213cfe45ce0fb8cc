// SPDX-License-Identifier: Apache-2.0

internal import OpenAIAPI

/// Named values in a fixed order: one row of what `apus bench` measures, for programs to read.
package struct Record: Sendable {
    package let fields: KeyValuePairs<String, RecordValue>

    package init(_ fields: KeyValuePairs<String, RecordValue>) { self.fields = fields }

    fileprivate var json: String {
        var writer = JSONWriter()
        writer.beginObject()
        for (name, value) in fields {
            writer.key(name)
            value.write(to: &writer)
        }
        writer.endObject()
        return String(decoding: writer.bytes, as: UTF8.self)
    }
}

extension [Record] {
    /// A line of names, then a line for each record, all of which have the same fields.
    package var csv: String {
        guard let first else { return "" }
        let names = first.fields.map { RecordValue.text($0.key).csv }
        let lines = map { $0.fields.map(\.value.csv) }
        return ([names] + lines).map { $0.joined(separator: ",") }.joined(separator: "\n")
    }

    /// An array of objects, one a line.
    package var json: String {
        "[\n" + map { "  " + $0.json }.joined(separator: ",\n") + "\n]"
    }
}
