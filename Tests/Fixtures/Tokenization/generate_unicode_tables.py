# SPDX-License-Identifier: Apache-2.0
"""Writes the Unicode tables of Sources/Tokenization.

Scalar classes are asked of the Oniguruma inside the `tokenizers` package, whose view of a scalar is
the one that the published vocabularies were trained and are tested with. Normalization data come
from Python's unicodedata, less what is too new for the normalizer in that package.

Run from the repository root, needs Python 3.13 and `pip install tokenizers`:

    python3 Tests/Fixtures/Tokenization/generate_unicode_tables.py
"""

import unicodedata

from tokenizers import Regex, normalizers, pre_tokenizers

SCALARS = [c for c in range(0x110000) if not 0xD800 <= c < 0xE000]
TEXT = "".join(map(chr, SCALARS))
NFC = normalizers.NFC()
OUTPUT = "Sources/Tokenization/Unicode/"
HEADER = "// SPDX-License-Identifier: Apache-2.0\n//\n// Written by Tests/Fixtures/Tokenization/generate_unicode_tables.py.\n\n"

# The order is that of ScalarClass's raw values.
CLASSES = [
    ("other", None), ("upper", r"[\p{Lu}\p{Lt}]"), ("lower", r"\p{Ll}"),
    ("letter", r"[\p{Lm}\p{Lo}]"), ("hanLetter", r"[\p{L}&&\p{Han}]"), ("mark", r"\p{M}"),
    ("hanMark", r"[\p{M}&&\p{Han}]"), ("decimal", r"\p{Nd}"), ("number", r"[\p{N}&&[^\p{Nd}]]"),
    ("hanNumber", r"[\p{N}&&\p{Han}]"), ("punctuation", r"\p{P}"), ("connector", r"\p{Pc}"),
    ("hanPunctuation", r"[\p{P}&&\p{Han}]"), ("symbol", r"\p{S}"),
    ("hanSymbol", r"[\p{S}&&\p{Han}]"), ("space", r"\s"), ("newline", r"[\r\n]"),
]
UNSTABLE = 0x80


def members(pattern):
    """The scalars that the pattern matches: what a split that removes matches leaves out."""
    splitter = pre_tokenizers.Split(Regex(pattern), "removed")
    inside = set(range(len(SCALARS)))
    for _, (start, end) in splitter.pre_tokenize_str(TEXT):
        inside.difference_update(range(start, end))
    return {SCALARS[index] for index in inside}


def decomposition(scalar):
    """The canonical decomposition of one scalar as a list, empty where it has none."""
    text = unicodedata.decomposition(chr(scalar))
    return [] if not text or text.startswith("<") else [int(part, 16) for part in text.split()]


def is_ordered(scalar):
    """Whether the reference knows the scalar's combining class, so that it moves past other marks."""
    order = unicodedata.combining(chr(scalar))
    # One mark with a lower class to come before it, one with a higher to go after it.
    texts = ["\u0020" + chr(scalar) + "\u0334", "\u0020\u0345" + chr(scalar)]
    return order != 0 and all(NFC.normalize_str(t) == unicodedata.normalize("NFC", t) for t in texts)


def normalization():
    """Decomposition triples, and the scalars that normalization to NFC may touch."""
    triples, unstable = [], set(range(0x1161, 0x1176)) | set(range(0x11A8, 0x11C3))
    for scalar in SCALARS:
        parts = decomposition(scalar)
        if is_ordered(scalar):
            unstable.add(scalar)
        text = "".join(map(chr, parts))
        if NFC.normalize_str(text) != unicodedata.normalize("NFC", text) or not parts:
            continue
        composes = unicodedata.normalize("NFC", chr(scalar)) == chr(scalar)
        triples.append((scalar, parts[0], parts[1] if len(parts) > 1 else 0, composes))
        unstable.update(parts[1:])
        if not composes:
            unstable.add(scalar)
    return triples, unstable


def literal(values, per_line):
    """An array literal's lines, hexadecimal, within the line length."""
    lines = [values[start : start + per_line] for start in range(0, len(values), per_line)]
    return ",\n".join("        " + ", ".join(line) for line in lines) + ",\n"


def write_classes(unstable):
    code = {scalar: 0 for scalar in SCALARS}
    for index, (_, pattern) in enumerate(CLASSES):
        if pattern:
            code.update((scalar, index) for scalar in members(pattern))
    runs, previous = [], None
    for scalar in range(0x110000):
        value = code.get(scalar, 0) | (UNSTABLE if scalar in unstable else 0)
        if value != previous:
            runs.append(f"0x{scalar << 8 | value:X}")
            previous = value
    with open(OUTPUT + "ScalarClassRuns.swift", "w") as file:
        file.write(HEADER + "extension ScalarClassTable {\n")
        file.write("    /// Runs of scalars of one class: the first scalar times 256, plus the class.\n")
        file.write("    static let runs: [UInt32] = [\n" + literal(runs, 9) + "    ]\n}\n")


def write_decompositions(triples):
    values = []
    for scalar, first, second, composes in triples:
        values.append(f"0x{composes << 63 | scalar << 42 | first << 21 | second:X}")
    with open(OUTPUT + "CanonicalDecompositions.swift", "w") as file:
        file.write(HEADER + "extension CanonicalComposer {\n")
        file.write("    /// Canonical decompositions: whether the pair composes again in bit 63, then 21 bits\n")
        file.write("    /// each for the scalar, its first part and its second (0: it has only one).\n")
        file.write("    static let decompositions: [UInt64] = [\n" + literal(values, 4) + "    ]\n}\n")


if __name__ == "__main__":
    all_triples, all_unstable = normalization()
    write_classes(all_unstable)
    write_decompositions(all_triples)
