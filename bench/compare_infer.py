"""Answers of electra, ONNX Runtime and PyTorch, one after the other in the same minutes on the same machine.

    bench/setup.sh
    bench/venv/bin/python bench/infer_models.py /tmp/infer-models
    bench/venv/bin/python bench/compare_infer.py /tmp/infer-models --threads 1 2 --rounds 5

In each round every program makes a few calls of each shape; the median of its calls is the round's time. Medians over
rounds, the best round, and how many times as long as electra a program takes: the median of the ratios within rounds,
which a machine that is busy now and then disturbs least. A table on stdout, or with --json one object a shape."""
import argparse
import json
import os
import statistics
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))


class Worker:
    def __init__(self, peer, folder, threads):
        command = [sys.executable, os.path.join(HERE, "infer_worker.py"), peer, folder, str(threads)]
        self.process = subprocess.Popen(command, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def ask(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        return [float(x) for x in self.process.stdout.readline().split()]


def ask_electra(a, model, threads, batch, length, calls):
    text = subprocess.run([a.electra, "bench", "infer", "--json", "--quiet", "--model", model, "--threads", str(threads),
                           "--batch", str(batch), "--length", str(length), "--steps", str(calls)],
                          check=True, capture_output=True, text=True).stdout
    return json.loads(text)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", help="what infer_models.py wrote")
    parser.add_argument("--electra", default=os.path.join(HERE, "..", "build", "release", "electra"))
    parser.add_argument("--int8", help="the model as electra quantize wrote it, to be measured too")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--shapes", nargs="+", default=["1x16", "1x128", "32x128"])
    parser.add_argument("--peers", nargs="+", default=["ort", "ort-int8", "torch", "torch-compiled"])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    a = parser.parse_args()
    ours = {"electra": os.path.join(a.folder, "model")}
    if a.int8:
        ours["electra int8"] = a.int8
    for threads in a.threads:
        workers = {peer: Worker(peer, a.folder, threads) for peer in a.peers}
        for shape in a.shapes:
            batch, length = map(int, shape.split("x"))
            calls = max(3, min(50, 20000 // (batch * length)))
            times = {name: [] for name in [*ours, *workers]}
            peaks = []
            for _ in range(a.rounds):
                for name, model in ours.items():
                    row = ask_electra(a, model, threads, batch, length, calls)
                    times[name].append(row["p50_ms"])
                    peaks.append(row["peak_gflops"])
                    gflop = row["gflop_per_call"]
                for name, worker in workers.items():
                    times[name].append(1e3 * statistics.median(worker.ask(f"{batch} {length} {calls}")))
            peak = statistics.median(peaks)
            rows = []
            for name, ms in times.items():
                median = statistics.median(ms)
                rows.append({"name": name, "p50_ms": round(median, 3), "best_ms": round(min(ms), 3),
                             "gflops": round(gflop / median * 1e3, 1),
                             "share_of_peak": round(gflop / median * 1e3 / peak, 3),
                             "ratio": round(statistics.median(x / y for x, y in zip(ms, times["electra"])), 3),
                             "rounds_ms": [round(x, 3) for x in ms]})
            if a.json:
                print(json.dumps({"shape": shape, "threads": threads, "peak_gflops": peak, "rows": rows}), flush=True)
                continue
            print(f"{batch} x {length} tokens, {threads} threads, {a.rounds} rounds of {calls} calls, "
                  f"peak {peak:.0f} GFLOP/s")
            for row in rows:
                print(f"  {row['name']:15} median {row['p50_ms']:9.2f} ms, best {row['best_ms']:9.2f} ms, "
                      f"{100 * row['share_of_peak']:5.1f} % of the peak, {row['ratio']:5.2f} x electra", flush=True)
        for name, worker in workers.items():
            print(f"# {name}, {threads} threads: peak memory {worker.ask('quit')[0]:.0f} MB", file=sys.stderr)


if __name__ == "__main__":
    main()
