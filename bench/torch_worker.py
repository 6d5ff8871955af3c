"""One pre-training step of ELECTRA with PyTorch and transformers' own classes, as a worker of compare_pretrain.py.

For each line on stdin it makes one step and prints its seconds; at "quit" it prints its peak memory in MB. What it
computes is what `electra bench pretrain` computes: generator, sampling, discriminator, both backward passes, clipping
and AdamW; dropout on; the masked-token head at masked positions only; embeddings shared."""
import argparse
import resource
import sys
import time

import torch
from transformers import ElectraConfig, ElectraForMaskedLM, ElectraForPreTraining

VOCABULARY = 30522
SIZES = {  # hidden, layers, heads, feed-forward, share of the generator
    "small": (256, 12, 4, 1024, 0.25),
    "base": (768, 12, 12, 3072, 1 / 3),
}


def make_config(size, share):
    hidden, layers, heads, feed_forward, _ = SIZES[size]
    width = int(hidden * share)
    return ElectraConfig(vocab_size=VOCABULARY, embedding_size=128 if size == "small" else hidden, hidden_size=width,
                         num_hidden_layers=layers, num_attention_heads=max(1, int(heads * share)),
                         intermediate_size=int(feed_forward * share))


class Pair(torch.nn.Module):
    def __init__(self, size):
        super().__init__()
        self.generator = ElectraForMaskedLM(make_config(size, SIZES[size][4]))
        self.discriminator = ElectraForPreTraining(make_config(size, 1.0))
        ours, theirs = self.discriminator.electra.embeddings, self.generator.electra.embeddings
        for name in ("word_embeddings", "position_embeddings", "token_type_embeddings", "LayerNorm"):
            setattr(ours, name, getattr(theirs, name))

    def forward(self, ids, masked, slots):
        hidden = self.generator.electra(masked).last_hidden_state
        at_slots = hidden.reshape(-1, hidden.shape[-1])[slots]
        logits = self.generator.generator_lm_head(self.generator.generator_predictions(at_slots))
        targets = ids.reshape(-1)[slots]
        generator_loss = torch.nn.functional.cross_entropy(logits, targets)
        with torch.no_grad():  # Gumbel form of sampling
            noise = -torch.log(-torch.log(torch.rand_like(logits) + 1e-9) + 1e-9)
            drawn = (logits + noise).argmax(-1)
            corrupted = ids.reshape(-1).clone()
            corrupted[slots] = drawn
            corrupted = corrupted.reshape(ids.shape)
            labels = (corrupted != ids).float()
        scores = self.discriminator.discriminator_predictions(self.discriminator.electra(corrupted).last_hidden_state)
        return generator_loss + 50 * torch.nn.functional.binary_cross_entropy_with_logits(scores, labels)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--size", default="small", choices=SIZES)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--max-length", type=int, default=128)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--compile", action="store_true")
    a = parser.parse_args()
    torch.set_num_threads(a.threads)
    torch.manual_seed(42)
    pair = Pair(a.size).train()
    step_of = torch.compile(pair) if a.compile else pair
    optimizer = torch.optim.AdamW(pair.parameters(), lr=5e-4, eps=1e-6, weight_decay=0.01)
    ids = torch.randint(1000, VOCABULARY, (a.batch, a.max_length))
    a_sequence = int(0.15 * a.max_length + 0.5)
    slots = (torch.arange(a.batch)[:, None] * a.max_length
             + torch.arange(a_sequence) * a.max_length // a_sequence).reshape(-1)
    masked = ids.clone().reshape(-1)
    masked[slots] = 103
    masked = masked.reshape(ids.shape)
    for line in sys.stdin:
        if line.strip() == "quit":
            break
        start = time.perf_counter()
        optimizer.zero_grad(set_to_none=False)
        step_of(ids, masked, slots).backward()
        torch.nn.utils.clip_grad_norm_(pair.parameters(), 1.0)
        optimizer.step()
        print(time.perf_counter() - start, flush=True)
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6, flush=True)


if __name__ == "__main__":
    main()
