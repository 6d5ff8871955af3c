#!/usr/bin/env python3
"""Ask electra predict and transformers' pipelines the same, about any text, and say where their answers differ.

    /tmp/venv4/bin/python tools/compare_pipelines.py build/release/electra tests/golden/fixtures/pipeline data/speeches.txt 40

The folder holds `tags` (a token classifier) and `qa` (a question answerer); the last number says how many texts. Needs
what tools/gen_golden_pipeline.py needs (transformers 4). Answers are equal if labels, words, offsets and order are, and
scores within 5e-5; on a random model a tie may look like a difference. Exit code 1 if anything differs.
"""
import json
import random
import subprocess
import sys

import torch
from transformers import BertTokenizerFast, ElectraForQuestionAnswering, ElectraForTokenClassification, pipeline

STRIDE = 8
QUESTIONS = [({}, []), ({"top_k": 5}, ["--top-k", "5"]),
             ({"top_k": 3, "handle_impossible_answer": True, "max_answer_len": 6},
              ["--top-k", "3", "--allow-none", "--max-answer", "6"]),
             ({"align_to_words": False, "top_k": 3}, ["--no-align-words", "--top-k", "3"]),
             ({"max_seq_len": 32, "doc_stride": 6, "top_k": 4},
              ["--max-length", "32", "--stride", "6", "--top-k", "4"])]


def plain(value):
    if isinstance(value, dict):
        return {name: plain(x) for name, x in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(x) for x in value]
    return value.item() if hasattr(value, "item") else value


def equal(a, b):
    if isinstance(a, dict) and isinstance(b, dict):
        return set(a) == set(b) and all(equal(a[name], b[name]) for name in a)
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(equal(x, y) for x, y in zip(a, b))
    if isinstance(a, float) or isinstance(b, float):
        return isinstance(a, (int, float)) and isinstance(b, (int, float)) and abs(a - b) <= 5e-5 * max(1, abs(a))
    return a == b


def predict(program, arguments, lines):
    run = subprocess.run([program, "predict", "--quiet", *arguments], input="\n".join(lines) + "\n", text=True,
                         stdout=subprocess.PIPE, check=True)
    return [json.loads(line) for line in run.stdout.splitlines()]


def count(name, texts, wanted, found):
    assert len(wanted) == len(found)
    different = [(t, w, f) for t, w, f in zip(texts, wanted, found) if not equal(w, f)]
    for text, theirs, ours in different[:3]:
        print(f"{name}: {text!r:.120}\n  theirs {theirs!r:.300}\n  ours   {ours!r:.300}")
    print(f"{name}: {len(wanted) - len(different)} of {len(wanted)} equal")
    return len(different)


def compare_words(program, folder, texts):
    tokenizer = BertTokenizerFast.from_pretrained(folder)
    model = ElectraForTokenClassification.from_pretrained(folder).double().eval()
    tokenizer.model_max_length = model.config.max_position_embeddings
    different = 0
    for strategy in ("none", "simple", "first", "average", "max"):
        for stride in (None,) if strategy == "none" else (None, STRIDE):
            some = texts if stride is None else [" ".join(random.sample(texts, min(4, len(texts)))) for _ in texts[::3]]
            ask = pipeline("token-classification", model=model, tokenizer=tokenizer, aggregation_strategy=strategy,
                           **({"stride": stride} if stride else {}))
            windows = ["--stride", str(stride)] if stride else ["--truncate"]
            found = predict(program, ["--model", folder, "--aggregation", strategy, *windows], some)
            different += count(f"words, {strategy}{', windows' if stride else ''}", some, [plain(ask(t)) for t in some],
                               found)
    return different


def compare_questions(program, folder, texts):
    tokenizer = BertTokenizerFast.from_pretrained(folder)
    model = ElectraForQuestionAnswering.from_pretrained(folder).double().eval()
    tokenizer.model_max_length = model.config.max_position_embeddings
    ask = pipeline("question-answering", model=model, tokenizer=tokenizer)
    asked = [(" ".join(random.choice(texts).split()[:3]), " ".join(random.sample(texts, random.randint(1, 4))))
             for _ in texts[::2]]
    # the library cannot overlap windows by more than the question leaves room for; ours then takes less
    asked = [(q, c) for q, c in asked if len(tokenizer(q)["input_ids"]) < tokenizer.model_max_length / 2 - 2]
    different = 0
    for settings, options in QUESTIONS:
        lines = [json.dumps({"question": q, "context": c}) for q, c in asked]
        wanted = [plain(ask(question=q, context=c, **settings)) for q, c in asked]
        found = predict(program, ["--model", folder, "--format", "jsonl", *options], lines)
        different += count(f"questions, {settings}", lines, wanted, found)
    return different


def main():
    if len(sys.argv) != 5:
        raise SystemExit(__doc__)
    program, folder, file, number = sys.argv[1:]
    random.seed(1)
    with open(file, encoding="utf-8") as f:
        texts = sorted({line.strip() for line in f if line.strip() and "[" not in line})
    texts = random.sample(texts, min(int(number), len(texts)))
    with torch.no_grad():
        different = compare_words(program, folder + "/tags", texts) + compare_questions(program, folder + "/qa", texts)
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main())
