"""The Python side of -nn: the same networks in PyTorch, on the CPU, as it comes (no torch.compile).

It reads requests from stdin and answers on stdout, as peer.py does. A file has weights,
one batch, and in its metadata what network it is of: network in nn_network.go. n is how
often, but for build, where it is the number of threads.
"""

import contextlib
import json
import platform
import sys
import time

answers = sys.stdout
sys.stdout = sys.stderr  # whatever a library prints is no answer


def answer(message):
    answers.write(json.dumps(message) + "\n")
    answers.flush()


try:
    import safetensors
    import safetensors.torch
    import torch
    from torch import nn
except ImportError as e:
    answer({"missing": str(e)})
    sys.exit(0)


class Transformer(nn.Module):
    def __init__(self, n):
        super().__init__()
        width, between = n["widths"]
        self.layers = nn.ModuleList(
            nn.TransformerEncoderLayer(width, n["heads"], between, dropout=0.0, activation="gelu", batch_first=True)
            for _ in range(n["layers"])
        )
        self.head = nn.Linear(width, n["classes"])

    def forward(self, x):
        for layer in self.layers:
            x = layer(x)
        return self.head(x.mean(1))


def network(n):
    widths = n["widths"]
    if n["name"] == "mlp":
        return nn.Sequential(
            nn.Linear(widths[0], widths[1]), nn.ReLU(),
            nn.Linear(widths[1], widths[2]), nn.ReLU(),
            nn.Linear(widths[2], n["classes"]),
        )
    if n["name"] == "cnn":
        return nn.Sequential(
            nn.Conv2d(widths[0], widths[1], 3, padding=1), nn.BatchNorm2d(widths[1]), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(widths[1], widths[2], 3, padding=1), nn.BatchNorm2d(widths[2]), nn.ReLU(), nn.MaxPool2d(2),
            nn.Flatten(),
            nn.Linear(widths[2] * (n["side"] // 4) ** 2, widths[3]), nn.ReLU(),
            nn.Linear(widths[3], n["classes"]),
        )
    return Transformer(n)


class Peer:
    """Each method is an op. It returns a part of the answer, or nothing."""

    def build(self, path, n):
        torch.set_num_threads(n)
        with safetensors.safe_open(path, framework="pt") as f:
            self.net = network(json.loads(f.metadata()["network"]))
        state = safetensors.torch.load_file(path)
        self.x, self.label = state.pop("batch.x"), state.pop("batch.label")
        self.net.load_state_dict(state)
        self.solver = torch.optim.AdamW(self.net.parameters(), fused=True)  # the fastest that it has
        self.loss = None

    def train(self):
        self.solver.zero_grad()
        self.loss = nn.functional.cross_entropy(self.net(self.x), self.label)
        self.loss.backward()
        self.solver.step()

    def check(self, path, n):
        self.net.eval()
        with torch.inference_mode():
            values = [self.net(self.x).double().square().mean().item()]
        self.net.train()
        for _ in range(n):
            seconds = timed(self.train)
            values.append(self.loss.item())
        return {"values": values, "seconds": seconds}

    def evaluate(self, x, n):
        self.net.eval()
        with torch.inference_mode():
            return {"seconds": timed(lambda: [self.net(x) for _ in range(n)])}

    def forward(self, path, n):
        return self.evaluate(self.x, n)

    def one(self, path, n):
        return self.evaluate(self.x[:1], n)

    def step(self, path, n):
        self.net.train()
        return {"seconds": timed(lambda: [self.train() for _ in range(n)])}

    def ops(self, path, n):
        """The times of the ops, without those that they call, in the fastest of n steps."""
        self.net.train()
        best = None
        for _ in range(n):
            with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as p:
                seconds = timed(self.train)
            if best is None or seconds < best["seconds"]:
                ops = {e.key: e.self_cpu_time_total * 1e-6 for e in p.key_averages()}
                best = {"seconds": seconds, "ops": ops}
        return best


def timed(work):
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def main():
    answer({"versions": {
        "Python": platform.python_version(),
        "torch": torch.__version__,
        "safetensors": safetensors.__version__,
    }})
    peer = Peer()
    with contextlib.suppress(KeyboardInterrupt):  # the parent ends
        for line in sys.stdin:
            request = json.loads(line)
            try:
                answer(getattr(peer, request["op"])(request["path"], request["n"]) or {})
            except Exception as e:
                answer({"error": f"{type(e).__name__}: {e}"})


main()
