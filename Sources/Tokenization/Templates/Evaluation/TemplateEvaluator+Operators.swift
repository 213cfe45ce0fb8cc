// SPDX-License-Identifier: Apache-2.0

/// Python's operators.
extension TemplateEvaluator {
    func compute(
        _ operation: TemplateExpression.Arithmetic, _ left: TemplateValue, _ right: TemplateValue
    ) throws(TemplateError) -> TemplateValue {
        if let result = try computeMarked(operation, left, right) { return result }
        // A string formats an undefined value as nothing.
        if operation == .modulo, case .string(let format) = left {
            return .string(try PercentFormat.format(format, right, self))
        }
        if case .undefined(let undefined) = left { throw undefined.error }
        if case .undefined(let undefined) = right { throw undefined.error }
        if let left = left.integer, let right = right.integer {
            return try compute(operation, left, right)
        }
        if let left = left.number, let right = right.number {
            return .float(try compute(operation, left, right))
        }
        switch operation {
        case .add: return try add(left, right)
        case .multiply: return try multiply(left, right)
        default: throw unsupported(operation, left, right)
        }
    }

    /// The operations that tell markup from other strings; nil for the rest.
    private func computeMarked(
        _ operation: TemplateExpression.Arithmetic, _ left: TemplateValue, _ right: TemplateValue
    ) throws(TemplateError) -> TemplateValue? {
        switch (operation, left, right) {
        case (.add, .markup(let left), .markup(let right)):
            return .markup(try joined(left, right))
        case (.add, .markup(let left), .string(let right)):
            return .markup(try joined(left, TemplateFilters.escaped(right)))
        case (.add, .string(let left), .markup(let right)):
            return .markup(try joined(TemplateFilters.escaped(left), right))
        case (.modulo, .markup, _):
            throw TemplateError(.unsupported, "formatting of text that is marked as safe")
        case (_, .markup, _), (_, _, .markup):
            let marked = operation == .multiply ? TemplateValue.markup("") : .none
            return try compute(operation, left.plain, right.plain).marked(like: marked)
        default: return nil
        }
    }

    private func unsupported(
        _ operation: TemplateExpression.Arithmetic, _ left: TemplateValue, _ right: TemplateValue
    ) -> TemplateError {
        let symbol =
            switch operation {
            case .add: "+"
            case .subtract: "-"
            case .multiply: "*"
            case .divide: "/"
            case .floorDivide: "//"
            case .modulo: "%"
            case .power: "** or pow()"
            }
        return .type(
            "unsupported operand type(s) for \(symbol): '\(left.typeName)' and '\(right.typeName)'")
    }

    private func add(
        _ left: TemplateValue, _ right: TemplateValue
    ) throws(TemplateError) -> TemplateValue {
        switch (left, right) {
        case (.string(let left), .string(let right)):
            return .string(try joined(left, right))
        case (.string, _):
            throw .type("can only concatenate str (not \"\(right.typeName)\") to str")
        case (.list(let left), .list(let right)):
            return .list(try list(left.items + right.items))
        case (.tuple(let left), .tuple(let right)):
            return .tuple(try list(left.items + right.items))
        default: throw unsupported(.add, left, right)
        }
    }

    private func joined(_ left: String, _ right: String) throws(TemplateError) -> String {
        try charge(bytes: left.utf8.count + right.utf8.count)
        return left + right
    }

    private func multiply(
        _ left: TemplateValue, _ right: TemplateValue
    ) throws(TemplateError) -> TemplateValue {
        if let count = right.integer { return try repeated(left, max(0, count), right) }
        if let count = left.integer { return try repeated(right, max(0, count), left) }
        throw unsupported(.multiply, left, right)
    }

    private func repeated(
        _ value: TemplateValue, _ count: Int, _ other: TemplateValue
    ) throws(TemplateError) -> TemplateValue {
        func size(_ one: Int, limit: Int) throws(TemplateError) -> Int {
            let (size, overflows) = one.multipliedReportingOverflow(by: count)
            guard !overflows, size <= limit else {
                throw TemplateError(.limit, "a repetition has more than \(limit) elements")
            }
            return size
        }
        switch value {
        case .string(let text):
            try charge(bytes: try size(text.utf8.count, limit: limits.maxTextBytes))
            return .string(String(repeating: text, count: text.isEmpty ? 0 : count))
        case .list(let list), .tuple(let list):
            let items = list.items
            try charge(try size(items.count, limit: limits.maxValueWeight))
            let all = try self.list(
                Array(repeatElement(items, count: items.isEmpty ? 0 : count).joined()))
            if case .list = value { return .list(all) }
            return .tuple(all)
        default: throw unsupported(.multiply, value, other)
        }
    }

    // MARK: Numbers

    private func compute(
        _ operation: TemplateExpression.Arithmetic, _ left: Int, _ right: Int
    ) throws(TemplateError) -> TemplateValue {
        switch operation {
        case .add: return .int(try exact(left.addingReportingOverflow(right)))
        case .subtract: return .int(try exact(left.subtractingReportingOverflow(right)))
        case .multiply: return .int(try exact(left.multipliedReportingOverflow(by: right)))
        case .divide:
            guard right != 0 else { throw .value("division by zero") }
            return .float(Double(left) / Double(right))
        case .floorDivide, .modulo:
            guard right != 0 else { throw .value("integer division or modulo by zero") }
            let quotient = try exact(left.dividedReportingOverflow(by: right))
            // Of -1 the remainder is 0; asking the processor would trap.
            let remainder = right == -1 ? 0 : left % right
            let isBelow = remainder != 0 && (remainder < 0) != (right < 0)
            if operation == .modulo { return .int(isBelow ? remainder + right : remainder) }
            return .int(isBelow ? quotient - 1 : quotient)
        case .power:
            if right < 0 {
                guard left != 0 else { throw .value("0 cannot be raised to a negative power") }
                return .float(try power(Double(left), Double(right)))
            }
            return .int(try power(left, right))
        }
    }

    private func exact(
        _ result: (partialValue: Int, overflow: Bool)
    ) throws(TemplateError) -> Int {
        guard !result.overflow else { throw .overflow }
        return result.partialValue
    }

    private func power(_ base: Int, _ exponent: Int) throws(TemplateError) -> Int {
        switch base {
        case 0: return exponent == 0 ? 1 : 0
        case 1: return 1
        case -1: return exponent.isMultiple(of: 2) ? 1 : -1
        default: break
        }
        guard exponent < 64 else { throw .overflow }
        var result = 1
        for _ in 0..<exponent {
            result = try exact(result.multipliedReportingOverflow(by: base))
        }
        return result
    }

    private func compute(
        _ operation: TemplateExpression.Arithmetic, _ left: Double, _ right: Double
    ) throws(TemplateError) -> Double {
        switch operation {
        case .add: return left + right
        case .subtract: return left - right
        case .multiply: return left * right
        case .power: return try power(left, right)
        case .divide, .floorDivide, .modulo:
            guard right != 0 else { throw .value("float division by zero") }
            if operation == .divide { return left / right }
            var remainder = left.truncatingRemainder(dividingBy: right)
            var quotient = (left - remainder) / right
            if remainder != 0, (remainder < 0) != (right < 0) {
                remainder += right
                quotient -= 1
            }
            if operation == .modulo {
                return remainder == 0 ? (right < 0 ? -0.0 : 0.0) : remainder
            }
            let floor = quotient.rounded(.down)
            return quotient - floor > 0.5 ? floor + 1 : floor
        }
    }

    private func power(_ base: Double, _ exponent: Double) throws(TemplateError) -> Double {
        if exponent == 0.5, base >= 0 { return base.squareRoot() }
        guard let count = Int(exactly: exponent), count.magnitude <= 4096 else {
            throw TemplateError(.unsupported, "a power that is no integer of 4096 at most")
        }
        if base == 0, count < 0 { throw .value("0.0 cannot be raised to a negative power") }
        var result = 1.0
        var square = base
        var rest = count.magnitude
        while rest > 0 {
            if rest & 1 == 1 { result *= square }
            square *= square
            rest >>= 1
        }
        guard result.isFinite || !base.isFinite else {
            throw .value("Numerical result out of range")
        }
        return count < 0 ? 1 / result : result
    }

    func negate(_ value: TemplateValue) throws(TemplateError) -> TemplateValue {
        if case .undefined(let undefined) = value { throw undefined.error }
        if case .float(let number) = value { return .float(-number) }
        guard let integer = value.integer else {
            throw .type("bad operand type for unary -: '\(value.typeName)'")
        }
        return .int(try exact((0).subtractingReportingOverflow(integer)))
    }

    func confirm(_ value: TemplateValue) throws(TemplateError) -> TemplateValue {
        if case .undefined(let undefined) = value { throw undefined.error }
        if case .float = value { return value }
        guard let integer = value.integer else {
            throw .type("bad operand type for unary +: '\(value.typeName)'")
        }
        return .int(integer)
    }

    // MARK: Comparisons

    func holds(
        _ left: TemplateValue, _ comparison: TemplateExpression.Comparison, _ right: TemplateValue
    ) throws(TemplateError) -> Bool {
        let (left, right) = (left.plain, right.plain)
        switch comparison {
        case .equal: return try areEqual(left, right)
        case .notEqual: return try !areEqual(left, right)
        case .isIn: return try contains(right, left)
        case .isNotIn: return try !contains(right, left)
        case .less: return try isLess(left, right, "<")
        case .greater: return try isLess(right, left, ">", isSwapped: true)
        case .lessOrEqual:
            return try isLess(left, right, "<=", orEqual: true)
        case .greaterOrEqual:
            return try isLess(right, left, ">=", isSwapped: true, orEqual: true)
        }
    }

    func areEqual(_ left: TemplateValue, _ right: TemplateValue) throws(TemplateError) -> Bool {
        try charge(min(left.weight, right.weight))
        return left.equals(right)
    }

    /// Whether `left` is below `right`; the symbol is for the error, as it was written.
    func isLess(
        _ left: TemplateValue, _ right: TemplateValue, _ symbol: String = "<",
        isSwapped: Bool = false, orEqual: Bool = false
    ) throws(TemplateError) -> Bool {
        try charge(min(left.weight, right.weight))
        if case .undefined(let undefined) = isSwapped ? right : left { throw undefined.error }
        if case .undefined(let undefined) = isSwapped ? left : right { throw undefined.error }
        if let left = left.integer, let right = right.integer {
            return orEqual ? left <= right : left < right
        }
        if let left = left.number, let right = right.number {
            return orEqual ? left <= right : left < right
        }
        switch (left, right) {
        case (.string(let left), .string(let right)):
            // The order of UTF-8 bytes is that of code points.
            if left.utf8.lexicographicallyPrecedes(right.utf8) { return true }
            return orEqual && left.isSame(as: right)
        case (.list(let left), .list(let right)), (.tuple(let left), .tuple(let right)):
            for (left, right) in zip(left.items, right.items) where !left.equals(right) {
                return try isLess(left, right, symbol, isSwapped: isSwapped)
            }
            let (leftCount, rightCount) = (left.items.count, right.items.count)
            return orEqual ? leftCount <= rightCount : leftCount < rightCount
        default:
            let names = isSwapped ? (right, left) : (left, right)
            throw .type(
                "'\(symbol)' not supported between instances of '\(names.0.typeName)' and "
                    + "'\(names.1.typeName)'")
        }
    }

    /// `element in container`
    func contains(
        _ container: TemplateValue, _ element: TemplateValue
    ) throws(TemplateError) -> Bool {
        try charge(1 + element.weight)
        switch container {
        case .string(let text):
            guard case .string(let part) = element else {
                throw .type(
                    "'in <string>' requires string as left operand, not \(element.typeName)")
            }
            try charge(bytes: text.utf8.count)
            return text.holds(part)
        case .dict(let dict): return dict[try TemplateKey(element)] != nil
        case .list(let list), .tuple(let list):
            try charge(list.weight)
            return list.items.contains { $0.equals(element) }
        case .undefined: return false
        case .object(let object):
            if let attributes = object.takeElements() {
                try charge(object.weight)
                return attributes.contains { $0.equals(element) }
            }
            fallthrough
        default: throw .type("argument of type '\(container.typeName)' is not iterable")
        }
    }
}
