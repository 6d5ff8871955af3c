#!/usr/bin/env python3
"""Do model directories written by electra load in transformers without a warning, and do both agree?

    python tools/check_transformers.py ELECTRA [MODEL_DIR...] [--texts FILE] [--heads GOLDEN]

ELECTRA is the program; each MODEL_DIR holds a discriminator or a generator. For each it is checked that
  - AutoConfig, AutoTokenizer and the class with the head load it, and neither Python's warnings nor the library's log
    nor the loading report has anything to say;
  - ids, types and offsets of every text are those of `electra tokenize --json`;
  - probabilities are those of `electra detect` or `electra fill`: logits within 1e-5 of the largest;
  - what save_pretrained writes is read by electra, and gives the same answers to the last bit.

With --heads, GOLDEN being the program that compares golden cases (build/release/golden), a small random model of every
class is made with transformers, of ELECTRA and of BERT, and saved in every form that this version writes; what
`electra convert` makes of it must load without a word as the same class, with the same labels and the same weights to the
last bit, and electra's logits must agree to 1e-5; what transformers saves of it must convert into the same bytes again.

Needs torch, transformers and safetensors (tried with transformers 4.57.6 and 5.24.0). Prints one line a check, exits 1
if one failed.
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
from pathlib import Path

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


# ---- all heads -------------------------------------------------------------------------------------------------------

ELECTRA = dict(vocab_size=60, embedding_size=12, hidden_size=16, num_hidden_layers=2, num_attention_heads=2,
               intermediate_size=24, max_position_embeddings=20)
BERT = dict(vocab_size=60, hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=24,
            max_position_embeddings=20)
LABELS = {0: "bad", 1: "fair \u00e9", 2: "good"}
NAMED = dict(id2label=LABELS, label2id={v: k for k, v in LABELS.items()})
CLASSES = [
    ("ElectraForPreTraining", {}), ("ElectraForMaskedLM", {}), ("ElectraModel", {}),
    ("ElectraModel", dict(embedding_size=16)),
    ("ElectraForSequenceClassification", dict(NAMED, problem_type="single_label_classification")),
    ("ElectraForSequenceClassification", dict(NAMED, problem_type="multi_label_classification")),
    ("ElectraForSequenceClassification", dict(num_labels=1, problem_type="regression", classifier_dropout=0.3)),
    ("ElectraForSequenceClassification", {}), ("ElectraForTokenClassification", NAMED),
    ("ElectraForQuestionAnswering", {}), ("ElectraForMultipleChoice", {}),
    ("ElectraForMultipleChoice", dict(summary_use_proj=False)),
    ("ElectraForMultipleChoice", dict(summary_activation="tanh", summary_last_dropout=0.2)),
    ("ElectraForPreTraining", dict(hidden_act="relu")),
    ("BertForSequenceClassification", NAMED), ("BertForTokenClassification", NAMED), ("BertForQuestionAnswering", {}),
    ("BertForMultipleChoice", {}), ("BertForMaskedLM", {}), ("BertModel", {}),
]
LENGTHS, WIDTH = [9, 4, 12], 12


def make_model(name, changes, seed):
    torch.manual_seed(seed)
    family = transformers.ElectraConfig if name.startswith("Electra") else transformers.BertConfig
    config = family(**{**(ELECTRA if name.startswith("Electra") else BERT), **changes})
    model = getattr(transformers, name)(config).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter) * (0.2 if parameter.dim() > 1 else 0.05))
    return model


def make_batch():
    generator = torch.Generator().manual_seed(3)
    batch = {k: torch.zeros(len(LENGTHS), WIDTH, dtype=torch.int64)
             for k in ("input_ids", "token_type_ids", "attention_mask")}
    for i, n in enumerate(LENGTHS):
        batch["input_ids"][i, :n] = torch.randint(5, 60, (n,), generator=generator)
        batch["token_type_ids"][i, n // 2:n] = 1
        batch["attention_mask"][i, :n] = 1
    return batch


def numbers(model, batch):
    """Logits (or hidden states) with one row for each sequence or token, 0 at padding; computed without padding."""
    rows = []
    for i, n in enumerate(LENGTHS):
        one = {k: v[i:i + 1, :n] for k, v in batch.items()}
        if "MultipleChoice" in type(model).__name__:
            one = {k: v[None] for k, v in one.items()}
        with torch.no_grad():
            out = model(**one)
        if "start_logits" in out:
            y = torch.stack([out.start_logits, out.end_logits], -1)[0]
        else:
            y = (out.logits if "logits" in out else out.last_hidden_state)[0]
        y = y[:, None] if type(model).__name__ == "ElectraForPreTraining" else y
        y = torch.cat([y, torch.zeros(WIDTH - n, y.shape[1])]) if y.dim() == 2 else y
        rows.append(y.float())
    return torch.stack(rows)


def write_case(folder, models, batch):
    """A golden case of type storage (tests/golden/storage.c) of model directories that lie in the folder."""
    from safetensors.torch import save_file
    expected = {f"logits.{n}": y.clone() for n, (_, y) in models.items()}
    inputs = dict(batch, lengths=torch.tensor(LENGTHS))
    save_file({k: v.contiguous() for k, v in inputs.items()}, folder / "inputs.safetensors")
    save_file(expected, folder / "expected.safetensors")
    (folder / "case.json").write_text(json.dumps({
        "case": "transformers", "type": "storage", "about": "", "settings": {},
        "files": {"inputs": "inputs.safetensors", "expected": "expected.safetensors"},
        "models": {n: {"class": c, "form": "", "expected": f"logits.{n}"} for n, (c, _) in models.items()},
        "groups": {"logits": {"tolerance": 1e-5, "floor": 0.0}},
        "inputs": [{"name": n, "shape": list(v.shape), "meaning": ""} for n, v in inputs.items()],
        "expected": [{"name": n, "shape": list(v.shape), "meaning": "", "group": "logits"}
                     for n, v in expected.items()]}))


def convert(program, source, target, *options):
    done = subprocess.run([program, "convert", "--from", str(source), "--to", str(target), "--quiet", *options],
                          text=True, capture_output=True)
    if done.returncode != 0:
        raise RuntimeError(f"electra convert {source}: {done.stderr.strip()}")


def load_silently(name, folder, what):
    """The model, or None when something was said."""
    with Listener() as listener:
        transformers.AutoConfig.from_pretrained(folder)
        model, info = getattr(transformers, name).from_pretrained(folder, output_loading_info=True)
    complaints = {k: list(v) for k, v in info.items() if v and k != "conversion_errors"}
    if listener.heard or complaints:
        report(False, f"{what}: {listener.heard.strip()[:300]} {complaints or ''}")
        return None
    return model.eval()


def save_forms(model, root):
    """The forms in which this version of transformers, or PyTorch itself, stores the model."""
    yield "safetensors", model.save_pretrained, root / "safetensors"
    yield "shards", lambda f: model.save_pretrained(f, max_shard_size="6KB"), root / "shards"

    def as_bin(folder, zipped):
        model.save_pretrained(folder)
        (folder / "model.safetensors").unlink()
        torch.save(model.state_dict(), folder / "pytorch_model.bin", _use_new_zipfile_serialization=zipped)

    yield "bin", lambda f: as_bin(f, True), root / "bin"
    yield "old-bin", lambda f: as_bin(f, False), root / "old-bin"


def same_words(a, b):
    return all(getattr(a, k, None) == getattr(b, k, None) for k in ("id2label", "label2id", "problem_type", "num_labels"))


def check_head(program, root, case, name, changes, seed, batch, models):
    model = make_model(name, changes, seed)
    expected = numbers(model, batch)
    what = " ".join([name] + [f"{k}={v}" for k, v in changes.items() if k not in NAMED])
    first = None
    for form, save, folder in save_forms(model, root):
        save(folder)
        ours = case / f"{name}-{seed}"
        convert(program, folder, ours)
        stored = (ours / "model.safetensors").read_bytes()
        first = first or stored
        if stored != first:
            report(False, f"{what}: {form} gives other bytes")
            return
    models[ours.name] = (name, expected)
    loaded = load_silently(name, ours, what)
    if loaded is None:
        return
    # the same numbers; sums over them may be rounded in another order, as they lie elsewhere in memory
    weights = model.state_dict()
    same = {k for k, v in loaded.state_dict().items() if torch.equal(v, weights[k])} == weights.keys()
    difference = ((numbers(loaded, batch) - expected).abs().max() / expected.abs().max()).item()
    report(same and same_words(loaded.config, model.config) and difference <= 1e-6,
           f"{what}: four forms give one file, which loads without a word; labels and weights are the same, "
           f"logits differ by {difference:.1e}")
    again, last = root / "again", root / "last"
    loaded.save_pretrained(again)
    convert(program, again, last)
    report((last / "model.safetensors").read_bytes() == first and
           (last / "config.json").read_bytes() == (ours / "config.json").read_bytes(),
           f"{what}: saved by transformers and converted again, the same bytes")
    for options in (("--dtype", "float16"), ("--dtype", "bfloat16"), ("--shard-size", "3k")):
        other = root / "other"
        convert(program, ours, other, *options)
        reread = load_silently(name, other, f"{what} {' '.join(options)}")
        if reread is None:
            return
        wanted = getattr(torch, options[1], torch.float32)
        weights = {k: v.to(wanted).float() for k, v in model.state_dict().items() if v.is_floating_point()}
        same = all(torch.equal(v.float(), weights[k]) for k, v in reread.state_dict().items() if v.is_floating_point())
        if not same:
            report(False, f"{what} {' '.join(options)}: other numbers")


def check_heads(program, golden):
    batch = make_batch()
    with tempfile.TemporaryDirectory() as top:
        case = Path(top) / "case"
        case.mkdir()
        models = {}
        for seed, (name, changes) in enumerate(CLASSES):
            check_head(program, Path(top) / f"{seed}", case, name, changes, seed, batch, models)
        write_case(case, models, batch)
        done = subprocess.run([golden, str(case)], text=True, capture_output=True)
        report(done.returncode == 0, f"electra's logits of {len(models)} directories: " +
               done.stdout.replace(str(case), "").strip().replace("\n", "; "))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("folders", nargs="*")
    parser.add_argument("--heads", metavar="GOLDEN", help="check models of every class; GOLDEN compares logits")
    parser.add_argument("--texts", help="a file with one text a line")
    arguments = parser.parse_args()
    texts = TEXTS
    if arguments.texts:
        texts = [line for line in open(arguments.texts, encoding="utf-8").read().splitlines() if line.strip()]
    print(f"transformers {transformers.__version__}, torch {torch.__version__}")
    for folder in arguments.folders:
        check(os.path.abspath(arguments.program), folder, texts)
    if arguments.heads:
        check_heads(os.path.abspath(arguments.program), os.path.abspath(arguments.heads))
    print("all agree" if failures == 0 else f"{failures} checks FAILED")
    return failures != 0


if __name__ == "__main__":
    sys.exit(main())
