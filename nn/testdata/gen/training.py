"""Makes training.safetensors: twenty steps of each family of families.py, with PyTorch."""

import copy

import torch

from common import DTYPES, Fixtures, integers, normal, seeded
from families import FAMILIES, loss, optimizer

STEPS, BATCHES, BATCH = 20, 5, 4


def batches(name, dtype):
    for i in range(BATCHES):
        key = f"{name}{i}"
        if name == "mlp":
            yield normal(key, BATCH, 6).to(dtype), integers(key + "y", 4, BATCH)
        elif name == "cnn":
            yield normal(key, BATCH, 1, 9, 9).to(dtype), integers(key + "y", 4, BATCH)
        elif name == "decoder":
            row = integers(key, 11, BATCH, 8)
            yield row[:, :-1].contiguous(), row[:, 1:].contiguous()
        else:
            yield integers(key, 11, BATCH, 7), integers(key + "y", 4, BATCH)


f = Fixtures()
for name, make in FAMILIES.items():
    first = seeded(make(), name)
    for dt, dtype in DTYPES.items():
        model = copy.deepcopy(first).to(dtype).train()
        for key, value in model.state_dict().items():
            f[f"{name}.{dt}.state.{key}"] = value.detach().clone()
        data = list(batches(name, dtype))
        for i, (x, y) in enumerate(data):
            f[f"{name}.{dt}.x.{i}"], f[f"{name}.{dt}.y.{i}"] = x, y
        steps, schedule, norm = optimizer(name, model)
        losses = []
        for i in range(STEPS):
            steps.zero_grad()
            x, y = data[i % BATCHES]
            value = loss(name, model, x, y)
            value.backward()
            if norm is not None:
                torch.nn.utils.clip_grad_norm_(model.parameters(), norm)
            steps.step()
            schedule.step()
            losses.append(value.detach())
        f[f"{name}.{dt}.losses"] = torch.stack(losses)
        for key, value in model.state_dict().items():
            f[f"{name}.{dt}.after.{key}"] = value.detach().clone()
f.save("training")
