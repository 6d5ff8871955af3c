#!/usr/bin/env python3
"""Make the small golden case `pipeline` in tests/golden/fixtures with the pipelines of transformers.

    python3 -m venv /tmp/venv4 && /tmp/venv4/bin/pip install torch 'transformers==4.57.6' numpy safetensors
    /tmp/venv4/bin/python tools/gen_golden_pipeline.py tests/golden/fixtures

Version 4, because version 5 has no pipeline for questions; the others answer alike in both. Last made with Python 3.11,
PyTorch 2.15.0, transformers 4.57.6, tokenizers 0.22.2. Eight random tiny models on one small vocabulary; truth is
computed in float64. Seeds are tried until no answer hangs on a tie. `build/release/golden DIR` compares (tests/golden/
pipeline.c): texts, labels, offsets and order must be equal, scores within 5e-5 * max(1, |expected|).
"""
import json
import sys
from pathlib import Path

import numpy as np
import torch
import transformers
from safetensors.numpy import save_file
from transformers import (BertTokenizerFast, ElectraConfig, ElectraForMaskedLM, ElectraForPreTraining,
                          ElectraForQuestionAnswering, ElectraForSequenceClassification,
                          ElectraForTokenClassification, pipeline)

POSITIONS, GAP = 32, 1e-3
WORDS = ("the a cat dog sat ran on mat and anna smith lives in river works for was built by who where what did it not "
         "food good bad old new house of").split()
PIECES = "##s ##ton ##ing ##er ##ed ##ly ##n ##t ##e ##a".split()
VOCABULARY = (["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"] + list(".,?!'-") + list("abcdefghijklmnopqrstuvwxyz") +
              [w for w in WORDS if len(w) > 1] + PIECES)
LONG = ("Anna Smith lives in Riverton and works for the old house. The cat sat on the mat, the dog ran on it. Who built "
        "the new house? It was built by a good dog, not by the bad cat. What did Anna do in the river?")
TEXTS = ["The food was good.", "It was not a good house: the cat ran.", "", " ", "a", "Anna Smith lives in Riverton.",
         "THE OLD HOUSE!", "Café naïve", "zzz qqq 雪 cat", "the [MASK] sat", "[CLS] typed [SEP] and [UNK]", LONG,
         "don't, it's x\u0000y \U0001F600 mats", "worked working worker workly", "nul\u0000 and\ttab"]
PAIRS = [["The food was bad.", "The cat was bad."], ["Who built it?", ""], ["", "An empty one."], [LONG, "the cat"],
         ["the cat", LONG], [LONG, LONG]]
MASKED = ["the [MASK] sat on the mat", "[MASK]", "a [MASK] and a [MASK].", "river[MASK]ing", LONG.replace("on", "[MASK]", 1)]
QUESTIONS = [["Who was it?", "The old house was built by Anna Smith."], ["Where?", "Riverton, riverton and Riverton."],
             ["Who built the house?", LONG], ["What did Anna do?", LONG + " " + LONG]]
TARGETS = ["cat", "dog", "##ing", "house"]
QUESTION_SETTINGS = [{}, {"top_k": 3}, {"handle_impossible_answer": True},
                     {"top_k": 2, "handle_impossible_answer": True, "max_answer_len": 4},
                     {"max_seq_len": 24, "doc_stride": 8, "top_k": 2}, {"align_to_words": False}]


def config(labels=None, **more):
    if labels:
        more["id2label"] = dict(enumerate(labels))
        more["label2id"] = {label: i for i, label in enumerate(labels)}
    return ElectraConfig(vocab_size=len(VOCABULARY), embedding_size=8, hidden_size=16, num_hidden_layers=1,
                         num_attention_heads=2, intermediate_size=24, max_position_embeddings=POSITIONS,
                         hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0, **more)


def build(kind, cfg, seed):
    """Float32 weights large enough that answers differ (dull models are tried again), held in float64. Attention is kept
    soft: with sharp weights all texts would look at the same token."""
    rng = np.random.default_rng(seed)
    cfg._attn_implementation = "eager"
    model = kind(cfg)
    scales = {"query": 0.15, "key": 0.15, "LayerNorm": 0.2, "bias": 0.05}
    with torch.no_grad():
        for name, p in sorted(model.named_parameters()):
            scale = next((scales[part] for part in scales if part in name), 0.5)
            x = rng.normal(size=tuple(p.shape)) * scale
            p.copy_(torch.from_numpy((x + 1.0 if name.endswith("LayerNorm.weight") else x).astype(np.float32)))
    return model.double().eval()


def close(scores, gap=GAP):
    """Whether two neighbours of a ranking are too near each other."""
    return any(abs(a - b) < gap for a, b in zip(scores, scores[1:]))


# ---- the answers of each model; None if something hangs on a tie -----------------------------------------------------

def classify(model, tokenizer, functions):
    logits = torch.stack([model(**encoded(tokenizer, *parts(t))).logits[0] for t in TEXTS + PAIRS])
    ranked = logits.sort(-1).values
    if ranked.shape[1] > 1 and (float((ranked[:, 1:] - ranked[:, :-1]).min()) < GAP or
                                len(set(logits.argmax(-1).tolist())) < 2):
        return None
    if float(logits.std(0).min()) < 0.2:
        return None
    ask = pipeline("text-classification", model=model, tokenizer=tokenizer)
    options = {"truncation": True, "max_length": POSITIONS}
    answers = {}
    for function in functions:
        apply = {} if function == "default" else {"function_to_apply": function}
        answers[function] = {
            "texts": [ask(t, top_k=None, **apply, **options) for t in TEXTS],
            "pairs": [ask({"text": a, "text_pair": b}, top_k=None, **apply, **options) for a, b in PAIRS]}
    answers["best_only"] = [ask(t, top_k=1, **options)[0] for t in TEXTS]
    return answers


def tag(model, tokenizer):
    labels = []
    for text in TEXTS:
        p = model(**encoded(tokenizer, text)).logits[0].softmax(-1).sort(-1, descending=True)
        if float((p.values[:, 0] - p.values[:, 1]).min()) < GAP:
            return None
        labels += p.indices[1:-1, 0].tolist()
    if len(set(labels)) < 5 or not len(labels) / 20 < labels.count(0) < len(labels) / 2:
        return None
    answers = {}
    for strategy in ("none", "simple", "first", "average", "max"):
        ask = pipeline("token-classification", model=model, tokenizer=tokenizer, aggregation_strategy=strategy)
        answers[strategy] = [ask(t) for t in TEXTS]
    for strategy in ("simple", "average"):
        ask = pipeline("token-classification", model=model, tokenizer=tokenizer, aggregation_strategy=strategy, stride=8)
        answers[strategy + "_stride_8"] = [ask(LONG)]
    ask = pipeline("token-classification", model=model, tokenizer=tokenizer, aggregation_strategy="none", ignore_labels=[])
    answers["none_all_labels"] = [ask(t) for t in TEXTS[:8]]
    dull = (answers["first"] == answers["max"] or answers["first"] == answers["average"] or
            answers["max"] == answers["average"])
    return None if dull else answers


def answer(model, tokenizer):
    ask = pipeline("question-answering", model=model, tokenizer=tokenizer)
    rows = []
    for number, (question, context) in enumerate(QUESTIONS):
        for settings in QUESTION_SETTINGS:
            found = ask(question=question, context=context, **settings)
            longest = settings.get("max_seq_len", POSITIONS)
            windows = tokenizer(question, context, truncation="only_second", max_length=longest,
                                stride=settings.get("doc_stride", longest // 2), return_overflowing_tokens=True)
            more = ask(question=question, context=context, **dict(settings, top_k=settings.get("top_k", 1) + 2))
            scores = [x["score"] for x in more] if isinstance(more, list) else [more["score"]]
            if any(a - b < 2e-3 * a for a, b in zip(scores, scores[1:])):
                return None
            rows.append({"question": number, "settings": settings, "windows": len(windows["input_ids"]), "result": found})
    return rows


def fill(model, tokenizer):
    ask = pipeline("fill-mask", model=model, tokenizer=tokenizer)
    options = {"tokenizer_kwargs": {"truncation": True, "max_length": POSITIONS}}
    six = [ask(t, top_k=6, **options) for t in MASKED]
    for found in six:
        for blank in found if isinstance(found[0], list) else [found]:
            if close([np.log(x["score"]) for x in blank]):
                return None
    return {"top_5": [ask(t, top_k=5, **options) for t in MASKED], "targets": [ask(MASKED[0], targets=TARGETS)]}


def parts(item):
    """A text, or a pair; the pipelines take an empty second text for none."""
    return [item] if isinstance(item, str) else [item[0]] + [second for second in item[1:] if second]


def encoded(tokenizer, *texts):
    return tokenizer(*texts, truncation=True, max_length=POSITIONS, return_tensors="pt")


def detect(model, tokenizer):
    rows = []
    for text in TEXTS:
        logits = model(**encoded(tokenizer, text)).logits[0]
        offsets = tokenizer(text, truncation=True, max_length=POSITIONS, return_offsets_mapping=True)
        rows.append({"tokens": tokenizer.convert_ids_to_tokens(offsets["input_ids"]),
                     "offsets": [list(o) for o in offsets["offset_mapping"]],
                     "logit": logits.tolist(), "probability": logits.sigmoid().tolist()})
    return rows


def tokens_of(tokenizer):
    out = {}
    for name, items in (("texts", TEXTS), ("pairs", PAIRS), ("masked", MASKED)):
        out[name] = []
        for item in items:
            e = tokenizer(*parts(item), truncation=True, max_length=POSITIONS, return_offsets_mapping=True)
            out[name].append({"ids": e["input_ids"], "types": e["token_type_ids"],
                              "tokens": tokenizer.convert_ids_to_tokens(e["input_ids"]),
                              "offsets": [list(o) for o in e["offset_mapping"]], "words": e.word_ids()})
    return out


# ---- files ----------------------------------------------------------------------------------------------------------

def plain(value):
    """JSON of numbers that numpy and torch made, with nine digits."""
    if isinstance(value, dict):
        return {k: plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    if isinstance(value, (np.floating, float)):
        return float(f"{float(value):.9g}")
    return int(value) if isinstance(value, np.integer) else value


def save_json(path, value):
    path.write_text(json.dumps(plain(value), ensure_ascii=True, separators=(",", ":")) + "\n")


def save_model(folder, model, tokenizer):
    model.float().save_pretrained(folder, safe_serialization=True)
    model.double()
    (folder / "vocab.txt").write_text("\n".join(VOCABULARY) + "\n")
    (folder / "tokenizer_config.json").write_text(json.dumps(
        {"do_lower_case": True, "model_max_length": POSITIONS, "tokenizer_class": "BertTokenizer"}, indent=2) + "\n")


def main(folder):
    case = Path(folder) / "pipeline"
    case.mkdir(parents=True, exist_ok=True)
    (case / "vocab.tmp").write_text("\n".join(VOCABULARY) + "\n")
    tokenizer = BertTokenizerFast(vocab_file=str(case / "vocab.tmp"), do_lower_case=True, model_max_length=POSITIONS)
    (case / "vocab.tmp").unlink()
    (case / "tokenizer").mkdir(exist_ok=True)
    tokenizer.backend_tokenizer.save(str(case / "tokenizer" / "tokenizer.json"))
    three, four, tags = ["negative", "neutral", "positive"], None, ["O", "B-PER", "I-PER", "B-LOC", "I-LOC", "MISC"]
    every = ("default", "softmax", "sigmoid", "none")
    one = ("default", "sigmoid", "none")
    models = {
        "classify": (ElectraForSequenceClassification, config(three), lambda m: classify(m, tokenizer, every),
                     "text-classification-classify.json"),
        "multilabel": (ElectraForSequenceClassification,
                       config(num_labels=4, problem_type="multi_label_classification"),
                       lambda m: classify(m, tokenizer, every), "text-classification-multilabel.json"),
        "regress": (ElectraForSequenceClassification, config(num_labels=1, problem_type="regression"),
                    lambda m: classify(m, tokenizer, one), "text-classification-regress.json"),
        "single": (ElectraForSequenceClassification, config(num_labels=1), lambda m: classify(m, tokenizer, one),
                   "text-classification-single.json"),
        "tags": (ElectraForTokenClassification, config(tags), lambda m: tag(m, tokenizer), "token-classification.json"),
        "qa": (ElectraForQuestionAnswering, config(), lambda m: answer(m, tokenizer), "question-answering.json"),
        "generator": (ElectraForMaskedLM, config(), lambda m: fill(m, tokenizer), "fill-mask.json"),
        "discriminator": (ElectraForPreTraining, config(), lambda m: detect(m, tokenizer), "replaced-tokens.json"),
    }
    for number, (name, (kind, cfg, ask, file)) in enumerate(models.items()):
        for attempt in range(500):
            with torch.no_grad():
                model = build(kind, cfg, 1000 * number + attempt)
                found = ask(model)
            if found is not None:
                break
        else:
            raise SystemExit(f"{name}: every seed leaves something to a tie")
        print(f"{name}: attempt {attempt}")
        save_json(case / file, found)
        save_model(case / name, model, tokenizer)
    expected = {}
    rows = []
    with torch.no_grad():
        hidden = [model.electra(**encoded(tokenizer, t)).last_hidden_state[0] for t in TEXTS]
    for i, h in enumerate(hidden):
        expected[f"features.{i}"] = h.numpy().astype(np.float32)
    expected["sentence.mean"] = np.stack([h.mean(0).numpy() for h in hidden]).astype(np.float32)
    expected["sentence.cls"] = np.stack([h[0].numpy() for h in hidden]).astype(np.float32)
    for name, value in expected.items():
        rows.append({"name": name, "shape": list(value.shape), "meaning": "last hidden state", "group": "features"})
    save_file(expected, case / "expected.safetensors")
    save_json(case / "texts.json",
              {"texts": TEXTS, "pairs": PAIRS, "masked": MASKED, "questions": QUESTIONS, "targets": TARGETS})
    save_json(case / "tokens.json", tokens_of(tokenizer))
    (case / "case.json").write_text(json.dumps({
        "case": "pipeline", "type": "pipeline", "about": "answers of the pipelines of transformers " +
        transformers.__version__, "settings": {"positions": POSITIONS},
        "groups": {"features": {"tolerance": 1e-5, "floor": 0.0}}, "inputs": [], "expected": rows}, indent=1) + "\n")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    main(sys.argv[1])
