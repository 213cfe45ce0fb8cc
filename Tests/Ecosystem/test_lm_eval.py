# SPDX-License-Identifier: Apache-2.0
"""lm-eval with `local-completions`, as it is, on tasks that need no download."""

import math
import re
import subprocess

import numpy
import pytest

from apus_server import BINARY, MODEL

CHOICES = [
    {"question": "The capital of France is", "options": ["Paris", "green", "seven"], "right": 0},
    {"question": "Two plus two is", "options": ["elephant", "four", "under"], "right": 1},
]
QUESTIONS = [{"question": "Q: What colour is the sky?\nA:"}, {"question": "Q: 1, 2, 3,\nA:"}]
TEXT = """The Nile is a major north-flowing river in northeastern Africa. It flows into the Mediterranean Sea,
and is the longest river in Africa. It has historically been considered the longest river in the world, though
this has been contested by research suggesting that the Amazon River is slightly longer."""


def task(name, documents, **options):
    import datasets

    return {
        "task": name,
        "custom_dataset": lambda **_: {"test": datasets.Dataset.from_list(documents)},
        "test_split": "test",
        "doc_to_text": "{{question}}",
        "metadata": {"version": 1},
        **options,
    }


@pytest.fixture(scope="module")
def results(server, model):
    """What lm-eval makes of one task of each kind."""
    import lm_eval

    tasks = [
        task(
            "tiny_choices",
            CHOICES,
            output_type="multiple_choice",
            doc_to_choice="{{options}}",
            doc_to_target="right",
            metric_list=[{"metric": "acc"}],
        ),
        task(
            "tiny_answers",
            QUESTIONS,
            output_type="generate_until",
            doc_to_target="{{question}}",
            generation_kwargs={"until": ["\n"], "max_gen_toks": 10},
            metric_list=[{"metric": "exact_match"}],
        ),
        task(
            "tiny_text",
            [{"text": TEXT}],
            output_type="loglikelihood_rolling",
            doc_to_text="",
            doc_to_target="{{text}}",
            metric_list=[{"metric": "word_perplexity"}],
        ),
    ]
    arguments = {"model": model, "base_url": f"{server.url}/v1/completions", "max_retries": 1}
    return lm_eval.simple_evaluate(
        model="local-completions",
        model_args=arguments,
        tasks=tasks,
        task_manager=lm_eval.tasks.TaskManager(include_defaults=False),
        bootstrap_iters=0,
        log_samples=True,
    )


def ids(http, text):
    return http.post("/tokenize", json={"prompt": text, "add_special_tokens": False}).json()["tokens"]


def test_likelihoods_are_those_of_plain_http(http, results, complete):
    assert results["results"]["tiny_choices"]["acc,none"] == 1
    for sample in results["samples"]["tiny_choices"]:
        for option, ((found, _),) in zip(sample["doc"]["options"], sample["resps"]):
            context = ids(http, sample["doc"]["question"])
            # lm-eval puts a space between the two.
            whole = ids(http, f"{sample['doc']['question']} {option}")
            choice = complete(whole, max_tokens=0, echo=True, logprobs=0)
            wanted = sum(choice["logprobs"]["token_logprobs"][len(context) :])
            assert float(found) == pytest.approx(wanted, rel=1e-12)


def test_generated_texts_are_those_of_plain_http(results, complete):
    for sample in results["samples"]["tiny_answers"]:
        wanted = complete(sample["doc"]["question"], max_tokens=10, stop=["\n"])["text"]
        assert sample["resps"] == [[wanted]]


def test_word_perplexity_is_that_of_the_model_in_process(http, results, tmp_path):
    info = http.get("/tokenizer_info").json()
    tokens = ids(http, info["bos_token"] or info["eos_token"])[:1] + ids(http, TEXT)
    assert len(tokens) <= 512  # one window of `apus evaluate`
    numpy.savez(
        tmp_path / "reference.npz",
        ids=numpy.array(tokens, numpy.int32),
        top_ids=numpy.zeros((len(tokens), 1), numpy.int32),
        top_logprobs=numpy.zeros((len(tokens), 1), numpy.float32),
    )

    command = [BINARY, "evaluate", "--model", MODEL, "--reference", tmp_path / "reference.npz"]
    printed = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120).stdout
    perplexity = float(re.search(r"perplexity +([\d.]+)", printed).group(1))
    words = len(re.split(r"\s+", TEXT))
    wanted = math.exp(math.log(perplexity) * (len(tokens) - 1) / words)

    # Four decimals are printed.
    found = results["results"]["tiny_text"]["word_perplexity,none"]
    assert found == pytest.approx(wanted, rel=2 * 0.00005 / perplexity * len(tokens) / words)
