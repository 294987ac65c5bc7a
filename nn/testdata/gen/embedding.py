"""Makes embedding.safetensors: torch.nn.Embedding, alone and tied to a head."""

import torch
from torch import nn

from common import Fixtures, integers, seeded


class Tied(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(11, 6)
        self.head = nn.Linear(6, 11, bias=False)
        self.head.weight = self.embedding.weight

    def forward(self, x):
        return self.head(torch.tanh(self.embedding(x)))


f = Fixtures()
f.case("matrix", seeded(nn.Embedding(11, 6), "matrix"), {"x": integers("matrix", 11, 4, 9)})
f.case("vector", seeded(nn.Embedding(3, 33), "vector"), {"x": integers("vector", 3, 40)})
f.case("one", seeded(nn.Embedding(5, 1), "one"), {"x": integers("one", 5, 1, 1)})
f.case("padding", seeded(nn.Embedding(5, 7, padding_idx=2), "padding"), {"x": integers("padding", 5, 3, 8)})
f.case("padding_end", seeded(nn.Embedding(5, 7, padding_idx=-1), "padding_end"), {"x": integers("padding_end", 5, 3, 8)})
f.case("tied", seeded(Tied(), "tied"), {"x": integers("tied", 11, 2, 5)})
f.save("embedding")
