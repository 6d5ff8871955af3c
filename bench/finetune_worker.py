"""Fine-tuning steps of PyTorch with transformers' own classes, as a worker of compare_finetune.py.

For each line on stdin it makes one epoch of the examples and prints its seconds and the tokens that it computed, padding
included; at "quit" it prints its peak memory in MB. What it computes is the recipe of `electra finetune`: dropout, mean
cross-entropy, clipping at 1, AdamW with a rate for each layer, warm-up and linear decay, in float32. Batches are padded
to their longest sentence; texts are tokenized beforehand."""
import argparse
import json
import random
import re
import resource
import sys
import time

import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer

RATE, LAYER_DECAY, WARMUP = 3e-4, 0.8, 0.1


def read(path):
    lines = open(path, encoding="utf-8").read().splitlines()[1:]
    return [(text, int(label)) for text, label in (line.split("\t") for line in lines)]


def batches_of(ids, size, grouped):
    """Numbers of the examples of each batch, drawn at random: of all, or out of pools of fifty batches sorted by length."""
    order = list(range(len(ids)))
    random.shuffle(order)
    if grouped:
        pools = [order[i:i + 50 * size] for i in range(0, len(order), 50 * size)]
        order = [i for pool in pools for i in sorted(pool, key=lambda k: len(ids[k]))]
    batches = [order[i:i + size] for i in range(0, len(order), size)]
    random.shuffle(batches)
    return batches


def groups_of(model):
    """Parameter groups as published: the rate falls by LAYER_DECAY from the head downwards; no decay of norms, biases."""
    layers = model.config.num_hidden_layers
    groups = {}
    for name, parameter in model.named_parameters():
        layer = re.search(r"encoder\.layer\.(\d+)\.", name)
        depth = layers - int(layer[1]) if layer else 0 if name.startswith("classifier") else layers + 1
        decays = parameter.dim() > 1
        group = groups.setdefault((depth, decays), {"params": [], "lr": RATE * LAYER_DECAY ** depth,
                                                    "weight_decay": 0.01 if decays else 0.0})
        group["params"].append(parameter)
    return list(groups.values())


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", required=True)
    parser.add_argument("--train", required=True)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--max-length", type=int, default=128)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--grouped", action="store_true")
    parser.add_argument("--compile", action="store_true")
    parser.add_argument("--steps", type=int, required=True, help="of the whole schedule")
    a = parser.parse_args()
    torch.set_num_threads(a.threads)
    torch.manual_seed(42)
    random.seed(42)
    tokenizer = AutoTokenizer.from_pretrained(a.model)
    model = AutoModelForSequenceClassification.from_pretrained(a.model, num_labels=2).float().train()
    run = torch.compile(model, dynamic=True) if a.compile else model
    examples = read(a.train)
    ids = tokenizer([text for text, _ in examples], truncation=True, max_length=a.max_length)["input_ids"]
    optimizer = torch.optim.AdamW(groups_of(model), eps=1e-6, fused=True)
    warm = max(1, int(WARMUP * a.steps))
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda s: min(s / warm, max(0.0, (a.steps - s) / max(1, a.steps - warm))))

    def step(batch):
        inputs = tokenizer.pad({"input_ids": [ids[i] for i in batch]}, return_tensors="pt")
        loss = run(**inputs, labels=torch.tensor([examples[i][1] for i in batch])).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
        return inputs["input_ids"].numel()

    for line in sys.stdin:
        if line.strip() == "quit":
            break
        batches = batches_of(ids, a.batch, a.grouped)
        if line.strip() == "warm up":
            batches = batches[:3]
        start = time.perf_counter()
        tokens = sum(step(batch) for batch in batches)
        print(json.dumps([time.perf_counter() - start, tokens]), flush=True)
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6, flush=True)


if __name__ == "__main__":
    main()
