// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@testable import ServerApp

struct RecordTests {
    private static let records = [
        Record([
            "name": .text("plain"), "count": .count(3), "speed": .number(0.5),
            "speeds": .numbers([0.25, 2]),
        ]),
        Record([
            "name": .text("a \"b\", c\nd"), "count": .count(-1), "speed": .number(.infinity),
            "speeds": .numbers([]),
        ]),
    ]

    @Test func `CSV quotes what could be taken for more than one field`() {
        #expect(
            Self.records.csv == """
                name,count,speed,speeds
                plain,3,0.5,0.25 2.0
                "a ""b"", c
                d",-1,,
                """)
    }

    @Test func `JSON has the same fields and null for what is not finite`() throws {
        let decoded = try JSONSerialization.jsonObject(with: Data(Self.records.json.utf8))
        let objects = try #require(decoded as? [[String: Any]])

        #expect(objects.count == 2)
        #expect(objects.allSatisfy { Set($0.keys) == ["name", "count", "speed", "speeds"] })
        #expect(objects[0]["speeds"] as? [Double] == [0.25, 2])
        #expect(objects[1]["name"] as? String == "a \"b\", c\nd")
        #expect(objects[1]["speed"] is NSNull)
    }

    @Test func `no records are an empty list`() {
        #expect([Record]().csv.isEmpty)
        #expect([Record]().json == "[\n\n]")
    }

    @Test func `lists of counts are read as they are written`() {
        #expect(CountList("512")?.values == [512])
        #expect(CountList("0,512,2048")?.description == "0,512,2048")
        #expect(CountList("999999999")?.values == [999_999_999])
    }

    @Test(arguments: [
        "", ",", "1,", ",1", "1,,2", "x", "-1", "+1", "1.5", "1 ,2", "0x10", "٣", "1000000000",
        "99999999999999999999", String(repeating: "1,", count: 64) + "1",
    ])
    func `lists of anything else are refused`(text: String) {
        #expect(CountList(text) == nil)
    }
}
