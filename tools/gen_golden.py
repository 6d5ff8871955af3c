#!/usr/bin/env python3
"""Make the small cases of golden numbers in tests/golden/fixtures with the reference implementation.

    python3 -m venv /tmp/venv && /tmp/venv/bin/pip install torch transformers numpy safetensors
    /tmp/venv/bin/python tools/gen_golden.py tests/golden/fixtures

Last made with Python 3.11, PyTorch 2.15.0, transformers 5.23.0, safetensors 0.8.0, numpy 2.4.6. Every network is
random and tiny. Truth is computed in float64, without dropout, one sequence at a time (so nothing depends on how
padding is treated), and stored as float32. `build/release/golden DIR` compares; tests/golden/case.h has the rule.

Case type pretrain: generator/ and discriminator/ (Hugging Face directories), inputs and expected values of a forward
pass, of all gradients, and of a few steps of training with and without bias correction.
Case type head: model/ with the head of a task, a batch, its logits, loss and all gradients. Case type bert: the same
kind of model of the BERT family, all hidden states, the pooler's vectors and logits. Case type finetune: a few steps of
training such a model, with rates that fall from layer to layer in both forms.
Case type optimiser: plain numbers in case.json, by a scalar implementation that shares nothing with ours.
"""
import copy
import json
import math
import sys
from pathlib import Path

import numpy as np
import torch
from safetensors.numpy import save_file
import transformers
from transformers import BertConfig, ElectraConfig, ElectraForMaskedLM, ElectraForPreTraining

MASK, FIRST_WORD = 4, 5
SETTINGS = {
    "generator_weight": 1.0, "discriminator_weight": 50.0, "denominator_epsilon": 1e-6, "steps": 4,
    "peak_learning_rate": 0.005, "total_steps": 5, "warmup_steps": 2, "decay_power": 1.0, "weight_decay": 0.01,
    "no_decay_if_name_contains": ["LayerNorm", "layer_norm", "bias"], "beta1": 0.9, "beta2": 0.999, "epsilon": 1e-6,
    "clip_norm": 1.0, "dropout": 0.0,
}
TOLERANCES = {
    "hidden": 1e-5, "logits": 1e-5, "loss": 1e-5, "norm": 1e-5, "gradient": 1e-4, "parameter": 1e-4, "curve": 1e-4,
    "first_moment": 3e-4, "second_moment": 3e-4, "parameter_zero_gradient": 3e-3,
}


# ---- networks --------------------------------------------------------------------------------------------------------

def config(vocab, embedding, hidden, layers, heads, ffn, positions):
    return ElectraConfig(
        vocab_size=vocab, embedding_size=embedding, hidden_size=hidden, num_hidden_layers=layers,
        num_attention_heads=heads, intermediate_size=ffn, max_position_embeddings=positions, hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0, attn_implementation="eager")


def randomise(model, rng):
    """Float32 values large enough that every part of the network bends."""
    with torch.no_grad():
        for name, p in sorted(model.named_parameters()):
            x = rng.normal(size=tuple(p.shape)) * (0.25 if p.dim() > 1 else 0.1)
            if name.endswith("LayerNorm.weight"):
                x += 1.0
            p.copy_(torch.from_numpy(x.astype(np.float32)))


def build_pair(generator_config, discriminator_config, sharing, seed):
    rng = np.random.default_rng(seed)
    g, d = ElectraForMaskedLM(generator_config), ElectraForPreTraining(discriminator_config)
    randomise(d, rng)
    randomise(g, rng)
    g, d = g.double().eval(), d.double().eval()
    if sharing == "embeddings":
        g.electra.embeddings = d.electra.embeddings
    elif sharing == "all":
        g.electra = d.electra
    for m in (g, d):
        m.electra.embeddings.word_embeddings.padding_idx = None  # row 0 is trained like any other
    g.generator_lm_head.weight = g.electra.embeddings.word_embeddings.weight
    return g, d


def is_shared(name, sharing):
    if sharing == "embeddings":
        return name.startswith("electra.embeddings.")
    return sharing == "all" and name.startswith("electra.")


def table(g, d, sharing):
    """{"<owner>.<name>": parameter}, every tensor once."""
    rows = {}
    for owner, model in (("discriminator", d), ("generator", g)):
        for name, p in model.named_parameters(remove_duplicate=False):
            if name == "generator_lm_head.weight":
                continue
            rows[("shared" if is_shared(name, sharing) else owner) + "." + name] = p
    return dict(sorted(rows.items()))


def save_tensors(tensors, path, metadata=None):
    save_file(tensors, path, metadata=metadata)
    path.chmod(0o644)


def save_model(model, architecture, folder, more=()):
    folder.mkdir(parents=True, exist_ok=True)
    tensors = {n: p.detach().numpy().astype(np.float32) for n, p in model.named_parameters(remove_duplicate=False)
               if n != "generator_lm_head.weight"}
    save_tensors(tensors, folder / "model.safetensors", {"format": "pt"})
    settings = json.loads(model.config.to_json_string(use_diff=False))
    keep = ["vocab_size", "embedding_size", "hidden_size", "num_hidden_layers", "num_attention_heads",
            "intermediate_size", "hidden_act", "hidden_dropout_prob", "attention_probs_dropout_prob",
            "max_position_embeddings", "type_vocab_size", "initializer_range", "layer_norm_eps", "pad_token_id",
            "model_type", "tie_word_embeddings", *more]
    out = {k: settings[k] for k in keep if k in settings}
    out["architectures"] = [architecture]
    (folder / "config.json").write_text(json.dumps(out, indent=2, sort_keys=True) + "\n")


# ---- batches ---------------------------------------------------------------------------------------------------------

def make_batch(rng, vocab, lengths, width):
    n = len(lengths)
    b = {k: np.zeros((n, width), np.int64)
         for k in ("input_ids", "masked_ids", "corrupted_ids", "labels", "token_type_ids", "attention_mask")}
    slots = []
    for i, length in enumerate(lengths):
        ids = rng.integers(FIRST_WORD, vocab, length)
        ids[0], ids[-1] = 2, 3
        b["input_ids"][i, :length] = ids
        b["attention_mask"][i, :length] = 1
        b["token_type_ids"][i, rng.integers(2, length + 1):length] = 1
        count = max(1, round(0.15 * length))
        for p in sorted(rng.choice(np.arange(1, length - 1), count, replace=False)):
            kind = rng.integers(0, 4)  # every fourth sample is the right token, sometimes one is padding's id
            sampled = ids[p] if kind == 0 else (0 if kind == 1 and i == 0 else rng.integers(0, vocab))
            slots.append((i, int(p), int(ids[p]), int(sampled)))
    b["masked_ids"][:] = b["input_ids"]
    b["corrupted_ids"][:] = b["input_ids"]
    for k, (i, p, _, sampled) in enumerate(slots):
        if k % 6 != 5:  # some chosen positions are not masked
            b["masked_ids"][i, p] = MASK
        b["corrupted_ids"][i, p] = sampled
    b["labels"][:] = b["corrupted_ids"] != b["input_ids"]
    b["lengths"] = np.array(lengths, np.int64)
    columns = np.array(slots, np.int64).reshape(-1, 4)
    for k, name in enumerate(("slot_sequence", "slot_position", "slot_original", "slot_sampled")):
        b[name] = np.ascontiguousarray(columns[:, k])
    return b


# ---- truth -----------------------------------------------------------------------------------------------------------

def run_encoder(model, ids, types, lengths):
    """Per sequence: embeddings, and the list of hidden states."""
    out = []
    for i, n in enumerate(lengths):
        x, t = torch.from_numpy(ids[i:i + 1, :n]), torch.from_numpy(types[i:i + 1, :n])
        e = model.electra.embeddings(input_ids=x, token_type_ids=t)
        h = model.electra(input_ids=x, token_type_ids=t, output_hidden_states=True).hidden_states
        out.append((e[0], [y[0] for y in h]))
    return out


def forward(g, d, batch):
    lengths = batch["lengths"]
    of_g = run_encoder(g, batch["masked_ids"], batch["token_type_ids"], lengths)
    of_d = run_encoder(d, batch["corrupted_ids"], batch["token_type_ids"], lengths)
    at_slots = torch.stack([of_g[i][1][-1][p] for i, p in zip(batch["slot_sequence"], batch["slot_position"])])
    logits = g.generator_lm_head(g.generator_predictions(at_slots))
    targets = torch.from_numpy(batch["slot_original"])
    slot_loss = torch.logsumexp(logits, 1) - logits.gather(1, targets[:, None])[:, 0]
    s = [d.discriminator_predictions(h[-1]).reshape(-1) for _, h in of_d]
    y = [torch.from_numpy(batch["labels"][i, :n]).double() for i, n in enumerate(lengths)]
    token_loss = [torch.clamp(a, min=0) - a * b + torch.log1p(torch.exp(-a.abs())) for a, b in zip(s, y)]
    loss_g = slot_loss.sum() / (len(targets) + 1e-6)
    loss_d = torch.cat(token_loss).sum() / (int(lengths.sum()) + 1e-6)
    total = SETTINGS["generator_weight"] * loss_g + SETTINGS["discriminator_weight"] * loss_d
    return {"g": of_g, "d": of_d, "logits": logits, "slot_loss": slot_loss, "s": s, "token_loss": token_loss,
            "loss_generator": loss_g, "loss_discriminator": loss_d, "loss_total": total}


def gradients(rows, loss):
    values = torch.autograd.grad(loss, list(rows.values()), allow_unused=True)
    return {k: (torch.zeros_like(p) if v is None else v) for (k, p), v in zip(rows.items(), values)}


def decays(name):
    return not any(word in name for word in SETTINGS["no_decay_if_name_contains"])


def rate_at(step, peak, total, warmup, power=1.0):
    return peak * (1 - min(step, total) / total) ** power * (min(1.0, step / warmup) if warmup else 1.0)


def train(g, d, sharing, batches, bias_corrected):
    rows = table(g, d, sharing)
    m = {k: torch.zeros_like(p) for k, p in rows.items()}
    v = {k: torch.zeros_like(p) for k, p in rows.items()}
    curve = []
    for step, batch in enumerate(batches):
        out = forward(g, d, batch)
        grad = gradients(rows, out["loss_total"])
        norm = math.sqrt(sum(float((x ** 2).sum()) for x in grad.values()))
        rate = rate_at(step, SETTINGS["peak_learning_rate"], SETTINGS["total_steps"], SETTINGS["warmup_steps"])
        scale = 1 / max(1.0, norm / SETTINGS["clip_norm"])
        with torch.no_grad():
            for k, p in rows.items():
                x = grad[k] * scale
                m[k] = 0.9 * m[k] + 0.1 * x
                v[k] = 0.999 * v[k] + 0.001 * x ** 2
                c1, c2 = (1 - 0.9 ** (step + 1), 1 - 0.999 ** (step + 1)) if bias_corrected else (1.0, 1.0)
                u = (m[k] / c1) / (torch.sqrt(v[k] / c2) + SETTINGS["epsilon"])
                if decays(k):
                    u = u + SETTINGS["weight_decay"] * p
                p -= rate * u
        curve.append({"step": step, "learning_rate": rate, "gradient_norm": norm,
                      **{q: float(out[q].detach()) for q in ("loss_generator", "loss_discriminator", "loss_total")}})
    return rows, m, v, curve


# ---- writing ---------------------------------------------------------------------------------------------------------

def as_float32(x):
    return np.ascontiguousarray(x.detach().numpy() if torch.is_tensor(x) else np.asarray(x)).astype(np.float32)


def padded(parts, lengths, width):
    first = as_float32(parts[0])
    out = np.zeros((len(parts), width) + first.shape[1:], np.float32)
    for i, n in enumerate(lengths):
        out[i, :n] = as_float32(parts[i])
    return out


class Expected:
    def __init__(self):
        self.tensors, self.rows = {}, []

    def add(self, name, group, value):
        value = value if isinstance(value, np.ndarray) and value.dtype == np.float32 else as_float32(value)
        value = value.reshape(1) if value.ndim == 0 else value
        self.tensors[name] = value
        self.rows.append({"name": name, "shape": list(value.shape), "group": group})


def add_forward(e, out, batch, width):
    lengths = batch["lengths"]
    for owner, key in (("generator", "g"), ("discriminator", "d")):
        e.add(owner + ".embeddings", "hidden", padded([x for x, _ in out[key]], lengths, width))
        for layer in range(len(out[key][0][1])):
            e.add(f"{owner}.hidden.{layer}", "hidden", padded([h[layer] for _, h in out[key]], lengths, width))
    e.add("generator.logits", "logits", out["logits"])
    e.add("generator.slot_loss", "loss", out["slot_loss"])
    e.add("discriminator.logits", "logits", padded(out["s"], lengths, width))
    e.add("discriminator.token_loss", "loss", padded(out["token_loss"], lengths, width))
    for q in ("loss_generator", "loss_discriminator", "loss_total"):
        e.add(q, "loss", out[q])


def add_training(e, prefix, curve, rows, m, v):
    for q in ("loss_generator", "loss_discriminator", "loss_total", "gradient_norm"):
        e.add(f"curve.{prefix}{q}", "curve", np.array([c[q] for c in curve]))
    for k, p in rows.items():
        e.add(f"after.{prefix}parameter.{k}",
              "parameter_zero_gradient" if k.endswith("self.key.bias") else "parameter", p)
        if not prefix:
            e.add("after.first_moment." + k, "first_moment", m[k])
            e.add("after.second_moment." + k, "second_moment", v[k])


def floors(e):
    """Not 0 only where some tensors are zero in exact arithmetic: a part of the group's largest number."""
    share = {"gradient": 1e-3, "first_moment": 1e-3, "second_moment": 1e-6}
    return {g: share.get(g, 0.0) * max((float(np.abs(e.tensors[r["name"]]).max()) for r in e.rows if r["group"] == g),
                                       default=0.0) for g in TOLERANCES}


def pretrain_case(folder, about, sharing, generator_config, discriminator_config, seed):
    g, d = build_pair(generator_config, discriminator_config, sharing, seed)
    rng = np.random.default_rng(seed + 1)
    vocab, width = discriminator_config.vocab_size, discriminator_config.max_position_embeddings - 1
    lengths = lambda: [width, 5, int(rng.integers(6, width))]
    first = make_batch(rng, vocab, lengths(), width)
    batches = [make_batch(rng, vocab, lengths(), width) for _ in range(SETTINGS["steps"])]
    save_model(g, "ElectraForMaskedLM", folder / "generator")
    save_model(d, "ElectraForPreTraining", folder / "discriminator")

    e = Expected()
    out = forward(g, d, first)
    add_forward(e, out, first, width)
    grad = gradients(table(g, d, sharing), out["loss_total"])
    for k, x in grad.items():
        e.add("gradient." + k, "gradient", x)
    e.add("gradient_norm", "norm", torch.tensor(math.sqrt(sum(float((x ** 2).sum()) for x in grad.values()))))
    curves = {}
    for run, prefix, corrected in (("published", "", False), ("bias_corrected", "bias_corrected.", True)):
        pair = copy.deepcopy((g, d))  # one deepcopy keeps what is shared shared
        rows, m, v, curves[run] = train(*pair, sharing, batches, corrected)
        add_training(e, prefix, curves[run], rows, m, v)

    inputs = dict(first)
    for i, b in enumerate(batches):
        inputs.update({f"step.{i}.{k}": x for k, x in b.items()})
    save_tensors(inputs, folder / "inputs.safetensors")
    save_tensors(e.tensors, folder / "expected.safetensors")
    floor = floors(e)
    write_json(folder / "case.json", {
        "case": folder.name, "type": "pretrain", "about": about,
        "files": {"generator": "generator", "discriminator": "discriminator", "inputs": "inputs.safetensors",
                  "expected": "expected.safetensors"},
        "settings": {"sharing": sharing, **SETTINGS}, "curve": curves,
        "groups": {k: {"tolerance": t, "floor": floor[k]} for k, t in TOLERANCES.items()},
        "inputs": [{"name": k, "shape": list(x.shape)} for k, x in inputs.items()], "expected": e.rows})


def write_json(path, value):
    lines = json.dumps(value, indent=None, separators=(",", ":"))
    path.write_text(lines.replace('},{"name"', '},\n{"name"') + "\n")


# ---- heads of tasks --------------------------------------------------------------------------------------------------

def head_batch(rng, vocab, lengths, width):
    b = make_batch(rng, vocab, lengths, width)
    b["input_ids"][0, 1] = vocab // 2  # test_alarm alters the table's middle
    return {k: b[k] for k in ("input_ids", "token_type_ids", "attention_mask", "lengths")}


def head_targets(rng, kind, lengths, width, n_labels, choices):
    n = len(lengths)
    if kind == "classes":
        return {"labels": rng.integers(0, n_labels, n)}
    if kind == "labels":
        return {"labels": rng.integers(0, 2, (n, n_labels)).astype(np.float32)}
    if kind == "numbers":
        return {"labels": rng.normal(size=n).astype(np.float32)}
    if kind == "choices":
        return {"labels": rng.integers(0, choices, n // choices)}
    if kind == "spans":
        start = np.array([rng.integers(1, k - 1) for k in lengths])
        return {"start_positions": start,
                "end_positions": np.array([rng.integers(s, k) for s, k in zip(start, lengths)])}
    labels = np.full((n, width), -100, np.int64)  # tags: the first and last token and every fifth do not count
    for i, k in enumerate(lengths):
        labels[i, 1:k - 1] = rng.integers(0, n_labels, k - 2)
        labels[i, ::5] = -100
    return {"labels": labels}


def head_outputs(model, batch, kind):
    """Of each sequence, run alone: [C], or [n, C] for tags, or (start [n], end [n]) for spans."""
    out = []
    for i, n in enumerate(batch["lengths"]):
        x, t = (torch.from_numpy(batch[k][i:i + 1, :n]) for k in ("input_ids", "token_type_ids"))
        if kind == "choices":
            out.append(model(input_ids=x[None], token_type_ids=t[None]).logits[0])
        elif kind == "spans":
            y = model(input_ids=x, token_type_ids=t)
            out.append((y.start_logits[0], y.end_logits[0]))
        else:
            out.append(model(input_ids=x, token_type_ids=t).logits[0])
    return out


def head_loss(out, targets, kind, lengths, choices):
    entropy = torch.nn.functional.cross_entropy
    y = {k: torch.from_numpy(v) for k, v in targets.items()}
    if kind == "classes":
        return entropy(torch.stack(out), y["labels"])
    if kind == "labels":
        return torch.nn.functional.binary_cross_entropy_with_logits(torch.stack(out), y["labels"].double())
    if kind == "numbers":
        return ((torch.stack(out)[:, 0] - y["labels"].double()) ** 2).mean()
    if kind == "choices":
        return entropy(torch.cat(out).reshape(-1, choices), y["labels"])
    if kind == "spans":
        return torch.stack([(entropy(s, y["start_positions"][i]) + entropy(e, y["end_positions"][i])) / 2
                            for i, (s, e) in enumerate(out)]).mean()
    return entropy(torch.cat(out), torch.cat([y["labels"][i, :n] for i, n in enumerate(lengths)]))


def build_head(kind, class_name, settings, seed):
    model = getattr(transformers, class_name)(settings)
    randomise(model, np.random.default_rng(seed))
    model = model.double().eval()
    model.base_model.embeddings.word_embeddings.padding_idx = None  # row 0 is trained like any other
    return model


def head_case(folder, about, kind, class_name, settings, seed, choices=2):
    model = build_head(kind, class_name, settings, seed)
    rng = np.random.default_rng(seed + 1)
    width = settings.max_position_embeddings - 1
    lengths = [width, 5, 7, 6]
    batch = head_batch(rng, settings.vocab_size, lengths, width)
    targets = head_targets(rng, kind, lengths, width, settings.num_labels, choices)
    more = ["id2label", "label2id", "problem_type"] if kind in ("classes", "labels", "numbers", "tags") else []
    more += ["summary_activation", "summary_type", "summary_use_proj", "summary_last_dropout"] if kind == "choices" else []
    save_model(model, class_name, folder / "model", more + ["embedding_size"])
    out = head_outputs(model, batch, kind)
    loss = head_loss(out, targets, kind, lengths, choices)
    e = Expected()
    if kind == "spans":
        e.add("start_logits", "logits", padded([s for s, _ in out], lengths, width))
        e.add("end_logits", "logits", padded([s for _, s in out], lengths, width))
    elif kind == "tags":
        e.add("logits", "logits", padded(out, lengths, width))
    else:
        e.add("logits", "logits", torch.cat(out).reshape(-1, choices) if kind == "choices" else torch.stack(out))
    e.add("loss", "loss", loss)
    for k, x in gradients(dict(model.named_parameters()), loss).items():
        e.add("gradient." + ("electra." + k[5:] if k.startswith("bert.") else k), "gradient", x)
    more_settings = {"choices": choices} if kind == "choices" else {"num_labels": settings.num_labels}
    write_head_case(folder, "head", about, class_name, {"loss": "mean", **more_settings}, {**batch, **targets}, e)


def bert_case(folder, about, class_name, settings, seed):
    model = build_head("classes", class_name, settings, seed)
    rng = np.random.default_rng(seed + 1)
    width = settings.max_position_embeddings - 1
    lengths = [width, 5, 7]
    batch = head_batch(rng, settings.vocab_size, lengths, width)
    save_model(model, class_name, folder / "model", ["id2label", "label2id"])
    hidden, pooled = [], []
    for i, n in enumerate(lengths):
        x, t = (torch.from_numpy(batch[k][i:i + 1, :n]) for k in ("input_ids", "token_type_ids"))
        y = model.bert(input_ids=x, token_type_ids=t, output_hidden_states=True)
        hidden.append([h[0] for h in y.hidden_states])
        pooled.append(y.pooler_output[0])
    e = Expected()
    for layer in range(len(hidden[0])):
        e.add(f"hidden.{layer}", "hidden", padded([h[layer] for h in hidden], lengths, width))
    e.add("pooled", "hidden", torch.stack(pooled))
    e.add("logits", "logits", torch.stack(head_outputs(model, batch, "classes")))
    write_head_case(folder, "bert", about, class_name, {"num_labels": settings.num_labels}, batch, e)


def finetune_case(folder, about, kind, class_name, settings, seed):
    model = build_head(kind, class_name, settings, seed)
    rng = np.random.default_rng(seed + 1)
    width, steps, peak, warmup, decay, layers = 8, 4, 0.004, 2, 0.8, settings.num_hidden_layers
    lengths = [[width, 5, int(rng.integers(4, width))] for _ in range(steps)]
    batches = [head_batch(rng, settings.vocab_size, n, width) for n in lengths]
    targets = [head_targets(rng, kind, n, width, settings.num_labels, 2) for n in lengths]
    save_model(model, class_name, folder / "model", ["id2label", "label2id", "problem_type", "embedding_size"])
    e, curves, factors = Expected(), {}, {}
    parts = {"head": "", "embeddings": "electra.embeddings", **{f"layer.{i}": f"electra.encoder.layer.{i}." for i in range(layers)}}
    for name, published in (("corrected", False), ("published", True)):
        m_ = copy.deepcopy(model)
        rows = dict(m_.named_parameters())
        factor = {k: multiplier(k, layers, decay, published) for k in rows}
        factors[name] = {k: multiplier(p, layers, decay, published) for k, p in parts.items()}
        m, v = ({k: torch.zeros_like(p) for k, p in rows.items()} for _ in range(2))
        curves[name] = []
        for step in range(steps):
            loss = head_loss(head_outputs(m_, batches[step], kind), targets[step], kind, lengths[step], 2)
            grad = gradients(rows, loss)
            norm = math.sqrt(sum(float((x ** 2).sum()) for x in grad.values()))
            rate, scale = rate_at(step, peak, steps, warmup), 1 / max(1.0, norm)
            with torch.no_grad():
                for k, p in rows.items():
                    x = grad[k] * scale
                    m[k], v[k] = 0.9 * m[k] + 0.1 * x, 0.999 * v[k] + 0.001 * x ** 2
                    p -= rate * factor[k] * (m[k] / (torch.sqrt(v[k]) + 1e-6) + (0.01 * p if decays(k) else 0.0))
            curves[name].append({"step": step, "learning_rate": rate, "loss": float(loss.detach()), "gradient_norm": norm,
                                 "rates": {k: rate * f for k, f in factors[name].items()}})
        for q in ("loss", "gradient_norm"):
            e.add(f"curve.{name}.{q}", "curve", np.array([c[q] for c in curves[name]]))
        for k, p in rows.items():
            e.add(f"after.{name}.{k}", "parameter_zero_gradient" if k.endswith("self.key.bias") else "parameter", p)
    inputs = {k: np.stack([b[k] for b in batches]) for k in batches[0]}
    inputs.update({k: np.stack([t[k] for t in targets]) for k in targets[0]})
    write_head_case(folder, "finetune", about, class_name, {
        "loss": "mean over the batch", "num_labels": settings.num_labels, "steps": steps, "peak_learning_rate": peak,
        "warmup_steps": warmup, "warmup_proportion": warmup / steps, "layer_decay": decay, "weight_decay": 0.01,
        "beta1": 0.9, "beta2": 0.999, "epsilon": 1e-6, "clip_norm": 1.0}, inputs, e,
        {"curve": curves, "multipliers": factors})


def write_head_case(folder, kind, about, class_name, settings, inputs, e, more={}):
    save_tensors(inputs, folder / "inputs.safetensors")
    save_tensors(e.tensors, folder / "expected.safetensors")
    floor = floors(e)
    floor["gradient"] = max(0.01, floor["gradient"])  # rounding of shares that sum to 1, however small the gradients are
    groups = {r["group"] for r in e.rows}
    write_json(folder / "case.json", {
        "case": folder.name, "type": kind, "about": about,
        "files": {"model": "model", "inputs": "inputs.safetensors", "expected": "expected.safetensors"},
        "settings": {"class": class_name, "dropout": 0.0, **settings}, **more,
        "groups": {k: {"tolerance": t, "floor": floor[k]} for k, t in TOLERANCES.items() if k in groups},
        "inputs": [{"name": k, "shape": list(x.shape)} for k, x in inputs.items()], "expected": e.rows})


def head_cases(root):
    def electra(n_labels=2, problem=None, **more):
        c = ElectraConfig(**{**SMALL, **more}, embedding_size=6, num_labels=n_labels, problem_type=problem)
        c.id2label = {i: f"label {i}" for i in range(n_labels)}
        c.label2id = {v: k for k, v in c.id2label.items()}
        return c

    task = "SequenceClassification"
    head_case(root / "head-classes", "one class of three", "classes", "ElectraFor" + task, electra(3), 11)
    head_case(root / "head-labels", "three labels that hold or not", "labels", "ElectraFor" + task,
              electra(3, "multi_label_classification"), 12)
    head_case(root / "head-numbers", "a number", "numbers", "ElectraFor" + task, electra(1, "regression"), 13)
    head_case(root / "head-tags", "a tag for each token", "tags", "ElectraForTokenClassification", electra(3), 14)
    head_case(root / "head-spans", "start and end", "spans", "ElectraForQuestionAnswering", electra(), 15)
    head_case(root / "head-choices", "one of two sequences", "choices", "ElectraForMultipleChoice", electra(), 16)
    head_case(root / "head-summary", "one of two sequences, no projection, tanh", "choices", "ElectraForMultipleChoice",
              electra(summary_use_proj=False, summary_activation="tanh"), 17)
    bert = BertConfig(**SMALL, num_labels=3)
    head_case(root / "head-bert", "one class of three, by a BERT", "classes", "BertFor" + task, bert, 18)
    finetune_case(root / "finetune", "four steps of a tagger of two layers", "tags", "ElectraForTokenClassification",
                  electra(3, num_hidden_layers=2), 20)
    bert_case(root / "bert", "hidden states of a BERT, its pooler and classifier", "BertFor" + task, bert, 19)


SMALL = {"vocab_size": 20, "hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 10,
         "max_position_embeddings": 9, "hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0,
         "attn_implementation": "eager"}


# ---- the optimiser, number by number ---------------------------------------------------------------------------------

SHAPES = {"electra.embeddings.word_embeddings.weight": [2, 2], "electra.embeddings.LayerNorm.weight": [2],
          "electra.encoder.layer.0.attention.self.query.bias": [2], "electra.encoder.layer.1.output.dense.weight": [2, 2],
          "classifier.out_proj.weight": [1, 2], "classifier.out_proj.bias": [1]}


def multiplier(name, layers, decay, published):
    if name.startswith("electra.encoder.layer."):
        below = layers - int(name.split(".")[3])
    else:
        below = layers + 1 if name.startswith("electra.") else 0
    return decay ** (below + 1 if published and below else below)


def optimiser_run(start, gradients_, peak, total, warmup, corrected, decay, published):
    theta = copy.deepcopy(start)
    m = {k: [0.0] * len(x) for k, x in start.items()}
    v = {k: [0.0] * len(x) for k, x in start.items()}
    factors = None if decay is None else {k: multiplier(k, 2, decay, published) for k in start}
    steps = []
    for s, grad in enumerate(gradients_):
        norm = math.sqrt(sum(x * x for values in grad.values() for x in values))
        rate, scale = rate_at(s, peak, total, warmup), 1 / max(1.0, norm)
        c1, c2 = (1 - 0.9 ** (s + 1), 1 - 0.999 ** (s + 1)) if corrected else (1.0, 1.0)
        for k, values in grad.items():
            for i, x in enumerate(values):
                x *= scale
                m[k][i] = 0.9 * m[k][i] + 0.1 * x
                v[k][i] = 0.999 * v[k][i] + 0.001 * x * x
                u = (m[k][i] / c1) / (math.sqrt(v[k][i] / c2) + 1e-6) + (0.01 * theta[k][i] if decays(k) else 0.0)
                theta[k][i] -= rate * (factors[k] if factors else 1.0) * u
        steps.append({"step": s, "learning_rate": rate, "gradient_norm": norm, "scale": scale,
                      "parameter": copy.deepcopy(theta), "m": copy.deepcopy(m), "v": copy.deepcopy(v)})
    return {"bias_correction": corrected, "layer_decay": decay, "multiplier": factors, "steps": steps}


def optimiser_case(folder):
    rng = np.random.default_rng(5)
    numbers = lambda scale: {k: [round(float(x), 4) for x in rng.normal(size=math.prod(s)) * scale]
                             for k, s in SHAPES.items()}
    start, grads = numbers(1.0), [numbers(2.0), numbers(0.1), numbers(2.0)]
    runs = {"plain": (False, None, False), "bias_corrected": (True, None, False),
            "layerwise_corrected": (False, 0.8, False), "layerwise_published": (False, 0.8, True)}
    schedules = [(6, 0, 1.0), (6, 3, 1.0), (5, 2, 2.0)]
    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / "case.json", {
        "case": "optimiser", "type": "optimiser", "about": "updates, clipping, schedule, layer-wise rates in double",
        "files": {}, "tolerance": 1e-12, "shapes": SHAPES, "start": start, "gradients": grads,
        "settings": {"beta1": 0.9, "beta2": 0.999, "epsilon": 1e-6, "weight_decay": 0.01, "clip_norm": 1.0,
                     "peak_learning_rate": 0.01, "total_steps": 4, "warmup_steps": 2, "layers": 2},
        "runs": {k: optimiser_run(start, grads, 0.01, 4, 2, *a) for k, a in runs.items()},
        "schedule": [{"total": t, "warmup": w, "power": p, "rates": [rate_at(s, 1.0, t, w, p) for s in range(t + 2)]}
                     for t, w, p in schedules],
        "layer_multipliers": [
            {"layers": n, "decay": d, "published": p, "multipliers": {
                "head": 1.0, "embeddings": multiplier("electra.embeddings", n, d, p),
                **{f"layer.{i}": multiplier(f"electra.encoder.layer.{i}.", n, d, p) for i in range(n)}}}
            for n, d in ((1, 0.8), (3, 0.7)) for p in (False, True)]})


def main():
    root = Path(sys.argv[1])
    pretrain_case(root / "pretrain-shared", "tables shared, both networks project, one and two layers", "embeddings",
                  config(36, 6, 8, 1, 1, 12, 14), config(36, 6, 12, 2, 3, 16, 14), 1)
    pretrain_case(root / "pretrain-separate", "nothing shared, no projections, one layer", "none",
                  config(30, 6, 6, 1, 2, 10, 12), config(30, 8, 8, 1, 2, 12, 12), 2)
    pretrain_case(root / "pretrain-one", "one encoder for both, with its projection, one layer", "all",
                  config(30, 6, 8, 1, 2, 12, 12), config(30, 6, 8, 1, 2, 12, 12), 3)
    head_cases(root)
    optimiser_case(root / "optimiser")


if __name__ == "__main__":
    main()
