// SPDX-License-Identifier: Apache-2.0

package import ModelFile

/// Why a model cannot be loaded or run.
package enum ModelError: Error, Equatable {
    /// The file itself is unreadable or malformed.
    case file(ModelFileError)
    /// No family of this name is known; the known ones are listed.
    case unknownArchitecture(String, known: [String])
    /// The file has no tensor of this name, which the family needs.
    case missingTensor(String)
    /// A tensor's shape differs from what the hyper-parameters call for; outermost first.
    case wrongShape(tensor: String, wanted: [Int], found: [Int])
    /// A tensor's type has no kernel.
    case unsupportedType(tensor: String, type: String)
    /// The family does not know what to do with a tensor: ignoring it would compute something else.
    case unusedTensor(String)
    /// A hyper-parameter is outside what can be computed.
    case badHyperParameter(key: String, wanted: String, found: String)
    /// The file asks for a variant that is not built.
    case unsupported(String)
    /// The file's vocabulary cannot be used; one line says why.
    case tokenizer(String)
    /// Memory or threads could not be had.
    case outOfResources(String)
}

extension ModelError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .file(let error):
            "\(error)"
        case .unknownArchitecture(let name, let known):
            "unknown architecture \(name.quoted); known: \(known.joined(separator: ", "))"
        case .missingTensor(let name):
            "tensor \(name.quoted) is missing"
        case .wrongShape(let tensor, let wanted, let found):
            "tensor \(tensor.quoted): wanted shape \(wanted), found \(found)"
        case .unsupportedType(let tensor, let type):
            "tensor \(tensor.quoted): type \(type) is not supported"
        case .unusedTensor(let name):
            "tensor \(name.quoted) is not part of this architecture as built here"
        case .badHyperParameter(let key, let wanted, let found):
            "\(key.quoted): wanted \(wanted), found \(found)"
        case .unsupported(let what):
            "not supported: \(what)"
        case .tokenizer(let reason):
            reason
        case .outOfResources(let what):
            "out of resources: \(what)"
        }
    }

    /// Whether the file is absent or unreadable, rather than wrong.
    package var isMissingInput: Bool {
        if case .file(let error) = self { error.isMissingInput } else { false }
    }
}
