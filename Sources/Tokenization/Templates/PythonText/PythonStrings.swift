// SPDX-License-Identifier: Apache-2.0

/// Python's string methods that need no arguments, on code points.
extension String {
    private func mapScalars(_ transform: (Unicode.Scalar) -> String) -> String {
        var text = ""
        for scalar in unicodeScalars { text += transform(scalar) }
        return text
    }

    /// `upper()`
    var pythonUpper: String { mapScalars(\.properties.uppercaseMapping) }

    /// `lower()`, with the Greek sigma that ends a word.
    var pythonLower: String {
        guard unicodeScalars.contains("\u{3A3}") else {
            return mapScalars(\.properties.lowercaseMapping)
        }
        let scalars = Array(unicodeScalars)
        return scalars.indices.map { Self.lowered(at: $0, in: scalars) }.joined()
    }

    private static func lowered(at index: Int, in scalars: [Unicode.Scalar]) -> String {
        guard scalars[index] == "\u{3A3}" else { return scalars[index].properties.lowercaseMapping }
        return isFinalSigma(at: index, in: scalars) ? "\u{3C2}" : "\u{3C3}"
    }

    private static func isFinalSigma(at index: Int, in scalars: [Unicode.Scalar]) -> Bool {
        let before = scalars[..<index].last { !$0.properties.isCaseIgnorable }
        let after = scalars[(index + 1)...].first { !$0.properties.isCaseIgnorable }
        return before?.isCased == true && after?.isCased != true
    }

    /// `capitalize()`
    var pythonCapitalized: String {
        guard let first = unicodeScalars.first else { return "" }
        let rest = String(unicodeScalars.dropFirst())
        return first.properties.titlecaseMapping + rest.pythonLower
    }

    /// `title()`
    var pythonTitle: String {
        var followsLetter = false
        let scalars = Array(unicodeScalars)
        return scalars.indices.map { index in
            defer { followsLetter = scalars[index].isCased }
            return followsLetter
                ? Self.lowered(at: index, in: scalars)
                : scalars[index].properties.titlecaseMapping
        }.joined()
    }

    /// `swapcase()`
    var pythonSwappedCase: String {
        let scalars = Array(unicodeScalars)
        return scalars.indices.map { index in
            let scalar = scalars[index]
            if scalar.properties.isUppercase { return Self.lowered(at: index, in: scalars) }
            return scalar.properties.isLowercase
                ? scalar.properties.uppercaseMapping : String(Character(scalar))
        }.joined()
    }

    /// `casefold()`, but for the few letters whose fold is not their lower case.
    var pythonFolded: String {
        mapScalars { $0 == "\u{DF}" ? "ss" : $0.properties.lowercaseMapping }
    }

    /// `islower()`
    var isPythonLower: Bool {
        let cased = unicodeScalars.filter(\.isCased)
        return !cased.isEmpty && cased.allSatisfy(\.properties.isLowercase)
    }

    /// `isupper()`
    var isPythonUpper: Bool {
        let cased = unicodeScalars.filter(\.isCased)
        return !cased.isEmpty && cased.allSatisfy(\.properties.isUppercase)
    }

    /// `istitle()`
    var isPythonTitle: Bool {
        var isCased = false
        var followsCased = false
        for scalar in unicodeScalars {
            let properties = scalar.properties
            let isUpper = properties.isUppercase || properties.generalCategory == .titlecaseLetter
            if isUpper ? followsCased : (properties.isLowercase && !followsCased) { return false }
            followsCased = isUpper || properties.isLowercase
            isCased = isCased || followsCased
        }
        return isCased
    }

    /// Whether there are code points and all pass.
    func allScalars(_ test: (Unicode.Scalar) -> Bool) -> Bool {
        !isEmpty && unicodeScalars.allSatisfy(test)
    }

    /// `isidentifier()`
    var isPythonIdentifier: Bool {
        unicodeScalars.first?.beginsIdentifier == true
            && unicodeScalars.allSatisfy(\.continuesIdentifier)
    }

    /// `strip(characters)` and its one-sided forms; nil strips whitespace.
    func stripped(_ characters: String?, left: Bool = true, right: Bool = true) -> String {
        let set = characters.map { Set($0.unicodeScalars) }
        func goes(_ scalar: Unicode.Scalar) -> Bool {
            set.map { $0.contains(scalar) } ?? scalar.isPythonSpace
        }
        var scalars = unicodeScalars[...]
        if left { while let first = scalars.first, goes(first) { scalars.removeFirst() } }
        if right { while let last = scalars.last, goes(last) { scalars.removeLast() } }
        return String(scalars)
    }

    /// `splitlines(keepends)`
    func pythonLines(keepsEnds: Bool = false) -> [String] {
        var lines: [String] = []
        var line = String.UnicodeScalarView()
        var previous: Unicode.Scalar?
        for scalar in unicodeScalars {
            defer { previous = scalar }
            if scalar == "\n", previous == "\r" {
                if keepsEnds, let last = lines.indices.last { lines[last] += "\n" }
                continue
            }
            guard scalar.isPythonLineEnd else {
                line.append(scalar)
                continue
            }
            if keepsEnds { line.append(scalar) }
            lines.append(String(line))
            line = String.UnicodeScalarView()
        }
        if !line.isEmpty { lines.append(String(line)) }
        return lines
    }

    /// `split()` and `rsplit()` at whitespace.
    func pythonWords(maxSplits: Int, fromRight: Bool) -> [String] {
        var words: [String] = []
        var rest = unicodeScalars[...]
        func trim() {
            if fromRight {
                while let last = rest.last, last.isPythonSpace { rest.removeLast() }
            } else {
                while let first = rest.first, first.isPythonSpace { rest.removeFirst() }
            }
        }
        trim()
        while !rest.isEmpty, maxSplits < 0 || words.count < maxSplits {
            if fromRight {
                let start = rest.lastIndex(where: \.isPythonSpace).map(rest.index(after:))
                words.append(String(rest[(start ?? rest.startIndex)...]))
                rest = rest[..<(start ?? rest.startIndex)]
            } else {
                let end = rest.firstIndex(where: \.isPythonSpace) ?? rest.endIndex
                words.append(String(rest[..<end]))
                rest = rest[end...]
            }
            trim()
        }
        if !rest.isEmpty { words.append(String(rest)) }
        return fromRight ? words.reversed() : words
    }
}
