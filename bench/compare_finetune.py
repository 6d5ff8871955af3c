"""Fine-tuning of electra and of PyTorch on SST-2, one after the other in the same minutes on the same machine.

    bench/setup.sh
    bench/venv/bin/python bench/compare_finetune.py --data glue/SST-2 --vocab vocab.txt --threads 2 --share 0.02 --rounds 3
    bench/venv/bin/python bench/compare_finetune.py --data glue/SST-2 --vocab vocab.txt --threads 2 --share 1 --rounds 1

In each round: an epoch of every n-th sentence by `electra finetune`, one by PyTorch with batches padded to their longest
sentence (drawn at random, as transformers' Trainer does), and one by PyTorch with batches of sentences of like length. The
same model, sentences, batch size and recipe; steps are timed, not starting up, tokenizing and evaluating. Without --model
an ELECTRA-Small of random weights over the vocabulary is made. Medians over rounds; a table on stdout, or with --json one
object; on stderr every epoch's seconds as it ends."""
import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))


class Worker:
    def __init__(self, a, model, train, name, *options):
        steps = a.rounds * -(-count(train) // a.batch)
        self.name, self.seconds, self.tokens = name, [], 0
        self.process = subprocess.Popen(
            [sys.executable, os.path.join(HERE, "finetune_worker.py"), "--model", model, "--train", train, "--batch",
             str(a.batch), "--threads", str(a.threads), "--steps", str(steps), *options],
            text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)

    def ask(self, word):
        self.process.stdin.write(word + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def epoch(self):
        seconds, self.tokens = self.ask("epoch")
        self.seconds.append(seconds)

    def quit(self):
        """Peak memory in MB."""
        memory = self.ask("quit")
        self.process.wait()
        return memory


class Electra:
    def __init__(self, a, model, data, scratch):
        self.name, self.seconds, self.tokens, self.peak, self.a = "electra", [], 0, 0, a
        self.command = [a.electra, "finetune", "--model", model, "--task", "sst-2", "--data", data, "--batch", str(a.batch),
                        "--epochs", "1", "--threads", str(a.threads), "--quiet"]
        self.scratch = scratch

    def epoch(self):
        """Seconds of the steps: examples divided by examples a second of each line that was logged."""
        folder = os.path.join(self.scratch, f"run-{len(self.seconds)}")
        process = subprocess.Popen([*self.command, "--output", folder], stdout=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0:
            raise SystemExit("electra finetune failed")
        self.peak = max(self.peak, usage.ru_maxrss * 1024 / 1e6)
        seconds = tokens = step = 0
        for line in map(json.loads, open(os.path.join(folder, "metrics.jsonl"), encoding="utf-8")):
            if "examples_per_second" in line:
                passed = (line["step"] - step) * self.a.batch / line["examples_per_second"]
                tokens += passed * line["tokens_per_second"]
                seconds, step = seconds + passed, line["step"]
        self.seconds.append(seconds)
        self.tokens = tokens


def count(path):
    return sum(1 for _ in open(path, encoding="utf-8")) - 1


def make_model(folder, vocab):
    """An ELECTRA-Small of random weights, with the vocabulary as its tokenizer."""
    import torch
    from transformers import BertTokenizerFast, ElectraConfig, ElectraForPreTraining
    torch.manual_seed(0)
    tokenizer = BertTokenizerFast(vocab, model_max_length=512)
    config = ElectraConfig(vocab_size=len(tokenizer), embedding_size=128, hidden_size=256, num_hidden_layers=12,
                           num_attention_heads=4, intermediate_size=1024)
    ElectraForPreTraining(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def take_share(source, target, share):
    """Every n-th sentence; the dev set is cut to a few, since it is not what is timed."""
    os.makedirs(target)
    for name, step, most in (("train.tsv", 1 / share, None), ("dev.tsv", 1, 32)):
        header, *lines = open(os.path.join(source, name), encoding="utf-8").read().splitlines()
        kept = [lines[int(i * step)] for i in range(int(len(lines) / step))][:most]
        with open(os.path.join(target, name), "w", encoding="utf-8") as out:
            out.write("\n".join([header, *kept]) + "\n")
    return os.path.join(target, "train.tsv")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--electra", default=os.path.join(HERE, "..", "build", "release", "electra"))
    parser.add_argument("--data", required=True, help="folder with SST-2's train.tsv and dev.tsv")
    model = parser.add_mutually_exclusive_group(required=True)
    model.add_argument("--model", help="an ELECTRA directory")
    model.add_argument("--vocab", help="vocabulary of a model of random weights")
    parser.add_argument("--share", type=float, default=0.02, help="of the sentences (default 0.02; 1: all)")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--compile", action="store_true", help="torch.compile, too (with dynamic shapes)")
    parser.add_argument("--json", action="store_true")
    a = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        model = a.model or make_model(os.path.join(scratch, "model"), a.vocab)
        data = os.path.join(scratch, "SST-2")
        train = take_share(a.data, data, a.share)
        ours = Electra(a, model, data, scratch)
        theirs = [Worker(a, model, train, "PyTorch"), Worker(a, model, train, "PyTorch, like lengths", "--grouped")]
        if a.compile:
            theirs.append(Worker(a, model, train, "PyTorch compiled", "--grouped", "--compile"))
        for worker in theirs:
            worker.ask("warm up")
        for _ in range(a.rounds):
            for runner in (ours, *theirs):
                runner.epoch()
                print(f"{runner.name}: {runner.seconds[-1]:.1f} s", file=sys.stderr, flush=True)
        n = count(train)
        rows = [{"name": r.name, "sentences_per_second": n / statistics.median(r.seconds), "tokens": r.tokens,
                 "seconds": r.seconds, "peak_rss_mb": ours.peak if r is ours else r.quit()} for r in (ours, *theirs)]
    for row in rows[1:]:
        row["electra_is_faster_by"] = rows[0]["sentences_per_second"] / row["sentences_per_second"]
    if a.json:
        print(json.dumps({"settings": vars(a), "sentences": n, "rows": rows}))
        return
    print(f"{n} sentences, batches of {a.batch}, {a.threads} threads, {a.rounds} rounds")
    for row in rows:
        ratio = f"  electra {row['electra_is_faster_by']:.2f} times" if "electra_is_faster_by" in row else ""
        print(f"{row['name']:22} {row['sentences_per_second']:8.1f} sentences/s {row['tokens'] / n:6.1f} tokens a sentence "
              f"{row['peak_rss_mb']:6.0f} MB{ratio}")


if __name__ == "__main__":
    main()
