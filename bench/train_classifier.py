"""Train a small ELECTRA classifier with transformers, for measuring what electra quantize costs.

    python train_classifier.py train.tsv dev.tsv MODEL OUT [--epochs 1 --rate 1e-4]

The files are GLUE's SST-2 form: a header, then a sentence, a tab and 0 or 1 a line. MODEL is the discriminator of a run
of electra pretrain (or any ELECTRA directory); OUT becomes a Hugging Face model directory. The last line printed is its
accuracy on the second file.
"""
import argparse
import random
import sys
import time

import torch
from transformers import AutoTokenizer, ElectraForSequenceClassification


def read(path):
    rows = [line.rstrip("\n").split("\t") for line in open(path, encoding="utf-8")][1:]
    return [(text.strip(), int(label)) for text, label in rows]


def batches(examples, size, tokenizer, shuffle):
    order = list(range(len(examples)))
    if shuffle:
        random.shuffle(order)
        pools = [order[i:i + 50 * size] for i in range(0, len(order), 50 * size)]
        pools = [sorted(pool, key=lambda j: len(examples[j][0])) for pool in pools]
        order = [j for pool in pools for j in pool]
    groups = [order[i:i + size] for i in range(0, len(order), size)]
    if shuffle:
        random.shuffle(groups)
    for group in groups:
        texts = [examples[j][0] for j in group]
        inputs = tokenizer(texts, padding=True, truncation=True, max_length=64, return_tensors="pt")
        yield inputs, torch.tensor([examples[j][1] for j in group])


@torch.no_grad()
def accuracy(model, examples, tokenizer):
    model.eval()
    right = sum((model(**x).logits.argmax(-1) == y).sum().item() for x, y in batches(examples, 32, tokenizer, False))
    model.train()
    return right / len(examples)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("train", "dev", "model", "out"):
        p.add_argument(name)
    p.add_argument("--epochs", type=float, default=1)
    p.add_argument("--rate", type=float, default=1e-4)
    p.add_argument("--minutes", type=float, default=30)
    a = p.parse_args()
    random.seed(1)
    torch.manual_seed(1)
    tokenizer = AutoTokenizer.from_pretrained(a.model)
    model = ElectraForSequenceClassification.from_pretrained(a.model, num_labels=2)
    train, dev = read(a.train), read(a.dev)
    steps = int(a.epochs * len(train) / 32)
    optimizer = torch.optim.AdamW(model.parameters(), lr=a.rate, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda s: min((s + 1) / 200, max(0.02, 1 - s / steps)))
    start, step = time.time(), 0
    while step < steps and time.time() - start < 60 * a.minutes:
        for x, y in batches(train, 32, tokenizer, True):
            loss = model(**x, labels=y).loss
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            optimizer.zero_grad()
            step += 1
            if step % 500 == 0:
                print(step, "of", steps, "accuracy", accuracy(model, dev, tokenizer), file=sys.stderr, flush=True)
            if step >= steps or time.time() - start > 60 * a.minutes:
                break
    model.save_pretrained(a.out)
    tokenizer.save_pretrained(a.out)
    print(accuracy(model, dev, tokenizer))


if __name__ == "__main__":
    main()
