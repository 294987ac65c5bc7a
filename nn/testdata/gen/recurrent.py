"""Makes recurrent.safetensors: torch.nn.LSTM, GRU and RNN, with batch_first=True.

The result of a case with "states" in its name is everything that the layer gives, one after the
other in one vector: the sequence, then the final states.
"""

import torch
from torch import nn

from common import Fixtures, normal, seeded


def sequence(m, x):
    return m(x)[0]


def states(m, x, *begin):
    y, end = m(x, begin if len(begin) == 2 else begin[0])
    return torch.cat([t.reshape(-1) for t in (y, *(end if len(begin) == 2 else (end,)))])


KINDS = {"lstm": nn.LSTM, "gru": nn.GRU, "rnn": nn.RNN}
CASES = {  # batch, time, in, hidden, options
    "one": (1, 1, 3, 1, {}),
    "wide": (33, 3, 2, 3, {}),
    "states": (3, 5, 4, 6, {}),
    "no_bias": (2, 4, 3, 5, {"bias": False}),
    "both": (2, 5, 3, 4, {"bidirectional": True}),
    "deep": (2, 4, 3, 4, {"num_layers": 3}),
    "deep_both_states": (3, 4, 5, 3, {"num_layers": 2, "bidirectional": True}),
}

f = Fixtures()
for kind, make in KINDS.items():
    for case, (batch, time, width, hidden, options) in CASES.items():
        name = f"{kind}_{case}"
        m = seeded(make(width, hidden, batch_first=True, **options), name)
        x = {"x": normal(name, batch, time, width)}
        if "states" not in case:
            f.case(name, m, x, sequence)
            continue
        layers = options.get("num_layers", 1) * (2 if options.get("bidirectional") else 1)
        keys = ("h", "c") if kind == "lstm" else ("h",)
        begin = {key: normal(name + key, layers, batch, hidden) for key in keys}
        f.case(name, m, {**x, **begin}, lambda m, **kw: states(m, *kw.values()))
f.save("recurrent")
