// SPDX-License-Identifier: Apache-2.0

/// The files of a model, one or several, and the tensors of all of them.
///
/// Of a split model the first file holds the metadata and each some of the tensors; the others are
/// found by the first one's name.
struct GGUFParts {
    /// The first file's header.
    let header: GGUFHeader
    /// The path without `.gguf` and what says which part a file is.
    let prefix: String
    private(set) var mappings: [FileMapping]
    private(set) var tensors: [TensorDescription]
    private(set) var tensorIndices: [String: Int]

    /// Opens the file and, where it is the first of several, the others.
    init(path: String) throws(ModelFileError) {
        let mapping = try FileMapping(path: path)
        header = try GGUFHeader(bytes: mapping.bytes, path: path, part: 0)
        mappings = [mapping]
        tensors = header.tensors
        tensorIndices = header.tensorIndices
        guard let place = try SplitPlace(header, path: path) else {
            prefix = path.hasSuffix(".gguf") ? String(path.dropLast(5)) : path
            return
        }
        let names = try GGUFParts.names(of: place, first: path)
        prefix = names.prefix
        for index in 1..<place.partCount {
            try appendPart(index, of: place, names)
        }
        guard tensors.count == place.tensorCount else { throw miscount(place, path: path) }
    }

    private static func names(
        of place: SplitPlace, first path: String
    ) throws(ModelFileError) -> PartNames {
        guard place.index == 0 else {
            throw .unsuitablePart(
                path: path, wanted: "the first part of a split model", found: "\(place)")
        }
        guard let names = PartNames(first: path, count: place.partCount) else {
            throw .unsuitablePart(
                path: path,
                wanted: "a name that ends in '\(PartNames.ending(1, of: place.partCount))',"
                    + " by which the other parts are found", found: "another")
        }
        return names
    }

    private mutating func appendPart(
        _ index: Int, of first: SplitPlace, _ names: PartNames
    ) throws(ModelFileError) {
        let path = names.path(ofPart: index)
        let mapping: FileMapping
        do { mapping = try FileMapping(path: path) } catch {
            guard case .missing = error else { throw error }
            throw .missingPart(path: path, number: index + 1, count: first.partCount)
        }
        let header = try GGUFHeader(bytes: mapping.bytes, path: path, part: index)
        var wanted = first
        wanted.index = index
        let found = try SplitPlace(header, path: path)
        guard found == wanted else {
            throw .unsuitablePart(
                path: path, wanted: "\(wanted)", found: found.map { "\($0)" } ?? "a whole model")
        }
        mappings.append(mapping)
        for tensor in header.tensors {
            guard tensorIndices.updateValue(tensors.count, forKey: tensor.name) == nil else {
                throw .unsuitablePart(
                    path: path, wanted: "each tensor in one part",
                    found: "\(tensor.name.quoted) again")
            }
            tensors.append(tensor)
        }
        // Checked here too, so that many parts cannot add up to more than one file may hold.
        guard tensors.count <= first.tensorCount else { throw miscount(first, path: path) }
    }

    private func miscount(_ place: SplitPlace, path: String) -> ModelFileError {
        .unsuitablePart(
            path: path, wanted: "\(place.tensorCount) tensors in \(place.partCount) parts",
            found: "\(tensors.count) in \(mappings.count)")
    }
}
