"""The model that compare_infer.py asks, in every form: an ELECTRA-Small discriminator with random weights as a Hugging
Face directory (for electra and PyTorch), and as ONNX files: with attention, GELU and residual norms fused by ONNX
Runtime's own optimizer, and that file quantised to int8 dynamically.

    bench/venv/bin/python bench/infer_models.py /tmp/infer-models"""
import os
import sys

import onnx
import torch
from onnxruntime.quantization import QuantType, quantize_dynamic
from onnxruntime.transformers.fusion_options import FusionOptions
from onnxruntime.transformers.optimizer import optimize_model
from transformers import ElectraConfig, ElectraForPreTraining

HEADS, HIDDEN = 4, 256


class Logits(torch.nn.Module):
    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, input_ids, attention_mask, token_type_ids):
        return self.model(input_ids=input_ids, attention_mask=attention_mask, token_type_ids=token_type_ids).logits


def main():
    folder = sys.argv[1]
    os.makedirs(folder, exist_ok=True)
    torch.manual_seed(0)
    config = ElectraConfig(vocab_size=30522, embedding_size=128, hidden_size=HIDDEN, num_hidden_layers=12,
                           num_attention_heads=HEADS, intermediate_size=1024)
    config._attn_implementation = "eager"  # the form that the optimizer knows how to fuse
    model = ElectraForPreTraining(config).eval()
    model.save_pretrained(os.path.join(folder, "model"))
    plain, fused, int8 = (os.path.join(folder, name) for name in ("plain.onnx", "fused.onnx", "int8.onnx"))
    example = (torch.ones(1, 16, dtype=torch.int64),) * 3
    names = ["input_ids", "attention_mask", "token_type_ids"]
    axes = {name: {0: "batch", 1: "length"} for name in names + ["logits"]}
    torch.onnx.export(Logits(model), example, plain, input_names=names, output_names=["logits"], dynamic_axes=axes,
                      opset_version=17, dynamo=False)
    optimized = optimize_model(plain, model_type="bert", num_heads=HEADS, hidden_size=HIDDEN, opt_level=1,
                               optimization_options=FusionOptions("bert"))
    optimized.save_model_to_file(fused)
    quantize_dynamic(fused, int8, weight_type=QuantType.QInt8,
                     extra_options={"DefaultTensorType": onnx.TensorProto.FLOAT})
    for path in (fused, int8):
        counts = {}
        for node in onnx.load(path).graph.node:
            counts[node.op_type] = counts.get(node.op_type, 0) + 1
        print(os.path.basename(path), counts)


if __name__ == "__main__":
    main()
