#!/usr/bin/env python3
"""Make small fixtures of the ways in which weights are stored, in tests/golden/fixtures: the case storage (one network in
many kinds of files, written by PyTorch, safetensors and transformers) and tf1-* (TensorFlow 1 checkpoints of the pairs
that gen_golden.py made, written by tf1_checkpoint.py).

    /tmp/venv/bin/python tools/gen_storage.py tests/golden/fixtures

Packages and versions as in gen_golden.py, which must have made its fixtures before. Truth is computed in float64.
"""
import json
import shutil
import sys
from collections import OrderedDict
from pathlib import Path

import numpy as np
import torch
from safetensors.numpy import load_file
from safetensors.torch import save_file
from transformers import ElectraForMaskedLM, ElectraForSequenceClassification

import gen_golden
import tf1_checkpoint

LENGTHS, WIDTH, VOCABULARY = [5, 3], 6, 28
NORMS = {"LayerNorm.weight": "LayerNorm.gamma", "LayerNorm.bias": "LayerNorm.beta"}


def old_norms(tensors):
    return OrderedDict((next((n[:-len(k)] + v for k, v in NORMS.items() if n.endswith(k)), n), t)
                       for n, t in tensors.items())


def save_bin(tensors, folder, zipped, name="pytorch_model.bin"):
    torch.save(tensors, folder / name, _use_new_zipfile_serialization=zipped)


def save_shards(tensors, folder, suffix, save):
    """Three files of about the same number of tensors each, and their index."""
    names, stem = list(tensors), "model" if suffix == ".safetensors" else "pytorch_model"
    where = {}
    for i in range(3):
        file = f"{stem}-{i + 1:05}-of-00003{suffix}"
        part = {n: tensors[n] for n in names[i::3]}
        save(part, folder, file)
        where.update({n: file for n in part})
    size = sum(t.numel() * t.element_size() for t in tensors.values())
    index = {"metadata": {"total_size": size}, "weight_map": dict(sorted(where.items()))}
    (folder / f"{stem}{suffix}.index.json").write_text(json.dumps(index, indent=2) + "\n")


def save_st(tensors, folder, name="model.safetensors"):
    save_file({n: t.contiguous() for n, t in tensors.items()}, folder / name, metadata={"format": "pt"})


def to(tensors, dtype):
    return OrderedDict((n, t.to(dtype)) for n, t in tensors.items())


def views(tensors):
    """Everything as a view: matrices transposed in memory, vectors parts of one storage."""
    vectors = [n for n, t in tensors.items() if t.dim() == 1]
    joined = torch.cat([tensors[n] for n in vectors])
    out, at = OrderedDict(), 0
    for n, t in tensors.items():
        if t.dim() == 1:
            out[n] = joined[at:at + len(t)]
            at += len(t)
        else:
            out[n] = t.t().contiguous().t()
    return out


def forms(classifier, generator):
    c, g = classifier.state_dict(), generator.state_dict()
    tied = OrderedDict((n, t) for n, t in g.items() if n != "generator_lm_head.weight")
    old = old_norms(g)
    old["electra.embeddings.position_ids"] = torch.arange(9).reshape(1, 9)
    bare = OrderedDict((n[len("electra."):], t) for n, t in c.items() if n.startswith("electra."))
    half = ["electra.embeddings.word_embeddings.weight", "classifier.dense.bias"]
    mixed = OrderedDict((n[len("electra."):] if n.startswith("electra.encoder.layer.0.") else n, t)
                        for n, t in c.items())
    return {
        "float32": (classifier, "safetensors, F32", lambda f: save_st(c, f)),
        "float64": (classifier, "safetensors, F64", lambda f: save_st(to(c, torch.float64), f)),
        "float16": (classifier, "safetensors, F16", lambda f: save_st(to(c, torch.float16), f)),
        "bfloat16": (classifier, "safetensors, BF16", lambda f: save_st(to(c, torch.bfloat16), f)),
        "sharded": (classifier, "three safetensors files and their index",
                    lambda f: save_shards(c, f, ".safetensors", save_st)),
        "bin-sharded": (classifier, "three PyTorch files and their index",
                        lambda f: save_shards(c, f, ".bin", lambda t, d, n: save_bin(t, d, True, n))),
        "bin-zip": (classifier, "PyTorch's zip form", lambda f: save_bin(c, f, True)),
        "bin-zip-bfloat16": (classifier, "zip form, BF16", lambda f: save_bin(to(c, torch.bfloat16), f, True)),
        "bin-legacy": (classifier, "PyTorch's form before 1.6", lambda f: save_bin(c, f, False)),
        "bin-legacy-float16": (classifier, "the old form, F16", lambda f: save_bin(to(c, torch.float16), f, False)),
        "bin-views": (classifier, "transposed matrices and shared storages", lambda f: save_bin(views(c), f, True)),
        "bin-trainer": (classifier, "a state dict in a trainer's dict", lambda f: save_bin(
            {"epoch": 3, "rate": 0.5, "state_dict": OrderedDict((n, torch.nn.Parameter(t)) for n, t in c.items()),
             "rest": [None, True, (1, 2 ** 40), {n: c[n] for n in half}]}, f, False)),
        "norm-names": (classifier, "LayerNorm.gamma and .beta", lambda f: save_st(old_norms(c), f)),
        "mixed-prefix": (classifier, "some tensors without their prefix", lambda f: save_st(mixed, f)),
        "no-prefix": (classifier.electra, "the encoder alone, names without prefix", lambda f: save_st(bare, f)),
        "generator-float32": (generator, "the tied table stored once", lambda f: save_st(tied, f)),
        "bin-old-generator": (generator, "old names, position_ids and the tied table under both names",
                              lambda f: save_bin(old, f, False)),
    }


def answers(model, batch, rounded):
    """[B,C], or [B,S,...] with 0 at padding, of the weights as the file has them."""
    model = type(model)(model.config)
    model.load_state_dict(rounded)
    model = model.double().eval()
    rows = []
    for ids, types, n in zip(batch["input_ids"], batch["token_type_ids"], batch["lengths"]):
        with torch.no_grad():
            out = model(torch.from_numpy(ids[None, :n]), token_type_ids=torch.from_numpy(types[None, :n]))
        y = (out.logits if "logits" in out else out.last_hidden_state)[0].numpy()
        rows.append(np.concatenate([y, np.zeros((WIDTH - n, y.shape[1]))]) if y.ndim == 2 else y)
    return np.stack(rows).astype(np.float32)


def storage_case(folder):
    shutil.rmtree(folder, ignore_errors=True)
    rng = np.random.default_rng(31)
    config = gen_golden.config(VOCABULARY, 6, 8, 1, 2, 10, 9)
    config.num_labels = 3
    classifier, generator = ElectraForSequenceClassification(config), ElectraForMaskedLM(config)
    gen_golden.randomise(classifier, rng)
    gen_golden.randomise(generator, rng)
    batch = {"input_ids": np.zeros((2, WIDTH), np.int64), "token_type_ids": np.zeros((2, WIDTH), np.int64),
             "attention_mask": np.zeros((2, WIDTH), np.int64), "lengths": np.array(LENGTHS, np.int64)}
    for i, n in enumerate(LENGTHS):
        batch["input_ids"][i, :n] = rng.integers(0, VOCABULARY, n)
        batch["token_type_ids"][i, n // 2:n] = 1
        batch["attention_mask"][i, :n] = 1
    models, expected, rows = {}, {}, []
    for name, (model, about, write) in forms(classifier, generator).items():
        (folder / name).mkdir(parents=True)
        write(folder / name)
        settings = {k: v for k, v in json.loads(model.config.to_json_string(use_diff=False)).items()
                    if k in ("vocab_size", "embedding_size", "hidden_size", "num_hidden_layers", "num_attention_heads",
                             "intermediate_size", "max_position_embeddings", "hidden_dropout_prob",
                             "attention_probs_dropout_prob", "model_type", "id2label", "label2id")}
        settings["architectures"] = [type(model).__name__]
        (folder / name / "config.json").write_text(json.dumps(settings, indent=2, sort_keys=True) + "\n")
        dtype = torch.bfloat16 if "bfloat16" in name else torch.float16 if "float16" in name else torch.float32
        rounded = {n: t.to(dtype).float() for n, t in model.state_dict().items()}
        key = ("hidden." if name == "no-prefix" else "logits.") + name
        expected[key] = answers(model, batch, rounded)
        rows.append({"name": key, "shape": list(expected[key].shape), "meaning": f"of the model in {name}/",
                     "group": key.split(".")[0]})
        models[name] = {"class": type(model).__name__, "form": about, "expected": key}
    gen_golden.save_tensors(batch, folder / "inputs.safetensors")
    gen_golden.save_tensors(expected, folder / "expected.safetensors")
    gen_golden.write_json(folder / "case.json", {
        "case": "storage", "type": "storage", "about": "one network in every form of storage",
        "files": {"inputs": "inputs.safetensors", "expected": "expected.safetensors"}, "models": models,
        "settings": {}, "groups": {g: {"tolerance": 1e-5, "floor": 0.0} for g in ("logits", "hidden")},
        "inputs": [{"name": n, "shape": list(a.shape), "meaning": ""} for n, a in batch.items()], "expected": rows})


# ---- TensorFlow ------------------------------------------------------------------------------------------------------

def tf1_name(name, scope, shared_embeddings, shared_all):
    """The published trainer's name for one of transformers' names, and whether the matrix is transposed."""
    if name == "generator_lm_head.bias":
        return "generator_predictions/output_bias", False
    kernel = name.endswith(".weight") and "LayerNorm" not in name and "_embeddings." not in name
    path = name.replace("dense_prediction", "dense_1").replace(".", "/")
    for old, new in (("_embeddings/weight", "_embeddings"), ("LayerNorm/weight", "LayerNorm/gamma"),
                     ("LayerNorm/bias", "LayerNorm/beta"), ("/layer/", "/layer_")):
        path = path.replace(old, new)
    path = path[:-len("weight")] + "kernel" if kernel else path
    shared = shared_all or (shared_embeddings and path.startswith("electra/embeddings/"))
    if path.startswith("electra/") and scope == "generator" and not shared:
        path = "generator/" + path[len("electra/"):]
    return path, kernel


def tf1_case(root, pair, sharing):
    folder = root / pair.replace("pretrain", "tf1")
    folder.mkdir(exist_ok=True)
    variables = {}
    for scope in ("generator", "discriminator"):
        for name, array in load_file(root / pair / scope / "model.safetensors").items():
            path, kernel = tf1_name(name, scope, sharing == "embeddings", sharing == "all")
            variables[path] = np.ascontiguousarray(array.T) if kernel else array
    stored = dict(variables, global_step=np.int64(3))
    for path, array in list(variables.items())[:2]:  # a few moments, which nobody reads
        stored[path + "/adam_m"], stored[path + "/adam_v"] = array * 0 + 1, array * 0 + 2
    tf1_checkpoint.write(folder / "model.ckpt-3", stored)
    (folder / "checkpoint").write_text('model_checkpoint_path: "/somewhere/else/model.ckpt-3"\n')
    config = json.loads((root / pair / "discriminator" / "config.json").read_text())
    gen_golden.write_json(folder / "case.json", {
        "case": folder.name, "type": "tf1", "about": f"the pair of {pair} as a TensorFlow 1 checkpoint",
        "files": ["model.ckpt-3.index", "model.ckpt-3.data-00000-of-00001", "checkpoint"], "same_as": f"../{pair}",
        "settings": {"sharing": sharing, "discriminator_config": config},
        "variables": {n: list(a.shape) for n, a in sorted(variables.items())}})


def main():
    root = Path(sys.argv[1])
    storage_case(root / "storage")
    for pair, sharing in (("pretrain-shared", "embeddings"), ("pretrain-separate", "none"), ("pretrain-one", "all")):
        tf1_case(root, pair, sharing)
    for path in root.rglob("*"):
        if path.is_file():
            path.chmod(0o644)


if __name__ == "__main__":
    main()
