// SPDX-License-Identifier: Apache-2.0

/// The date format of the Date field: `Sun, 06 Nov 1994 08:49:37 GMT` (RFC 9110 section 5.6.7).
enum HTTPDate {
    /// Formats seconds since 1970, UTC.
    static func format(_ secondsSince1970: Int) -> [UInt8] {
        let day = secondsSince1970 / 86_400
        let second = secondsSince1970 % 86_400
        let date = civil(day)
        var text: [UInt8] = []
        text.append(ascii: names("SunMonTueWedThuFriSat", at: (day + 4) % 7))
        text.append(ascii: ", ")
        text.append(twoDigits: date.day)
        text.append(ascii: " ")
        text.append(ascii: names("JanFebMarAprMayJunJulAugSepOctNovDec", at: date.month - 1))
        text.append(ascii: " \(date.year) ")
        text.append(twoDigits: second / 3600)
        text.append(ascii: ":")
        text.append(twoDigits: second / 60 % 60)
        text.append(ascii: ":")
        text.append(twoDigits: second % 60)
        text.append(ascii: " GMT")
        return text
    }

    private static func names(_ all: String, at index: Int) -> String {
        String(all.dropFirst(index * 3).prefix(3))
    }

    /// The Gregorian date of a day since 1970, counted in years that begin in March, so that the
    /// leap day comes last.
    private static func civil(_ day: Int) -> (year: Int, month: Int, day: Int) {
        let shifted = day + 719_468
        let era = shifted / 146_097
        let dayOfEra = shifted % 146_097
        let yearOfEra =
            (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let marchMonth = (5 * dayOfYear + 2) / 153
        let month = marchMonth < 10 ? marchMonth + 3 : marchMonth - 9
        return (
            year: era * 400 + yearOfEra + (month <= 2 ? 1 : 0), month: month,
            day: dayOfYear - (153 * marchMonth + 2) / 5 + 1
        )
    }
}

extension [UInt8] {
    mutating func append(ascii text: String) { append(contentsOf: text.utf8) }

    mutating func append(decimal number: Int) {
        if number < 10 {
            append(UInt8(ascii: "0") + UInt8(number))
        } else {
            append(contentsOf: String(number).utf8)
        }
    }

    mutating func append(hexadecimal number: Int) {
        append(contentsOf: String(number, radix: 16).utf8)
    }

    fileprivate mutating func append(twoDigits number: Int) {
        append(UInt8(ascii: "0") + UInt8(number / 10))
        append(UInt8(ascii: "0") + UInt8(number % 10))
    }
}
