// SPDX-License-Identifier: Apache-2.0

/// What a client says of content codings in Accept-Encoding (RFC 9110 section 12.5.3), as far as the
/// server can choose: gzip or none.
struct AcceptEncoding: Equatable {
    /// Whether the answer should be in gzip: accepted, and not liked less than no coding.
    var prefersGzip: Bool
    /// Whether the client says that it does not want the answer without a coding.
    var refusesIdentity: Bool

    /// Reads the field's value; an absent field asks for no coding.
    init(_ value: String?) {
        var gzip: Double?
        var identity: Double?
        var others: Double?
        for element in (value ?? "").split(separator: ",") {
            let parts = element.split(separator: ";", omittingEmptySubsequences: false)
                .map { $0.filter { $0 != " " && $0 != "\t" }.lowercased() }
            let weight = Self.weight(parts.dropFirst())
            switch parts[0] {
            case "gzip", "x-gzip": gzip = max(gzip ?? 0, weight)
            case "identity": identity = weight
            case "*": others = weight
            default: break
            }
        }
        let gzipWeight = gzip ?? others ?? 0
        prefersGzip = gzipWeight > 0 && gzipWeight >= (identity ?? 0)
        refusesIdentity = (identity ?? others) == 0
    }

    /// `q=0.5`, from 0 to 1 with up to three decimals; a weight that is not well-formed is 0, so that a
    /// coding is never used against the client's will.
    private static func weight(_ parameters: ArraySlice<String>) -> Double {
        guard let parameter = parameters.first else { return 1 }
        guard parameters.count == 1, parameter.hasPrefix("q="), parameter.utf8.count <= 7,
            let weight = Double(parameter.dropFirst(2)), weight >= 0, weight <= 1
        else { return 0 }
        return weight
    }
}
