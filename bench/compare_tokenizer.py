"""Tokens a second of electra and of the Hugging Face tokenizer on one thread, on the lines of a text.

    bench/setup.sh
    bench/venv/bin/python bench/compare_tokenizer.py --vocab vocab.txt --input text.txt"""
import argparse
import json
import os
import statistics
import subprocess
import time

os.environ["TOKENIZERS_PARALLELISM"] = "false"
from tokenizers import BertWordPieceTokenizer  # noqa: E402  (the variable must be set first)

HERE = os.path.dirname(os.path.abspath(__file__))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--electra", default=os.path.join(HERE, "..", "build", "release", "electra"))
    parser.add_argument("--vocab", required=True)
    parser.add_argument("--input", required=True)
    parser.add_argument("--rounds", type=int, default=3)
    a = parser.parse_args()
    tokenizer = BertWordPieceTokenizer(a.vocab, lowercase=True)
    with open(a.input, encoding="utf-8", errors="replace", newline="\n") as file:
        lines = file.read().split("\n")
    theirs, ours = [], {"cold": [], "warm": []}
    for _ in range(a.rounds):
        start = time.perf_counter()
        n = sum(len(e.ids) for e in tokenizer.encode_batch(lines, add_special_tokens=False))
        theirs.append(n / (time.perf_counter() - start))
        out = subprocess.run([a.electra, "bench", "tokenize", "--json", "--quiet", "--vocab", a.vocab, "--input",
                              a.input, "--seconds", "4"], check=True, capture_output=True, text=True).stdout
        for row in map(json.loads, out.splitlines()):
            ours[row["settings"]["cache"]].append(row["tokens_per_second"])
    print(f"Hugging Face tokenizers  {statistics.median(theirs) / 1e6:7.2f} M tokens/s")
    for cache, rates in ours.items():
        print(f"electra, {cache} cache      {statistics.median(rates) / 1e6:7.2f} M tokens/s")


if __name__ == "__main__":
    main()
