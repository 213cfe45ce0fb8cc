// SPDX-License-Identifier: Apache-2.0

/// How a byte-level vocabulary cuts text before it merges: what `tokenizer.ggml.pre` names.
///
/// A GGUF file carries only the name, so what else the published tokenizer does before merging
/// comes from here too.
struct PreTokenizer: Sendable {
    let passes: [SplitPass]
    /// Whether the text is normalized to NFC first.
    var composesText = false
    /// Whether a piece that is a token is that token, whatever the merges say.
    var looksUpPieces = false
    /// Whether a file that does not say so means that encoded text begins with the BOS token.
    var addsBOS = false

    /// The pieces of the range, in order and without a gap.
    func pieces(of range: Range<Int>, in text: ClassifiedText) -> [Range<Int>] {
        passes.reduce([range]) { $1.split($0, of: text) }
    }

    /// The rule of this name, or nil if there is none.
    static func named(_ name: String) -> PreTokenizer? {
        rules[name]
    }

    /// The names that `named` knows, sorted.
    static var names: [String] { rules.keys.sorted() }
}

extension PreTokenizer {
    private static let rules: [String: PreTokenizer] = {
        let families: [(names: [String], rule: PreTokenizer)] = [
            (["default"], PreTokenizer(passes: signsThenGPT2(.punctuation, "$+<=>^~|"))),
            (["falcon"], PreTokenizer(passes: signsThenGPT2(.punctuation, "$+<=>^~|`"))),
            (
                [
                    "gpt-2", "phi-2", "mpt", "jais", "trillion", "granite-docling", "exaone4",
                    "gigachat", "a.x-4.0", "mellum", "modern-bert",
                ],
                PreTokenizer(passes: [.gpt2])
            ),
            (["olmo"], PreTokenizer(passes: [.gpt2], composesText: true)),
            (
                ["smollm", "starcoder", "refact", "codeshell", "exaone", "minerva-7b", "mellum2"],
                PreTokenizer(passes: [.numbers(maxCount: 1), .gpt2])
            ),
            (
                ["command-r"],
                PreTokenizer(passes: [.numbers(maxCount: 1), .gpt2], composesText: true)
            ),
            (
                ["deepseek-llm"],
                PreTokenizer(passes: [
                    .newlines, .runs(RunPattern(set: .deepSeekLetters, takesSpace: true)),
                    .runs(RunPattern(set: .deepSeekSigns, takesSpace: true)), .trailingSpace,
                    .runs(RunPattern(set: .deepSeekIdeographs)), .numbers(maxCount: 1),
                ])
            ),
            (
                ["deepseek-coder"],
                PreTokenizer(passes: [
                    .newlines, .runs(RunPattern(set: ScalarSet(.letters), takesSpace: true)),
                    .runs(RunPattern(set: ScalarSet(.punctuation), takesSpace: true)),
                    .runs(RunPattern(set: .deepSeekIdeographs)), .numbers(maxCount: 1),
                ])
            ),
            (
                ["deepseek-v3", "hunyuan-dense", "joyai-llm", "hy_v4"],
                PreTokenizer(passes: [
                    .numbers(maxCount: 3), .runs(RunPattern(set: .deepSeekV3Ideographs)),
                    .punctuatedWords,
                ])
            ),
        ]
        return table(families + wordFamilies)
    }()

    /// The rules that follow cl100k and o200k.
    private static let wordFamilies: [(names: [String], rule: PreTokenizer)] = [
        (
            [
                "llama3", "llama-v3", "llama-bpe", "falcon3", "falcon-h1", "pixtral", "midm-2.0",
                "lfm2",
            ],
            PreTokenizer(passes: [.words(WordPattern())], looksUpPieces: true, addsBOS: true)
        ),
        (["dbrx", "smaug-bpe"], PreTokenizer(passes: [.words(WordPattern())])),
        (
            ["glm4", "glm5", "chatglm-bpe"],
            PreTokenizer(passes: [.words(WordPattern())], looksUpPieces: true)
        ),
        (
            [
                "qwen2", "deepseek-r1-qwen", "stablelm2", "hunyuan", "megrez", "kormo", "f2llmv2",
            ],
            PreTokenizer(passes: [.words(WordPattern(maxNumberCount: 1))], composesText: true)
        ),
        (
            ["bailingmoe", "bailingmoe2", "llada-moe", "grok-2", "solar-open"],
            PreTokenizer(passes: [.words(WordPattern(maxNumberCount: 1))])
        ),
        (
            ["laguna"],
            PreTokenizer(passes: [.lines, .words(WordPattern(maxNumberCount: 1))])
        ),
        (
            ["qwen35"],
            PreTokenizer(
                passes: [
                    .words(WordPattern(letters: .letters.union(.marks), maxNumberCount: 1))
                ],
                composesText: true)
        ),
        (
            ["seed-coder"],
            PreTokenizer(passes: [.words(WordPattern(maxNumberCount: 1, takesNewlines: false))])
        ),
        (
            ["gpt-4o", "llama4", "kanana2"],
            PreTokenizer(passes: [.casedWords(CasedWordPattern())])
        ),
        (
            ["minimax-m2"],
            PreTokenizer(passes: [.casedWords(CasedWordPattern())], composesText: true)
        ),
        (
            ["tekken"],
            PreTokenizer(
                passes: [
                    .casedWords(CasedWordPattern(maxNumberCount: 1, takesContractions: false))
                ],
                looksUpPieces: true, addsBOS: true)
        ),
        (
            ["kimi-k2"],
            PreTokenizer(passes: [
                .casedWords(CasedWordPattern(takesSlashes: false, separatesHan: true))
            ])
        ),
    ]

    private static func table(
        _ families: [(names: [String], rule: PreTokenizer)]
    ) -> [String: PreTokenizer] {
        var table: [String: PreTokenizer] = [:]
        for family in families {
            for name in family.names { table[name] = family.rule }
        }
        return table
    }

    /// Falcon's passes: signs by themselves, GPT-2's rule, and digits by threes.
    private static func signsThenGPT2(
        _ classes: ScalarClassSet, _ extra: String
    ) -> [SplitPass] {
        let ranges = extra.unicodeScalars.map { $0.value...$0.value }.sorted {
            $0.lowerBound < $1.lowerBound
        }
        let signs = ScalarSet(classes, ranges: ranges)
        return [.runs(RunPattern(set: signs)), .gpt2, .digitTriples]
    }
}
