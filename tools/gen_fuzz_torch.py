#!/usr/bin/env python3
"""Write what the fuzz targets torch_bin and pickle begin with: small files as PyTorch saves them.

    python3 -m venv venv && venv/bin/pip install torch==2.15.0 numpy
    venv/bin/python tools/gen_fuzz_torch.py

The other targets begin with what tools/make_fuzz_corpus.sh writes.
"""

import collections
import pathlib
import pickle
import zipfile

import torch

CORPUS = pathlib.Path(__file__).resolve().parent.parent / "tests/fuzz/corpus"


def tensors():
    """A state dict with every number format, views of one storage, a transposed one, and what is no tensor."""
    base = torch.arange(12, dtype=torch.float32).reshape(3, 4)
    return collections.OrderedDict(
        [
            ("electra.embeddings.word_embeddings.weight", base),
            ("transposed", base.t()),
            ("part", base[1:, 1:3]),
            ("half", torch.tensor([1.0, -2.0], dtype=torch.float16)),
            ("brain", torch.tensor([[0.5]], dtype=torch.bfloat16)),
            ("double", torch.tensor(3.0, dtype=torch.float64)),
            ("position_ids", torch.arange(3).unsqueeze(0)),
            ("none", torch.zeros(0, 5)),
            ("parameter", torch.nn.Parameter(torch.ones(2))),
            ("step", 7),
        ]
    )


def main():
    folder = CORPUS / "torch_bin"
    folder.mkdir(parents=True, exist_ok=True)
    small = {"w": torch.ones(2), "v": torch.zeros(1, dtype=torch.int64)}
    torch.save(tensors(), folder / "zip")
    torch.save(small, folder / "zip-small")
    torch.save({"state_dict": small, "epoch": 3}, folder / "zip-nested")
    torch.save(tensors(), folder / "legacy", _use_new_zipfile_serialization=False)
    torch.save(small, folder / "legacy-small", _use_new_zipfile_serialization=False)

    folder = CORPUS / "pickle"
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("zip", "zip-small", "zip-nested"):
        with zipfile.ZipFile(CORPUS / "torch_bin" / name) as archive:
            member = next(n for n in archive.namelist() if n.endswith("data.pkl"))
            (folder / name).write_bytes(archive.read(member))
    values = [None, True, -1, 2**70, 1.5, "text", b"bytes", (1, (2, 3), [4]), {"a": {"b": []}}, collections.OrderedDict()]
    for protocol in (0, 2, 4):
        (folder / f"values-{protocol}").write_bytes(pickle.dumps(values, protocol))
    circle = []
    circle.append(circle)
    (folder / "circle").write_bytes(pickle.dumps(circle, 2))
    (folder / "call").write_bytes(b"cos\nsystem\n(S'true'\ntR.")


if __name__ == "__main__":
    main()
