#!/usr/bin/env bash
# A virtual environment with the peers that our speed is compared with, beside this script, in bench/venv.
# PyTorch's wheel brings CUDA libraries (some gigabytes) that are not used here.
set -euo pipefail
cd "$(dirname "$0")"
[ -d venv ] || python3 -m venv venv
venv/bin/pip install --quiet --upgrade pip
venv/bin/pip install --quiet torch transformers tokenizers onnx onnxruntime onnxscript
venv/bin/python -c 'import onnxruntime, torch, transformers, tokenizers
print("onnxruntime", onnxruntime.__version__)
print("torch", torch.__version__, "transformers", transformers.__version__, "tokenizers", tokenizers.__version__)'
