// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Decoding

/// How commands that compute keep keys and values.
struct KVOptions: ParsableArguments {
    @Option(
        name: .customLong("kv-type"),
        help: "Keys and values as bf16, f16 or f32. With bf16 attention is computed in it, too.")
    var type = KVType.standard
}

extension KVType: ExpressibleByArgument {}
