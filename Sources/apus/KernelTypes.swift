// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Decoding
import ModelFile

/// Weight types that have a kernel, as a list on the command line.
struct KernelTypes: ExpressibleByArgument {
    let values: [TensorType]

    init?(argument: String) {
        var values: [TensorType] = []
        for name in argument.split(separator: ",", omittingEmptySubsequences: false) {
            let type = KernelSpeed.types.first { $0.name == name.uppercased() }
            guard let type else { return nil }
            values.append(type)
        }
        self.values = values
    }
}
