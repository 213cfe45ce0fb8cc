// SPDX-License-Identifier: Apache-2.0

/// What Python's string methods ask of a code point.
extension Unicode.Scalar {
    /// `str.isspace`, which is also what `strip`, `split` and regular expressions take for space.
    var isPythonSpace: Bool {
        switch value {
        case 0x09...0x0D, 0x1C...0x20, 0x85, 0xA0, 0x1680, 0x2000...0x200A, 0x2028, 0x2029, 0x202F,
            0x205F, 0x3000:
            true
        default: false
        }
    }

    /// What `str.splitlines` takes for the end of a line.
    var isPythonLineEnd: Bool {
        switch value {
        case 0x0A...0x0D, 0x1C...0x1E, 0x85, 0x2028, 0x2029: true
        default: false
        }
    }

    var isPythonLetter: Bool {
        switch properties.generalCategory {
        case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter:
            true
        default: false
        }
    }

    var isPythonDecimal: Bool { properties.numericType == .decimal }

    var isPythonDigit: Bool {
        properties.numericType == .decimal || properties.numericType == .digit
    }

    var isPythonNumeric: Bool { properties.numericType != nil }

    var isPythonAlphanumeric: Bool { isPythonLetter || isPythonNumeric }

    /// Whether the letter has a case: upper, lower or title.
    var isCased: Bool { properties.isCased }

    /// `\w` of Python's regular expressions.
    var isWordCharacter: Bool { value == 0x5F || isPythonAlphanumeric }

    /// `str.isprintable`, by which `repr` escapes.
    var isPythonPrintable: Bool {
        if value == 0x20 { return true }
        switch properties.generalCategory {
        case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator,
            .paragraphSeparator, .spaceSeparator:
            return false
        default: return true
        }
    }

    /// Whether an identifier may begin with it.
    var beginsIdentifier: Bool { value == 0x5F || properties.isXIDStart }

    /// Whether an identifier may go on with it.
    var continuesIdentifier: Bool { properties.isXIDContinue }
}
