// SPDX-License-Identifier: Apache-2.0

extension String {
    /// The text in quotes, safe to print on one line whoever wrote it: escaped, and cut when long.
    package var quoted: String {
        let maxScalarCount = 200
        let scalars = unicodeScalars
        let shown = scalars.prefix(maxScalarCount).map { scalar in
            switch scalar.properties.generalCategory {
            case .control, .format, .lineSeparator, .paragraphSeparator:
                scalar.escaped(asASCII: true)
            default: String(scalar)
            }
        }
        let isCut = !scalars.dropFirst(maxScalarCount).isEmpty
        return "'" + shown.joined() + (isCut ? "…'" : "'")
    }
}
