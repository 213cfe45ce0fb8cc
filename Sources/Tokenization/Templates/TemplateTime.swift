// SPDX-License-Identifier: Apache-2.0

/// A moment as a template can print it.
package struct TemplateTime: Sendable, Equatable {
    package let year: Int
    /// 1 … 12
    package let month: Int
    /// 1 … 31
    package let day: Int
    /// 0 … 23
    package let hour: Int
    package let minute: Int
    package let second: Int

    /// A local date and time; parts out of range are brought into it.
    package init(year: Int, month: Int, day: Int, hour: Int, minute: Int, second: Int) {
        self.year = max(1, min(9999, year))
        self.month = max(1, min(12, month))
        self.day = max(1, min(31, day))
        self.hour = max(0, min(23, hour))
        self.minute = max(0, min(59, minute))
        self.second = max(0, min(60, second))
    }

    /// Days since Sunday, 0 … 6 (Sakamoto's rule).
    var weekday: Int {
        let offsets = [0, 3, 2, 5, 0, 3, 5, 1, 4, 6, 2, 4]
        let year = month < 3 ? year - 1 : year
        return (year + year / 4 - year / 100 + year / 400 + offsets[month - 1] + day) % 7
    }

    /// Day of the year, from 1.
    var yearDay: Int {
        let before = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334]
        return before[month - 1] + day + (isLeapYear && month > 2 ? 1 : 0)
    }

    private var isLeapYear: Bool {
        year.isMultiple(of: 4) && (!year.isMultiple(of: 100) || year.isMultiple(of: 400))
    }

    private static let monthNames = [
        "January", "February", "March", "April", "May", "June", "July", "August", "September",
        "October", "November", "December",
    ]
    private static let weekdayNames = [
        "Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday",
    ]

    /// Python's `strftime`, in the C locale and without a time zone.
    func formatted(_ format: String) -> String {
        var text = ""
        var scalars = format.unicodeScalars[...]
        while let scalar = scalars.popFirst() {
            guard scalar == "%", let first = scalars.first else {
                text.unicodeScalars.append(scalar)
                continue
            }
            scalars.removeFirst()
            // glibc's "%-d" has no padding.
            if first == "-", let letter = scalars.first, let value = field(letter) {
                scalars.removeFirst()
                let digits = value.drop { $0 == "0" || $0 == " " }
                text += digits.isEmpty ? "0" : String(digits)
            } else {
                text += field(first) ?? "%\(first)"
            }
        }
        return text
    }

    private func field(_ letter: Unicode.Scalar) -> String? {
        dateField(letter) ?? timeField(letter)
    }

    private func dateField(_ letter: Unicode.Scalar) -> String? {
        switch letter {
        case "Y": String(year)
        case "C": Self.padded(year / 100)
        case "y": Self.padded(year % 100)
        case "m": Self.padded(month)
        case "d": Self.padded(day)
        case "e": Self.padded(day, with: " ")
        case "B": Self.monthNames[month - 1]
        case "b", "h": String(Self.monthNames[month - 1].prefix(3))
        case "A": Self.weekdayNames[weekday]
        case "a": String(Self.weekdayNames[weekday].prefix(3))
        case "w": String(weekday)
        case "u": String(weekday == 0 ? 7 : weekday)
        case "j": Self.padded(yearDay, width: 3)
        case "U": Self.padded((yearDay + 6 - weekday) / 7)
        case "W": Self.padded((yearDay + 6 - (weekday + 6) % 7) / 7)
        case "D", "x": formatted("%m/%d/%y")
        case "F": formatted("%Y-%m-%d")
        case "c": formatted("%a %b %e %H:%M:%S %Y")
        default: nil
        }
    }

    private func timeField(_ letter: Unicode.Scalar) -> String? {
        switch letter {
        case "H": Self.padded(hour)
        case "k": Self.padded(hour, with: " ")
        case "I": Self.padded((hour + 11) % 12 + 1)
        case "l": Self.padded((hour + 11) % 12 + 1, with: " ")
        case "M": Self.padded(minute)
        case "S": Self.padded(second)
        case "f": "000000"
        case "p": hour < 12 ? "AM" : "PM"
        case "P": hour < 12 ? "am" : "pm"
        case "R": formatted("%H:%M")
        case "T", "X": formatted("%H:%M:%S")
        case "r": formatted("%I:%M:%S %p")
        case "z", "Z": ""
        case "n": "\n"
        case "t": "\t"
        case "%": "%"
        default: nil
        }
    }

    private static func padded(_ value: Int, width: Int = 2, with fill: String = "0") -> String {
        let digits = String(value)
        return String(repeating: fill, count: max(0, width - digits.utf8.count)) + digits
    }
}
