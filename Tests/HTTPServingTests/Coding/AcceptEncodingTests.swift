// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import HTTPServing

struct AcceptEncodingTests {
    @Test(arguments: [
        "gzip", "gzip, deflate, br, zstd", "GZIP", "x-gzip", "*", "br;q=1, gzip;q=0.1",
        "gzip;q=1.000", " gzip ; q=0.5 ", "gzip;Q=0.5", "identity;q=0.5, gzip;q=0.5", "gzip,",
        "*;q=0.1",
        "gzip;q=0, x-gzip", "deflate, gzip;q=0.001",
    ])
    func `gzip is preferred`(value: String) {
        #expect(AcceptEncoding(value).prefersGzip)
    }

    @Test(arguments: [
        nil, "", "identity", "br", "gzip;q=0", "gzip;q=0.000", "*;q=0", "gzip;q=0, *",
        "identity, gzip;q=0.5", "gzip;q=2", "gzip;q=-1", "gzip;q=nan", "gzip;q=inf", "gzip;q=",
        "gzip;q=0.5;x=1", "gzip;level=9", "gzipped", "gz ip;q=0x", "gzip;q=0.50000000",
    ])
    func `gzip is not preferred`(value: String?) {
        #expect(!AcceptEncoding(value).prefersGzip)
    }

    @Test(arguments: [
        ("gzip", false), ("gzip, identity;q=0", true), ("gzip, *;q=0", true), ("*;q=0", true),
        ("gzip, identity;q=0.1, *;q=0", false), ("", false),
    ])
    func `identity is refused by itself or with all others`(value: String, isRefused: Bool) {
        #expect(AcceptEncoding(value).refusesIdentity == isRefused)
    }
}
