"""Answers of one peer to random tokens, as a worker of compare_infer.py: for each line "BATCH LENGTH CALLS" on stdin it
makes so many calls (after one that is not timed) and prints the seconds of each; at "quit" its peak memory in MB."""
import argparse
import os
import resource
import sys
import time

import numpy


def make_torch(folder, threads, compiled):
    import torch
    from transformers import ElectraForPreTraining

    torch.set_num_threads(threads)
    model = ElectraForPreTraining.from_pretrained(os.path.join(folder, "model")).eval()
    forward = torch.compile(model) if compiled else model

    def call(ids, mask, types):
        with torch.inference_mode():
            forward(input_ids=torch.from_numpy(ids), attention_mask=torch.from_numpy(mask),
                    token_type_ids=torch.from_numpy(types))

    return call


def make_onnx(folder, threads, name):
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(os.path.join(folder, name), options, providers=["CPUExecutionProvider"])

    def call(ids, mask, types):
        session.run(None, {"input_ids": ids, "attention_mask": mask, "token_type_ids": types})

    return call


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("peer", choices=["torch", "torch-compiled", "ort", "ort-int8"])
    parser.add_argument("folder")
    parser.add_argument("threads", type=int)
    a = parser.parse_args()
    if a.peer.startswith("torch"):
        call = make_torch(a.folder, a.threads, a.peer == "torch-compiled")
    else:
        call = make_onnx(a.folder, a.threads, "int8.onnx" if a.peer == "ort-int8" else "fused.onnx")
    for line in sys.stdin:
        if line.strip() == "quit":
            break
        batch, length, calls = map(int, line.split())
        ids = numpy.random.default_rng(0).integers(0, 30522, (batch, length), dtype=numpy.int64)
        mask, types = numpy.ones_like(ids), numpy.zeros_like(ids)
        call(ids, mask, types)
        seconds = []
        for _ in range(calls):
            start = time.perf_counter()
            call(ids, mask, types)
            seconds.append(time.perf_counter() - start)
        print(*seconds, flush=True)
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024e-6, flush=True)


if __name__ == "__main__":
    main()
