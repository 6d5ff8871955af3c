"""Does pre-training help? One or more encoders fine-tuned on eleven tasks, some trials each, and what came of it as a table.

    python3 bench/finetune_table.py --data DATA --output DIR trained=run/discriminator untrained=zero/discriminator

DATA holds glue/CoLA, glue/SST-2, ..., tagging/conll2000, ..., classification/trec, ..., qa/squad_v2.0. Needs Python alone.
Every run is a folder of DIR (DIR/<name>/<task>), so what was interrupted goes on, and what is finished is only read. The
recipe is electra's own, but for the epochs of SST-2 (1 instead of 3), RTE and STS-B (4 instead of 10) and SQuAD (1 instead of
2) and the windows of questions (128 tokens, 64 apart): an encoder pre-trained on short sequences knows no place beyond.
Scores are of the dev set, or of a tenth held out where there is none: mean and standard deviation (n - 1) of the trials,
times 100."""
import argparse
import json
import os
import statistics
import subprocess
import sys

SPAM = "classification/sms_spam/SMSSpamCollection.first4574"
SQUAD = "qa/squad_v2.0/half-dev.12articles.json"
TASKS = {  # name: (what the table says, score, options with files relative to DATA in {})
    "trec": ("TREC, 6 classes", "accuracy", "--task trec --data {classification/trec}"),
    "sms": ("SMS spam", "accuracy", "--train {%s} --format tsv --text-column 2 --label-column 1" % SPAM),
    "cola": ("CoLA", "matthews", "--task cola --data {glue/CoLA}"),
    "ud": ("UD EWT part of speech", "accuracy", "--task ud-pos --data {tagging/ud_english_ewt}"),
    "conll2000": ("CoNLL-2000 chunks", "f1", "--task conll2000 --data {tagging/conll2000}"),
    "conll2003": ("CoNLL-2003 names", "f1", "--task conll2003 --data {tagging/conll2003}"),
    "mrpc": ("MRPC", "accuracy", "--task mrpc --data {glue/MRPC}"),
    "rte": ("RTE", "accuracy", "--task rte --data {glue/RTE} --epochs 4"),
    "sst-2": ("SST-2", "accuracy", "--task sst-2 --data {glue/SST-2} --epochs 1"),
    "sts-b": ("STS-B", "spearman", "--task sts-b --data {glue/STS-B} --epochs 4"),
    "squad2": ("SQuAD 2.0, half dev", "best_f1", "--train {%s} --kind qa --max-length 128 --doc-stride 64 --epochs 1" % SQUAD),
}


def options(task, data):
    words = TASKS[task][2].split()
    return [os.path.join(data, w[1:-1]) if w.startswith("{") else w for w in words]


def finetune(a, encoder, folder, task):
    command = [a.electra, "finetune", "--model", encoder, "--output", folder, "--threads", str(a.threads), "--trials",
               str(a.trials), "--quiet", *options(task, a.data)]
    print(" ".join(command), file=sys.stderr, flush=True)
    if subprocess.run(command, stdout=subprocess.DEVNULL).returncode != 0:
        sys.exit(f"failed: {' '.join(command)}")


def cell(folder, score):
    with open(os.path.join(folder, "results.json")) as file:
        trials = json.load(file)["trials"]
    values = [100 * t["dev"][score] for t in trials]
    spread = statistics.stdev(values) if len(values) > 1 else 0.0
    return f"{statistics.mean(values):.1f} ({spread:.1f})", sum(t["collapsed"] for t in trials)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("encoders", nargs="+", metavar="NAME=DIR")
    p.add_argument("--electra", default="build/release/electra")
    p.add_argument("--data", required=True)
    p.add_argument("--output", required=True)
    p.add_argument("--trials", type=int, default=3)
    p.add_argument("--threads", type=int, default=os.cpu_count())
    p.add_argument("--tasks", default=",".join(TASKS))
    a = p.parse_args()
    encoders = [e.split("=", 1) for e in a.encoders]
    print("| task | score | " + " | ".join(name for name, _ in encoders) + " |")
    print("|---|---|" + "---|" * len(encoders))
    for task in a.tasks.split(","):
        about, score, _ = TASKS[task]
        cells = []
        for name, encoder in encoders:
            folder = os.path.join(a.output, name, task)
            finetune(a, encoder, folder, task)
            text, collapsed = cell(folder, score)
            cells.append(text + (f", {collapsed} collapsed" if collapsed else ""))
        print(f"| {about} | {score} | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
