#!/usr/bin/env python3
"""Compare the published head for questions with its formulas in PyTorch, from text to answers.

    /tmp/venv/bin/python tools/check_joint_qa.py build/release/electra MODEL [FILE]

MODEL is a model directory with the joint head (`electra finetune --qa-head joint`), or any directory of an ELECTRA with a
tokenizer: then a copy of it gets a random head. FILE holds JSON lines {"question":.., "context":..}; without it a few odd
ones are asked. The encoder runs in transformers; windows, head, beam and decoding are written here again, over the
concatenations that the published system uses. Answers are equal if texts, places and order are, and scores within 2e-5;
two answers of nearly the same score may change places and look like a difference. Exit code 1 if anything differs.
"""
import json
import math
import os
import shutil
import subprocess
import sys
import tempfile

import torch
from safetensors.torch import load_file, save_file
from transformers import AutoTokenizer, ElectraModel

BEAM, LONGEST_ANSWER, MOST_QUESTION, STEP, MOST_LENGTH = 20, 30, 64, 128, 384
QUESTIONS = [("Who sat on the mat?", "The cat sat on the mat in London. The dog ran away from Mary."),
             ("where \u00e9 is it ?", "Z\u00fcrich \u2014 the na\u00efve \u6771\u4eac caf\u00e9\u00a0is  not far; " * 12),
             ("What " * 80, "Short context here"),
             ("who", "In 1999 the president of Berlin met Anna Schmidt, who was born in Paris. " * 40)]


def with_random_head(source, folder):
    """A copy of a model directory whose head is a joint one of random weights."""
    shutil.copytree(source, folder)
    with open(os.path.join(source, "config.json"), encoding="utf-8") as file:
        config = json.load(file)
    weights = load_file(os.path.join(source, "model.safetensors"))
    if not any(name.startswith("electra.") for name in weights):
        weights = {"electra." + name: tensor for name, tensor in weights.items()}
    weights = {name: tensor for name, tensor in weights.items() if name.startswith("electra.")}
    h, inner = config["hidden_size"], 512
    generator = torch.Generator().manual_seed(0)
    def put(name, *shape):
        weights["joint_qa." + name] = torch.randn(*shape, generator=generator) * 0.5
    put("start.weight", 1, h), put("start.bias", 1)
    for part, one, two in ("end", "dense_start", "dense_token"), ("impossible", "dense_first", "dense_feature"):
        put(f"{part}.{one}.weight", inner, h), put(f"{part}.{two}.weight", inner, h), put(f"{part}.dense.bias", inner)
        put(f"{part}.out_proj.weight", 1, inner), put(f"{part}.out_proj.bias", 1)
    config["architectures"] = ["ElectraForJointQuestionAnswering"]
    save_file(weights, os.path.join(folder, "model.safetensors"), {"format": "pt"})
    with open(os.path.join(folder, "config.json"), "w", encoding="utf-8") as file:
        json.dump(config, file)


def windows_of(n, room):
    """First token and number of tokens of each window of a context of n tokens."""
    start = 0
    while True:
        take = min(room, n - start)
        yield start, take
        if start + take == n:
            return
        start += min(take, STEP)


class Reference:
    def __init__(self, folder):
        self.tokenizer = AutoTokenizer.from_pretrained(folder)
        self.encoder = ElectraModel.from_pretrained(folder).eval()
        weights = load_file(os.path.join(folder, "model.safetensors"))
        self.weights = {name[len("joint_qa."):]: tensor.float() for name, tensor in weights.items()
                        if name.startswith("joint_qa.")}
        self.length = min(MOST_LENGTH, self.encoder.config.max_position_embeddings)

    def two_layers(self, part, one, two, a, b):
        w = self.weights
        kernel = torch.cat([w[f"{part}.{one}.weight"], w[f"{part}.{two}.weight"]], 1)
        inner = torch.nn.functional.gelu(torch.cat([a, b], -1) @ kernel.T + w[f"{part}.dense.bias"])
        return (inner @ w[f"{part}.out_proj.weight"].T + w[f"{part}.out_proj.bias"]).squeeze(-1)

    def beams(self, question, context):
        """Of a window: logit of "impossible", and (log p, start, end) in tokens."""
        t = self.tokenizer
        ids = [t.cls_token_id, *question, t.sep_token_id, *context, t.sep_token_id]
        types = [0] * (len(question) + 2) + [1] * (len(context) + 1)
        h = self.encoder(torch.tensor([ids]), token_type_ids=torch.tensor([types])).last_hidden_state[0]
        mask = torch.tensor([0.0 if kind == 1 or i == 0 else -1000.0 for i, kind in enumerate(types)])
        start = (h @ self.weights["start.weight"].T + self.weights["start.bias"]).squeeze(-1) + mask
        feature = (start.softmax(0)[:, None] * h).sum(0)
        impossible = self.two_layers("impossible", "dense_first", "dense_feature", h[0], feature).item()
        found = []
        for score, i in zip(*start.log_softmax(0).topk(min(BEAM, len(ids)))):
            end = self.two_layers("end", "dense_start", "dense_token", h[i].expand_as(h), h) + mask
            for more, k in zip(*end.log_softmax(0).topk(min(BEAM, len(ids)))):
                found.append((score.item() + more.item(), i.item(), k.item()))
        return impossible, found

    @torch.no_grad()
    def answers(self, question, context):
        """[(probability, start, end)] in characters, best first, and the null odds."""
        most = min(MOST_QUESTION, (self.length - 3) * 2 // 3)
        question = self.tokenizer(question, add_special_tokens=False)["input_ids"][:most]
        encoded = self.tokenizer(context, add_special_tokens=False, return_offsets_mapping=True)
        ids, offsets = encoded["input_ids"], encoded["offset_mapping"]
        windows = list(windows_of(len(ids), self.length - len(question) - 3))
        def owner(piece):
            scores = [min(piece - s, s + n - 1 - piece) + 0.01 * n if s <= piece < s + n else -1 for s, n in windows]
            return scores.index(max(scores))
        candidates, null = [], math.inf
        for number, (first, n) in enumerate(windows):
            impossible, found = self.beams(question, ids[first:first + n])
            null = min(null, impossible)
            for score, start, end in found:
                start, end = start - len(question) - 2, end - len(question) - 2
                if 0 <= start <= end < n and end - start < LONGEST_ANSWER and owner(first + start) == number:
                    candidates.append((score, offsets[first + start][0], offsets[first + end][1]))
        candidates.sort(key=lambda candidate: -candidate[0])
        best, texts = [], set()
        for candidate in candidates:
            text = context[candidate[1]:candidate[2]]
            if text not in texts and len(best) < 20:
                texts.add(text)
                best.append(candidate)
        total = sum(math.exp(score - best[0][0]) for score, _, _ in best)
        return [(math.exp(score - best[0][0]) / total, start, end) for score, start, end in best], null


def ask(program, folder, records, *options):
    lines = "".join(json.dumps({"question": q, "context": c}) + "\n" for q, c in records)
    done = subprocess.run([program, "predict", "--model", folder, "--format", "jsonl", "--json", "--no-align-words",
                           "--top-k", "30", "--max-answer", str(LONGEST_ANSWER), *options],
                          input=lines, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(done.stderr)
    return [json.loads(line) for line in done.stdout.splitlines()]


def listed(answers):
    return answers if isinstance(answers, list) else [answers]


def main():
    program, source = sys.argv[1:3]
    records = QUESTIONS
    if len(sys.argv) > 3:
        with open(sys.argv[3], encoding="utf-8") as file:
            records = [(r["question"], r["context"]) for r in map(json.loads, file)]
    with tempfile.TemporaryDirectory() as scratch:
        folder = source
        with open(os.path.join(source, "config.json"), encoding="utf-8") as file:
            if json.load(file).get("architectures") != ["ElectraForJointQuestionAnswering"]:
                folder = os.path.join(scratch, "model")
                with_random_head(source, folder)
        reference = Reference(folder)
        found, with_none = ask(program, folder, records), ask(program, folder, records, "--allow-none")
        differing, worst = 0, 0.0
        for number, (question, context) in enumerate(records):
            expected, null = reference.answers(question, context)
            got = listed(found[number])
            none = [a["score"] for a in listed(with_none[number]) if not a["answer"]]
            same = [(a["start"], a["end"]) for a in got] == [(s, e) for _, s, e in expected]
            error = max([abs(a["score"] - p) for a, (p, _, _) in zip(got, expected)] +
                        [abs(none[0] - 1 / (1 + math.exp(-null))) if none else math.inf])
            worst = max(worst, error)
            if not same or error > 2e-5:
                differing += 1
                print(f"question {number + 1}: expected {expected[:3]}, none {null}; found {got[:3]}, none {none}")
    print(f"{len(records)} questions, {differing} differ, largest error of a score {worst:.1e}")
    return differing > 0


if __name__ == "__main__":
    sys.exit(main())
