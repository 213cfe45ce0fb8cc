// SPDX-License-Identifier: Apache-2.0

import Foundation
import ModelFile
import OpenAIAPI
import Testing
import Tokenization

@testable import ServerApp

@Suite struct ChatPrompterTests {
    /// Bytes, and `<s>`, `</s>`, `<|im_start|>`, `<|im_end|>` from id 256 on.
    private static func tokenizer(addsBOS: Bool = true) throws -> Tokenizer {
        let latin = [0x21...0x7E, 0xA1...0xAC, 0xAE...0xFF].joined()
        let spare = 0x100...0x143
        let bytes = (Array(latin) + Array(spare)).compactMap { Unicode.Scalar($0) }
            .map { String(Character($0)) }
        var source = VocabularySource(
            model: "gpt2", preTokenizer: "gpt-2",
            tokens: bytes + ["<s>", "</s>", "<|im_start|>", "<|im_end|>"])
        source.tokenTypes = Array(repeating: 1, count: 256) + [3, 3, 3, 3]
        source.merges = []
        (source.bosID, source.eosID, source.addsBOS) = (256, 257, addsBOS)
        return Tokenizer(try Vocabulary(source))
    }

    private static let chatML = """
        {{ bos_token }}{% for m in messages %}<|im_start|>{{ m.role }}
        {{ m.content }}<|im_end|>
        {% endfor %}{% if add_generation_prompt %}<|im_start|>assistant
        {% endif %}
        """

    private func prompter(_ source: String) throws -> ChatPrompter {
        ChatPrompter(try ChatTemplate(source), tokenizer: try Self.tokenizer())
    }

    private func request(
        _ messages: ChatMessage..., change: (inout ChatRequest) -> Void = { _ in }
    ) -> ChatRequest {
        var request = ChatRequest(messages: messages)
        change(&request)
        return request
    }

    private static let hello = ChatMessage(role: .user, text: "Hello")

    @Test func `messages become the template's text, and the assistant's turn begins`() throws {
        let prompt = try prompter(Self.chatML).prompt(
            for: request(ChatMessage(role: .system, text: "Be brief."), Self.hello))

        #expect(
            prompt.text == "<s><|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nHello"
                + "<|im_end|>\n<|im_start|>assistant\n")
        #expect(prompt.reasoning == nil)
    }

    @Test func `without a generation prompt no turn begins`() throws {
        let prompt = try prompter(Self.chatML).prompt(
            for: request(Self.hello) { $0.addsGenerationPrompt = false })

        #expect(prompt.text == "<s><|im_start|>user\nHello<|im_end|>\n")
    }

    @Test func `an assistant's last message is continued where it stops`() throws {
        let prompter = try prompter(Self.chatML)
        let started = ChatMessage(role: .assistant, text: "Hi, my name is ")

        let continued = try prompter.prompt(for: request(Self.hello, started))
        let turned = try prompter.prompt(
            for: request(Self.hello, started) { $0.addsGenerationPrompt = true })

        #expect(
            continued.text == "<s><|im_start|>user\nHello<|im_end|>\n<|im_start|>assistant\n"
                + "Hi, my name is ")
        #expect(turned.text.hasSuffix("is <|im_end|>\n<|im_start|>assistant\n"))
    }

    @Test func `a template that trims the last message trims its continuation`() throws {
        let source = "{% for m in messages %}[{{ m.content | trim }}]{% endfor %}"

        let prompt = try prompter(source).prompt(
            for: request(Self.hello, ChatMessage(role: .assistant, text: " Hi, my ")))

        #expect(prompt.text == "[Hello][Hi, my")
    }

    @Test func `a last message that the template leaves out cannot be continued`() throws {
        let source = "{% for m in messages if m.role == 'user' %}{{ m.content }}{% endfor %}"
        let prompter = try prompter(source)

        let error = #expect(throws: APIError.self) {
            try prompter.prompt(
                for: request(Self.hello, ChatMessage(role: .assistant, text: "Hi")))
        }

        #expect(error?.param == "messages[1]")
    }

    private static let plain = "{% for m in messages %}{{ m.content }}{% endfor %}"

    @Test func `a long last message is found in a long prompt in no time`() throws {
        // A search that begins anew at each character would compare ten billion of them.
        let said = String(repeating: "a", count: 200_000)
        let started = "b" + String(repeating: "a", count: 100_000)

        let prompt = try prompter(Self.plain).prompt(
            for: request(
                ChatMessage(role: .user, text: said), ChatMessage(role: .assistant, text: started)))

        #expect(prompt.text.utf8.elementsEqual((said + started).utf8))
    }

    @Test(arguments: ["\u{6DD}Hi", "Hi\u{6DD}", "\u{301}Hi", "Hi\r", "\u{200D}"])
    func `a last message is found by its code points, whatever they make with their neighbours`(
        started: String
    ) throws {
        // U+06DD is one character together with what follows it.
        let said = "x\u{6DD}"

        let prompt = try prompter(Self.plain).prompt(
            for: request(
                ChatMessage(role: .user, text: said), ChatMessage(role: .assistant, text: started)))

        #expect(prompt.text.utf8.elementsEqual((said + started).utf8))
    }

    @Test func `the tag that begins thoughts is found behind any character`() throws {
        let prompter = try prompter("\u{6DD}<think>")

        #expect(try prompter.prompt(for: request(Self.hello)).reasoning == .inside)
    }

    @Test func `parts are joined for a template that wants a string`() throws {
        var message = Self.hello
        message.texts = ["one", "two"]

        let prompt = try prompter("{{ messages[0].content }}").prompt(for: request(message))

        #expect(prompt.text == "one\ntwo")
    }

    @Test func `strings are parts for a template that wants parts`() throws {
        let source = "{% for part in messages[0].content %}({{ part.text }}){% endfor %}"
        var message = Self.hello
        message.texts = ["one", "two"]

        #expect(try prompter(source).prompt(for: request(Self.hello)).text == "(Hello)")
        #expect(try prompter(source).prompt(for: request(message)).text == "(one)(two)")
    }

    @Test func `a developer is the system to a template that does not know one`() throws {
        let message = ChatMessage(role: .developer, text: "x")
        let role = "{{ messages[0].role }}"

        #expect(try prompter(role).prompt(for: request(message)).text == "system")
        #expect(
            try prompter(role + "{# developer #}").prompt(for: request(message)).text
                == "developer")
    }

    @Test func `names, ids, thoughts and variables reach the template`() throws {
        var message = Self.hello
        (message.name, message.toolCallID, message.reasoning) = ("Ann", "id1", "why")
        let source = """
            {{ messages[0].name }} {{ messages[0].tool_call_id }} {{ messages[0].reasoning_content }} \
            {{ messages[0].thinking }} {{ depth[0].x }} {{ tools }} {{ eos_token }} \
            {{ pad_token is defined }}
            """

        let prompt = try prompter(source).prompt(
            for: request(message) {
                $0.templateVariables = [
                    .init("depth", .array([.object([.init("x", .number(.real(1.5)))])]))
                ]
            })

        #expect(prompt.text == "Ann id1 why why 1.5 None </s> False")
    }

    @Test func `the template's own refusal is the error's message`() throws {
        let prompter = try prompter("{{ raise_exception('Roles must alternate') }}")

        let error = #expect(throws: APIError.self) { try prompter.prompt(for: request(Self.hello)) }

        #expect(error?.status == 400)
        #expect(error?.message == "Roles must alternate")
        #expect(error?.param == "messages")
    }

    @Test func `what the template cannot do is an error that says where`() throws {
        let prompter = try prompter("\n{{ messages[0].content + 1 }}")

        let error = #expect(throws: APIError.self) { try prompter.prompt(for: request(Self.hello)) }

        #expect(error?.status == 400)
        #expect(error?.message.contains("line 2 of the chat template") == true)
    }

    // MARK: Thoughts

    static let starts: [(String, ReasoningSplitter.Start?)] = [
        ("{{ messages[0].content }}", nil),
        ("{{ messages[0].content }}{# </think> #}", .open),
        ("{{ messages[0].content }}<think>\n", .inside),
        ("{{ messages[0].content }}<think>\n\n</think>\n\n", .open),
    ]

    @Test(arguments: starts)
    func `where the answer begins is told from the prompt`(
        source: String, start: ReasoningSplitter.Start?
    ) throws {
        let prompter = try prompter(source)

        #expect(try prompter.prompt(for: request(Self.hello)).reasoning == start)
        #expect(
            try prompter.prompt(for: request(Self.hello) { $0.splitsReasoning = false }).reasoning
                == nil)
    }

    @Test(
        arguments: [
            ("<think>I wo", .inside), ("<think>x</think>So", nil), ("So", nil), ("", .open),
        ] as [(String, ReasoningSplitter.Start?)])
    func `a continued thought stays a thought`(
        text: String, start: ReasoningSplitter.Start?
    ) throws {
        let prompter = try prompter(
            "{% for m in messages %}{{ m.content }};{% endfor %}{# <think> #}")

        let prompt = try prompter.prompt(
            for: request(Self.hello, ChatMessage(role: .assistant, text: text)))

        #expect(prompt.text == "Hello;" + text)
        #expect(prompt.reasoning == start)
    }

    // MARK: Tokens

    @Test func `special tokens are found in the template's text and in messages alike`() throws {
        let ids = try Self.tokenizer().encode(rendered: "<s>a</s>", addsSpecial: false)

        #expect(ids.first == 256 && ids.last == 257)
        #expect(ids.count == 3)
    }

    @Test func `BOS is the template's affair, and never comes twice`() throws {
        let tokenizer = try Self.tokenizer()

        #expect(try tokenizer.encode(rendered: "a", addsSpecial: false).count == 1)
        #expect(try tokenizer.encode(rendered: "a", addsSpecial: true).first == 256)
        #expect(try tokenizer.encode(rendered: "<s>a", addsSpecial: true).count == 2)
        #expect(try tokenizer.encode(rendered: "<s>a", addsSpecial: false).count == 2)
    }
}

/// Where a server's template comes from.
@Suite struct ChatTemplateSourceTests {
    private func file(_ entries: [(String, String)]) throws -> GGUFFile {
        let path = URL(filePath: #filePath).deletingLastPathComponent()
            .appending(path: "../Fixtures/tiny/qwen3_moe.gguf").path
        let overrides = entries.compactMap { MetadataOverride("\($0.0)=str:\($0.1)") }
        try #require(overrides.count == entries.count)
        return try GGUFFile(path: path, overrides: overrides)
    }

    private func find(
        _ file: GGUFFile, change: (inout ServerConfiguration) -> Void = { _ in }
    ) throws -> String? {
        var configuration = ServerConfiguration()
        change(&configuration)
        guard case .template(let template) = try ChatTemplateSource.find(configuration, file) else {
            return nil
        }
        return template.source
    }

    @Test func `the file's own template is the default, a named one is there for the asking`()
        throws
    {
        let file = try file([
            ("tokenizer.chat_template", "own"), ("tokenizer.chat_template.tool_use", "tools"),
        ])

        #expect(try find(file) == "own")
        #expect(try find(file) { $0.chatTemplateName = "tool_use" } == "tools")
        #expect(throws: ServerError.self) { try find(file) { $0.chatTemplateName = "rag" } }
    }

    @Test func `a file without a template, or with one that cannot be read, says so to clients`()
        throws
    {
        let plain = try file([("tokenizer.chat_template.rag", "x")])
        let broken = try file([("tokenizer.chat_template", "{% if %}")])

        for (file, words) in [(plain, "has no chat template"), (broken, "cannot be used")] {
            guard case .absent(let reason) = try ChatTemplateSource.find(.init(), file) else {
                Issue.record("found a template")
                return
            }
            #expect(reason.contains(words))
        }
    }

    @Test func `a template file takes the place of the model's, and must be one`() throws {
        let folder = FileManager.default.temporaryDirectory
            .appending(path: "apus-templates-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let file = try file([("tokenizer.chat_template", "own")])
        func written(_ bytes: [UInt8], _ name: String) throws -> String {
            let path = folder.appending(path: name)
            try Data(bytes).write(to: path)
            return path.path
        }
        let good = try written(Array("é{{ 1 }}".utf8), "good.jinja")
        let bad = [
            try written(Array("{{".utf8), "syntax.jinja"), try written([0xFF], "bytes.jinja"),
            folder.appending(path: "absent.jinja").path, folder.path,
            try written(Array(repeating: 0x20, count: 1 << 21), "long.jinja"),
        ]

        #expect(try find(file) { $0.chatTemplatePath = good } == "é{{ 1 }}")
        for path in bad {
            #expect(throws: ServerError.self, "\(path)") {
                try find(file) { $0.chatTemplatePath = path }
            }
        }
    }
}
