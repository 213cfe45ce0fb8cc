# SPDX-License-Identifier: Apache-2.0
"""Turn checkpoints of generate.py into GGUF, float32, without a tokenizer.

    LLAMA_SRC=<llama.cpp's source> convert.py DIRECTORY FAMILY …

Writes DIRECTORY/<family>.gguf from DIRECTORY/<family>/ by llama.cpp's own converter, whose source the
sdist of llama-cpp-python holds (vendor/llama.cpp; 0.3.36 was used).
"""

import json
import os
import sys
from pathlib import Path

SOURCE = os.environ["LLAMA_SRC"]
sys.path[:0] = [SOURCE, os.path.join(SOURCE, "gguf-py")]

import conversion  # noqa: E402
import gguf  # noqa: E402
from conversion.base import ModelBase  # noqa: E402

# What the converter does not write of these configurations: llama.cpp's keys of other families, and the
# two, yarn_truncate and chunk_size, that it has no keys for.
EXTRA = {
    "gpt_oss_trunc": lambda w: w.add_bool("gpt-oss.rope.scaling.yarn_truncate", True),
    "llama4": lambda w: (
        w.add_uint32("llama4.attention.chunk_size", 16),
        w.add_uint32("llama4.attention.temperature_length", 8),
        w.add_float32("llama4.attention.temperature_scale", 0.3),
    ),
    "llama4_temperature": lambda w: (
        w.add_uint32("llama4.attention.temperature_length", 5),
        w.add_float32("llama4.attention.temperature_scale", 0.5),
    ),
}


def convert(directory, family):
    checkpoint = directory / family
    hparams = ModelBase.load_hparams(checkpoint, False)
    model_class = conversion.get_model_class(hparams["architectures"][0])
    model_class.set_vocab = lambda self: None
    # The converter of Gemma cuts the embedding to the tokenizer's size.
    tokens = {str(token): token for token in range(hparams["vocab_size"])}
    tokenizer = {"model": {"vocab": tokens}, "added_tokens": []}
    (checkpoint / "tokenizer.json").write_text(json.dumps(tokenizer))
    model = model_class(
        checkpoint, gguf.LlamaFileType.ALL_F32, directory / f"{family}.gguf"
    )
    set_gguf_parameters = model.set_gguf_parameters

    def set_all_gguf_parameters():
        set_gguf_parameters()
        EXTRA.get(family, lambda writer: None)(model.gguf_writer)

    model.set_gguf_parameters = set_all_gguf_parameters
    model.write()


def main():
    for family in sys.argv[2:]:
        convert(Path(sys.argv[1]), family)


if __name__ == "__main__":
    main()
