// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Decoding

/// How commands that compute keep keys and values.
struct KVOptions: ParsableArguments {
    @Option(
        name: .customLong("kv-type"),
        help:
            "Keys and values as bf16, f16, f32 or q8. With bf16 and q8 attention is computed in bf16."
    )
    var type = KVType.standard
}

extension KVType: ExpressibleByArgument {}
