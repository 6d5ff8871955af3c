"""Pre-training steps of electra and of PyTorch, one after the other in the same minutes on the same machine.

    bench/setup.sh
    bench/venv/bin/python bench/compare_pretrain.py --threads 1 --rounds 5

In each round: a few steps of `electra bench pretrain` (which measures the multiply-add peak between its steps), one
step of PyTorch eager, one of PyTorch compiled. All are counted alike, by the needed work of the step that electra
reports, against the peak of the same round. Medians over rounds; a table on stdout, or with --json one object."""
import argparse
import json
import os
import statistics
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))


class Worker:
    def __init__(self, a, compiled):
        command = [sys.executable, os.path.join(HERE, "torch_worker.py"), "--size", a.size, "--batch", str(a.batch),
                   "--max-length", str(a.max_length), "--threads", str(a.threads)]
        self.name = "PyTorch compiled" if compiled else "PyTorch eager"
        self.process = subprocess.Popen(command + (["--compile"] if compiled else []), text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.shares, self.seconds = [], []

    def ask(self, word):
        self.process.stdin.write(word + "\n")
        self.process.stdin.flush()
        return float(self.process.stdout.readline())


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--electra", default=os.path.join(HERE, "..", "build", "release", "electra"))
    parser.add_argument("--size", default="small", choices=["small", "base"])
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--max-length", type=int, default=128)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=1, help="of electra in a round")
    parser.add_argument("--no-compile", action="store_true", help="leave PyTorch compiled out")
    parser.add_argument("--json", action="store_true")
    a = parser.parse_args()
    workers = [Worker(a, compiled) for compiled in ([False] if a.no_compile else [False, True])]
    for worker in workers:
        worker.ask("warm up")
    ours, memory = [], 0
    for _ in range(a.rounds):
        text = subprocess.run([a.electra, "bench", "pretrain", "--json", "--quiet", "--size", a.size, "--batch",
                               str(a.batch), "--max-length", str(a.max_length), "--threads", str(a.threads),
                               "--steps", str(a.steps)], check=True, capture_output=True, text=True).stdout
        row = json.loads(text)
        ours.append(row)
        memory = max(memory, row["peak_rss_mb"])
        for worker in workers:
            seconds = worker.ask("step")
            worker.seconds.append(seconds)
            worker.shares.append(row["gflop_per_step"] / seconds / row["peak_gflops"])
    tokens = a.batch * a.max_length
    rows = [{"name": "electra", "share_of_peak": statistics.median(r["share_of_peak"] for r in ours),
             "tokens_per_second": statistics.median(r["tokens_per_second"] for r in ours), "peak_rss_mb": memory}]
    for worker in workers:
        rows.append({"name": worker.name, "share_of_peak": statistics.median(worker.shares),
                     "tokens_per_second": tokens / statistics.median(worker.seconds),
                     "peak_rss_mb": worker.ask("quit")})
    peak = statistics.median(r["peak_gflops"] for r in ours)
    if a.json:
        print(json.dumps({"settings": vars(a), "peak_gflops": peak, "rows": rows}))
        return
    print(f"{a.size}, {a.batch} x {a.max_length}, {a.threads} threads, {a.rounds} rounds, peak {peak:.0f} GFLOP/s")
    for row in rows:
        print(f"{row['name']:18} {row['tokens_per_second']:8.0f} tokens/s {100 * row['share_of_peak']:6.1f} % of peak "
              f"{row['peak_rss_mb']:7.0f} MB")


if __name__ == "__main__":
    main()
