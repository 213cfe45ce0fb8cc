# SPDX-License-Identifier: Apache-2.0
"""Record transformers' next-token log-probabilities for a text, in float32.

    record_top256.py model.gguf text.txt out.npz

The GGUF weights are dequantised, so the difference to an engine is its arithmetic alone. The first
1,024 tokens are read in windows of 512, each from an empty context.

    ids           (1024,)      int32
    top_ids       (1024, 256)  uint16   what may follow position p, most likely first
    top_logprobs  (1024, 256)  float32

Needs torch 2.13.0, transformers 5.23.0, tokenizers and gguf 0.19.0.
"""

import os
import sys

import gguf
import numpy as np
import tokenizers
import torch
import transformers

TOKENS = 1024
WINDOW = 512
TOP = 256


def read_tokenizer(path):
    """The file's byte-level BPE with the splitting rule that GGUF calls `smollm`."""
    fields = gguf.GGUFReader(path).fields
    if fields["tokenizer.ggml.pre"].contents() != "smollm":
        raise SystemExit(f"{path}: a tokenizer of kind smollm is wanted")
    tokens = fields["tokenizer.ggml.tokens"].contents()
    merges = [tuple(m.split(" ")) for m in fields["tokenizer.ggml.merges"].contents()]
    tokenizer = tokenizers.Tokenizer(
        tokenizers.models.BPE({token: index for index, token in enumerate(tokens)}, merges)
    )
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.Sequence(
        [
            tokenizers.pre_tokenizers.Digits(individual_digits=True),
            tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True),
        ]
    )
    return tokenizer


def read_model(path):
    directory, name = os.path.split(os.path.abspath(path))
    model = transformers.AutoModelForCausalLM.from_pretrained(
        directory, gguf_file=name, dtype=torch.float32, attn_implementation="eager"
    )
    return model.eval()


def top_logprobs(model, ids):
    """The TOP most likely next tokens at every position, each window read on its own."""
    windows = torch.tensor(np.asarray(ids, np.int64)).reshape(-1, WINDOW)
    top_ids, logprobs = [], []
    with torch.no_grad():
        for window in windows:
            logits = model(window[None]).logits[0].double()
            values, indices = torch.log_softmax(logits, dim=-1).topk(TOP)
            top_ids.append(indices.numpy().astype(np.uint16))
            logprobs.append(values.numpy().astype(np.float32))
    return np.concatenate(top_ids), np.concatenate(logprobs)


def main():
    model_path, text_path, output = sys.argv[1:]
    with open(text_path, encoding="utf-8") as file:
        ids = read_tokenizer(model_path).encode(file.read()).ids[:TOKENS]
    if len(ids) < TOKENS:
        raise SystemExit(f"{text_path}: {TOKENS} tokens are wanted, found {len(ids)}")
    top_ids, logprobs = top_logprobs(read_model(model_path), ids)
    np.savez_compressed(
        output, ids=np.array(ids, np.int32), top_ids=top_ids, top_logprobs=logprobs
    )


if __name__ == "__main__":
    main()
