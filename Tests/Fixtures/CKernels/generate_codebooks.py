# SPDX-License-Identifier: Apache-2.0
"""Writes Sources/CKernels/formats_codebooks.h: the codebooks of the IQ types, from gguf-py.

Needs `pip install gguf numpy`; run from the repository root:

    python3 Tests/Fixtures/CKernels/generate_codebooks.py
"""

import numpy as np
from gguf import quants

OUTPUT = "Sources/CKernels/formats_codebooks.h"
HEADER = """\
// SPDX-License-Identifier: Apache-2.0

/// The codebooks of the IQ types, as gguf-py has them.
/// Written by Tests/Fixtures/CKernels/generate_codebooks.py.
///
/// An entry is X(code). The fields of a code, from the lowest bits up, number the levels of 8
/// values (2 bits each) or of 4 values (4 bits each).
#ifndef APUS_FORMATS_CODEBOOKS_H
#define APUS_FORMATS_CODEBOOKS_H
"""
# IQ1_M's codebook is that of IQ1_S.
TYPES = ["IQ1_S", "IQ2_XXS", "IQ2_XS", "IQ2_S", "IQ3_XXS", "IQ3_S"]
ENTRIES_PER_LINE = 9


def codebook(name):
    kind = getattr(quants, name)
    codes = np.frombuffer(bytes.fromhex(kind.grid_hex.decode()), dtype="<u2")
    assert codes.size == kind.grid_shape[0]
    levels = ", ".join(str(level) for level in kind.grid_map)
    lines = [
        "    " + " ".join(f"X({code:#06x})" for code in codes[i : i + ENTRIES_PER_LINE])
        for i in range(0, codes.size, ENTRIES_PER_LINE)
    ]
    comment = f"/// {codes.size} times {kind.grid_shape[1]} values; levels {levels}.\n"
    return comment + f"#define APUS_{name}_CODEBOOK(X) \\\n" + " \\\n".join(lines) + "\n"


def main():
    with open(OUTPUT, "w", encoding="utf-8", newline="\n") as file:
        file.write("\n".join([HEADER, *map(codebook, TYPES), "#endif\n"]))


if __name__ == "__main__":
    main()
