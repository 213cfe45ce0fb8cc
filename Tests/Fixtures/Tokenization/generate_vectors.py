# SPDX-License-Identifier: Apache-2.0
"""Writes fuzz.json: what the reference tokenizers make of awkward random text.

    generate_vectors.py WHEELS OUTPUT [SEED COUNT]

Needs `pip install tokenizers tiktoken sentencepiece`. WHEELS is where scripts/fetch-tokenizers puts
its downloads. Results are kept as hashes: 32-bit FNV-1a over little-endian 32-bit numbers, which are
token ids for vocabularies and the pieces' ends in UTF-8 for splitting rules.
"""

import json
import pathlib
import random
import sys

import sentencepiece
import tiktoken
from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers

import extract_vocabularies as extract

CONTRACTIONS = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)"
SPACE = r"\s*[\r\n]+|\s+(?!\S)|\s+"
GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
HEADS, TAILS = r"\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}", r"\p{Ll}\p{Lm}\p{Lo}\p{M}"


def words(letters=r"\p{L}", numbers=r"\p{N}{1,3}", trailer=r"[\r\n]*"):
    other = r" ?[^\s\p{L}\p{N}]+" if letters == r"\p{L}" else r" ?[^\s\p{L}\p{M}\p{N}]+"
    return rf"{CONTRACTIONS}|[^\r\n\p{{L}}\p{{N}}]?[{letters}]+|{numbers}|{other}{trailer}|{SPACE}"


def cased(suffix=CONTRACTIONS + "?", numbers=r"\p{N}{1,3}", trailer=r"[\r\n/]*", han=False):
    but = r"&&[^\p{Han}]" if han else ""
    lead, first = r"[^\r\n\p{L}\p{N}]?", r"[\p{Han}]+|" if han else ""
    return (rf"{first}{lead}[{HEADS}{but}]*[{TAILS}{but}]+{suffix}|"
            rf"{lead}[{HEADS}{but}]+[{TAILS}{but}]*{suffix}|{numbers}|"
            rf" ?[^\s\p{{L}}\p{{N}}]+{trailer}|{SPACE}")


# By the name that `tokenizer.ggml.pre` has for them, the passes of splitting rules of which no
# vocabulary is at hand.
RULES = {
    "default": [r"[\p{P}\$\+<=>\^~\|]+", GPT2, r"[0-9][0-9][0-9]"],
    "falcon": [r"[\p{P}\$\+<=>\^~\|`]+", GPT2, r"[0-9][0-9][0-9]"],
    "gpt-2": [GPT2],
    "starcoder": [r"\p{N}", GPT2],
    "dbrx": [words()],
    "bailingmoe": [r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N}|"
                   r" ?[^\s\p{L}\p{N}]++[\r\n]*|\s*[\r\n]|\s+(?!\S)|\s+"],
    "laguna": [r"[^\n]+|[\n]+", words(numbers=r"\p{N}")],
    "seed-coder": [words(numbers=r"\p{N}", trailer="")],
    "kimi-k2": [cased(trailer=r"[\r\n]*", han=True)],
}

POOLS = [
    "abcdefghijklmnopqrstuvwxyz", "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "0123456789", " ", " \t", "\n", "\r\n",
    "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~", "'", "stmdrevlSTMDREVLſ", "éüößñçøåÄÖ", "жщюяЖЩЮЯ", "αβγδΩΣ",
    "漢字我想在中国龥一", "ひらがなカタカナ", "한국어가힣", "\u1100\u1161\u11a8\u1112\u1175", "สวัสดี",
    "नमस्ते\u093c\u0947", "مرحبا\u064b\u0651", "\u0301\u0323\u0327\u0308\u030a\u05b0", "e\u0301a\u030ao\u0308",
    "½¼²³Ⅷⅷ①٣४", "〇〡々〻⺀⼀", "«»“”‘’…—–、。！？～", "€£¥+<=>^|§©®°", "😀🦙👩🌫✅", "\u200d\ufe0f",
    "\x00\x01\x1f\x7f\xad\ufeff\u200b", "\xa0\u2003\u3000\x85\u2028\u2029\u1680\x0b\x0c", "ǅᾈ", "ʰˠªº",
    "\u0958\u212b\u2126\uf900\ufb1d\u0344", "\u16ff0\U00020000\U0002a6df", "_‿", "ﬅﬆſK",
]
WORDS = ["I've", "don't", "WE'LL", "he'D", "it'ſ", "Hello", "world", "camelCase", "XMLHttpRequest", "1234567",
         "3.14", "https://x.y/z?a=1", "for (int i = 0; i < n; ++i) {\n", "    return x;\n", "\n\n\n", "  ", "——",
         "Việt", "naïve", "👩‍👩‍👧", "工作1314151天", "``` ", "</div>", "\t\t", " \n \n", "== ", "\r\n\r\n"]
ASSIGNED = [c for c in range(0x32000) if not 0xD800 <= c < 0xE000]

SPECIAL = {
    "qwen-3": ["<|im_start|>user\nHi there<|im_end|>\n<|im_start|>assistant\n<think>\n\n</think>\n",
               "a<|im_end|><|im_end|> <|im_end", "<tool_call> {} </tool_call>"],
    "deepseek-v3": ["<｜begin▁of▁sentence｜><｜User｜>Hi<｜Assistant｜>", "x<think>y</think>z<｜end▁of▁sentence｜>"],
    "deepseek-coder-33b-base": ["<｜fim▁begin｜>def f():<｜fim▁hole｜>\n<｜fim▁end｜>", "õ÷Áýïå À"],
    "deepseek-llm-7b-base": ["<｜begin▁of▁sentence｜>User: Hi\n\nAssistant:", "øöúÿõ"],
    "deepseek-r1-distill-llama-8b": ["<｜User｜>What<think>\n<|eot_id|><|reserved_special_token_5|>"],
    "glm-4.5v": ["[gMASK]<sop><|user|>\nHi<|assistant|>\n<think></think>", "<|endoftext|"],
    "minimax": ["]~!b[]~b]system\nYou[e~[\n]~b]user\n"],
}


def fuzz(seed, count):
    """Strings that change script and kind every few scalars."""
    rng = random.Random(seed)

    def part():
        kind = rng.random()
        if kind < 0.25:
            return rng.choice(WORDS)
        if kind < 0.35:
            return "".join(chr(rng.choice(ASSIGNED)) for _ in range(rng.randint(1, 4)))
        if kind < 0.45:
            return rng.choice(rng.choice(POOLS)) * rng.randint(1, 12)
        pool = rng.choice(POOLS)
        return "".join(rng.choice(pool) for _ in range(rng.randint(1, 6)))

    texts = ["".join(part() for _ in range(rng.randint(1, 12))) for _ in range(count)]
    texts += [" ".join(part() for _ in range(rng.randint(2, 14))) for _ in range(count // 2)]
    # Pieces too long for the merger to search them.
    return texts + ["".join(rng.choices(rng.choice(POOLS[:11]), k=400)) for _ in range(count // 25)]


def composed(seed, count):
    """Text that NFC changes, and its NFC."""
    blocks = [(0x41, 0x5A), (0xC0, 0x17F), (0x300, 0x345), (0x591, 0x5BD), (0x915, 0x95F), (0x9BE, 0x9D7),
              (0x1100, 0x1112), (0x1161, 0x1175), (0x11A8, 0x11C2), (0xAC00, 0xAC40), (0x1F00, 0x1FFC),
              (0x2126, 0x212B), (0xF900, 0xF910), (0xFB1D, 0xFB4E), (0x1D15E, 0x1D164)]
    rng = random.Random(seed)
    texts = ["".join(chr(rng.randint(*rng.choice(blocks))) for _ in range(30)) for _ in range(count)]
    return [[text, normalizers.NFC().normalize_str(text)] for text in texts]


def fnv(numbers):
    value = 0x811C9DC5
    for number in numbers:
        for byte in number.to_bytes(4, "little"):
            value = (value ^ byte) * 0x01000193 & 0xFFFFFFFF
    return value


def piece_ends(passes, text):
    """Where the pieces end, in UTF-8."""
    splitter = pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(p), "isolated") for p in passes])
    return [len(text[:end].encode()) for _, (_, end) in splitter.pre_tokenize_str(text)]


def encoders(wheels):
    """Name and encoding function of each reference tokenizer, special tokens found in the text."""
    for name in extract.COUNTED:
        tokenizer = Tokenizer.from_str(extract.counted_document(wheels, name).decode())
        yield name, lambda text, it=tokenizer: it.encode(text, add_special_tokens=False).ids
    for name, vocabulary in extract.vocabularies(wheels):
        ordinary = {token: id for id, token in enumerate(vocabulary.tokens)
                    if vocabulary.types[id] == extract.NORMAL}
        if name == "smollm2":
            merges = [tuple(merge.split(" ")) for merge in vocabulary.merges]
            tokenizer = Tokenizer(models.BPE(ordinary, merges))
            tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
                [pre_tokenizers.Digits(individual_digits=True),
                 pre_tokenizers.ByteLevel(add_prefix_space=False)])
            yield name, lambda text, it=tokenizer: it.encode(text, add_special_tokens=False).ids
        elif name in ("o200k_harmony", "tekken"):
            pattern = cased() if name == "o200k_harmony" else cased(suffix="", numbers=r"\p{N}")
            bytes_of = {char: byte for byte, char in enumerate(extract.ALPHABET)}
            first = min(ordinary.values())
            ranks = {bytes(bytes_of[c] for c in token): id - first for token, id in ordinary.items()}
            coding = tiktoken.Encoding(name, pat_str=pattern, mergeable_ranks=ranks, special_tokens={})
            yield name, lambda text, it=coding, first=first: [
                id + first for id in it.encode_ordinary(text)]
        elif name == "mistral-v3":
            path = "mistral_common/data/mistral_instruct_tokenizer_240323.model.v3"
            model = extract.wheel(wheels, "mistral_common").read(path)
            processor = sentencepiece.SentencePieceProcessor(model_proto=model)
            yield name, lambda text, it=processor: it.encode(text)


def main():
    wheels, output = map(pathlib.Path, sys.argv[1:3])
    seed, count = map(int, sys.argv[3:5]) if len(sys.argv) > 3 else (1, 400)
    texts = fuzz(seed, count)
    plane = " ".join(chr(c) for c in range(0x20, 0xFFFE) if not 0xD800 <= c < 0xE000)
    vocabularies, planes, special = {}, {}, {}
    for name, encode in encoders(wheels):
        vocabularies[name] = [fnv(encode(text)) for text in texts]
        planes[name] = fnv(encode(plane))
        special[name] = [{"text": text, "ids": encode(text)} for text in SPECIAL.get(name, [])]
    rules = {name: [fnv(piece_ends(passes, text)) for text in texts] for name, passes in RULES.items()}
    document = {"strings": texts, "vocabularies": vocabularies, "plane": planes, "rules": rules,
                "composed": composed(seed, 400),
                "special": {name: entries for name, entries in special.items() if entries}}
    output.write_text(json.dumps(document, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
