// SPDX-License-Identifier: Apache-2.0

internal import Decoding
internal import Foundation
internal import ModelFile
internal import Tokenization

/// Where a server's chat template comes from.
enum ChatTemplateSource {
    /// The template to serve with.
    enum Found: Sendable {
        case template(ChatTemplate)
        /// Why there is none, for whoever asks for a chat completion.
        case absent(String)
    }

    private static let key = "tokenizer.chat_template"

    /// The template that the configuration asks for, else the model's own.
    ///
    /// - Throws: `ServerError` where the configuration asks for one that cannot be had. A model's own that
    ///   cannot be read only makes chat impossible.
    static func find(
        _ configuration: ServerConfiguration, _ file: GGUFFile
    ) throws(ServerError) -> Found {
        if let path = configuration.chatTemplatePath {
            do { return .template(try ChatTemplate(try read(path))) } catch let error
                as TemplateError
            {
                throw .configuration("\(path): \(error)")
            } catch { throw .configuration("\(path): cannot be read as a chat template in UTF-8") }
        }
        guard let source = try source(configuration.chatTemplateName, file) else {
            return .absent(
                "this model's file has no chat template; the server can be given one with "
                    + "--chat-template-file")
        }
        do { return .template(try ChatTemplate(source)) } catch {
            return .absent("this model's chat template cannot be used: \(error)")
        }
    }

    private static func read(_ path: String) throws -> String {
        let handle = try FileHandle(forReadingFrom: URL(filePath: path))
        defer { try? handle.close() }
        let bytes = try handle.read(upToCount: TemplateLimits().maxSourceBytes + 1) ?? Data()
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw CocoaError(.fileReadInapplicableStringEncoding)
        }
        return text
    }

    /// The file's template of that name; without a name its default, or the only one it has.
    private static func source(
        _ name: String?, _ file: GGUFFile
    ) throws(ServerError) -> String? {
        do throws(ModelFileError) {
            if let name {
                if let source = try file.stringIfPresent("\(key).\(name)") { return source }
            } else {
                if let source = try file.stringIfPresent(key) { return source }
                let names = try file.stringsIfPresent("\(key)s") ?? []
                guard names.count == 1 || names.contains("default") else { return nil }
                return try file.stringIfPresent("\(key).\(names.count == 1 ? names[0] : "default")")
            }
        } catch { throw .model(.file(error)) }
        throw .configuration("--chat-template \(name ?? ""): the model's file has no such template")
    }
}
