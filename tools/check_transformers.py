#!/usr/bin/env python3
"""Do model directories written by electra load in transformers without a warning, and do both agree?

    python tools/check_transformers.py ELECTRA MODEL_DIR... [--texts FILE]

ELECTRA is the program; each MODEL_DIR holds a discriminator or a generator. For each it is checked that
  - AutoConfig, AutoTokenizer and the class with the head load it, and neither Python's warnings nor the library's log
    nor the loading report has anything to say;
  - ids, types and offsets of every text are those of `electra tokenize --json`;
  - probabilities are those of `electra detect` or `electra fill`: logits within 1e-5 of the largest;
  - what save_pretrained writes is read by electra, and gives the same answers to the last bit.
Needs torch and transformers (tried with 4.57.6 and 5.23.0). Prints one line a check, exits 1 if one failed.
"""
import argparse
import io
import json
import logging
import math
import os
import subprocess
import sys
import tempfile
import warnings

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TRANSFORMERS_VERBOSITY"] = "info"

import torch  # noqa: E402
import transformers  # noqa: E402

TEXTS = [
    "The cat sat on the mat.",
    "Anna lives in a small village near the harbour, and her brother doesn't.",
    "It was the best of times, it was the worst of times; it was the age of wisdom.",
    "Café naïve ÉLAN — 東京 wurde gestern besucht!",
    "x",
    "the the the the the the the the the the the the the the the the the the the the the",
]
failures = 0


def report(fine, words):
    global failures
    failures += not fine
    print(("ok    " if fine else "FAILED"), words, flush=True)


class Listener:
    """Collects everything that transformers logs at warning level or above, and Python's own warnings."""

    def __enter__(self):
        self.text = io.StringIO()
        self.handler = logging.StreamHandler(self.text)
        self.handler.setLevel(logging.WARNING)
        self.logger = logging.getLogger("transformers")
        self.logger.addHandler(self.handler)
        self.catcher = warnings.catch_warnings(record=True)
        self.caught = self.catcher.__enter__()
        warnings.simplefilter("always")
        return self

    def __exit__(self, *unused):
        self.logger.removeHandler(self.handler)
        self.catcher.__exit__(None, None, None)
        self.heard = self.text.getvalue() + "".join(str(w.message) for w in self.caught)


def ask(program, *arguments, texts):
    lines = "".join(json.dumps({"text": t}) + "\n" for t in texts)
    done = subprocess.run([program, *arguments, "--format", "jsonl", "--json"], input=lines, text=True,
                          capture_output=True)
    if done.returncode != 0:
        raise RuntimeError(f"electra {' '.join(arguments)}: {done.stderr.strip()}")
    return [json.loads(line) for line in done.stdout.splitlines()]


def logit(p):
    return math.log(p / (1 - p))


def check_tokenizer(program, folder, tokenizer, texts):
    ours = ask(program, "tokenize", "--model", folder, texts=texts)
    wrong = 0
    for text, mine in zip(texts, ours):
        theirs = tokenizer(text, return_offsets_mapping=True)
        wrong += (theirs["input_ids"] != mine["ids"] or theirs["token_type_ids"] != mine["type_ids"]
                  or [list(o) for o in theirs["offset_mapping"]] != mine["offsets"])
    report(wrong == 0, f"{len(texts) - wrong} of {len(texts)} texts give the same tokens")


def discriminator_difference(program, folder, model, tokenizer, texts):
    """Largest difference of logits relative to the largest logit."""
    worst = largest = 0.0
    for text, mine in zip(texts, ask(program, "detect", "--model", folder, texts=texts)):
        with torch.no_grad():
            theirs = model(**tokenizer(text, return_tensors="pt")).logits[0, 1:-1].tolist()
        assert len(theirs) == len(mine["tokens"])
        for expected, token in zip(theirs, mine["tokens"]):
            # a probability near 0 or 1 does not hold its logit to 1e-5
            if 0.001 < token["score"] < 0.999:
                worst = max(worst, abs(expected - logit(token["score"])))
                largest = max(largest, abs(expected))
    return worst / largest


def generator_difference(program, folder, model, tokenizer, texts):
    """Likewise; a softmax tells logits up to a constant, so both are shifted to a mean of 0 over the candidates."""
    worst = largest = 0.0
    masked = [" ".join(["[MASK]"] + t.split()[1:]) for t in texts]
    size = str(min(500, model.config.vocab_size))
    for text, mine in zip(masked, ask(program, "fill", "--model", folder, "--top-k", size, texts=masked)):
        batch = tokenizer(text, return_tensors="pt")
        at = batch["input_ids"][0].tolist().index(tokenizer.mask_token_id)
        with torch.no_grad():
            theirs = model(**batch).logits[0, at]
        ids = [c["token"] for c in mine]
        found = torch.tensor([math.log(c["score"]) for c in mine], dtype=torch.float64)
        expected = theirs[ids].double()
        found += (expected - found).mean()
        worst = max(worst, (found - expected).abs().max().item())
        largest = max(largest, theirs.abs().max().item())
    return worst / largest


def answers(program, folder, kind, texts):
    if kind == "discriminator":
        return ask(program, "detect", "--model", folder, texts=texts)
    return ask(program, "fill", "--model", folder, texts=[t + " [MASK]" for t in texts])


def check(program, folder, texts):
    architecture = json.load(open(os.path.join(folder, "config.json")))["architectures"][0]
    kind = "discriminator" if architecture == "ElectraForPreTraining" else "generator"
    auto = transformers.AutoModelForPreTraining if kind == "discriminator" else transformers.AutoModelForMaskedLM
    print(f"{folder}: {architecture}")
    with Listener() as listener:
        transformers.AutoConfig.from_pretrained(folder)
        tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
        model, info = auto.from_pretrained(folder, output_loading_info=True)
        named = getattr(transformers, architecture).from_pretrained(folder)
    model.eval()
    report(type(model) is type(named), f"{auto.__name__} gives {type(model).__name__}")
    report(listener.heard == "", f"loads without a warning {listener.heard.strip()[:300]}")
    complaints = {k: list(v) for k, v in info.items() if v and k != "conversion_errors"}
    report(not complaints, f"nothing missing, unexpected or mismatched {complaints or ''}")
    if kind == "generator":
        tied = model.get_output_embeddings().weight is model.get_input_embeddings().weight
        report(tied, "the output matrix is the word table")
    check_tokenizer(program, folder, tokenizer, texts)
    difference = (discriminator_difference if kind == "discriminator" else generator_difference)(
        program, folder, model, tokenizer, texts)
    report(difference <= 1e-5, f"logits differ by at most {difference:.1e} of the largest")
    with tempfile.TemporaryDirectory() as again:
        model.save_pretrained(again)
        tokenizer.save_pretrained(again)
        same = answers(program, folder, kind, texts) == answers(program, again, kind, texts)
        report(same, f"what it saves ({', '.join(sorted(os.listdir(again)))}) gives the same answers")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("folders", nargs="+")
    parser.add_argument("--texts", help="a file with one text a line")
    arguments = parser.parse_args()
    texts = TEXTS
    if arguments.texts:
        texts = [line for line in open(arguments.texts, encoding="utf-8").read().splitlines() if line.strip()]
    print(f"transformers {transformers.__version__}, torch {torch.__version__}")
    for folder in arguments.folders:
        check(os.path.abspath(arguments.program), folder, texts)
    print("all agree" if failures == 0 else f"{failures} checks FAILED")
    return failures != 0


if __name__ == "__main__":
    sys.exit(main())
