"""What electra quantize costs: a classifier in floats and in 8-bit integers, both asked by electra predict.

    python int8_quality.py ELECTRA FLOATS INT8 dev.tsv

The last file is in GLUE's SST-2 form: a header, then a sentence, a tab and the label's number a line. Prints accuracy of
both, how many answers changed, and the cosine between the logits of all sentences and of the worst one.
"""
import json
import math
import subprocess
import sys


def logits(program, model, texts):
    command = [program, "predict", "--model", model, "--scores", "none", "--top-k", "0", "--json", "--quiet", "-"]
    out = subprocess.run(command, input="\n".join(texts) + "\n", capture_output=True, text=True, check=True).stdout
    rows = [{a["label"]: a["score"] for a in json.loads(line)} for line in out.splitlines()]
    names = json.load(open(model + "/config.json")).get("id2label", {"0": "LABEL_0", "1": "LABEL_1"})
    return [[row[names[str(i)]] for i in range(len(names))] for row in rows]


def cosine(a, b):
    dot = sum(x * y for x, y in zip(a, b))
    return dot / math.sqrt(sum(x * x for x in a) * sum(y * y for y in b))


def main():
    program, floats, int8, dev = sys.argv[1:]
    rows = [line.rstrip("\n").split("\t") for line in open(dev, encoding="utf-8")][1:]
    texts, labels = [r[0].strip() for r in rows], [int(r[1]) for r in rows]
    answers = {model: logits(program, model, texts) for model in (floats, int8)}
    best = {model: [max(range(len(row)), key=row.__getitem__) for row in a] for model, a in answers.items()}
    for model in (floats, int8):
        right = sum(x == y for x, y in zip(best[model], labels))
        print(f"{model}: {right} of {len(labels)} right, {100 * right / len(labels):.2f} %")
    changed = sum(x != y for x, y in zip(best[floats], best[int8]))
    flat = [[x for row in answers[model] for x in row] for model in (floats, int8)]
    each = [cosine(x, y) for x, y in zip(answers[floats], answers[int8])]
    largest = max(abs(x - y) for x, y in zip(*flat))
    print(f"{changed} answers changed; cosine of all logits {cosine(*flat):.6f}, of one sentence's at least {min(each):.6f} "
          f"(mean {sum(each) / len(each):.6f}); largest difference {largest:.4f}")


if __name__ == "__main__":
    main()
