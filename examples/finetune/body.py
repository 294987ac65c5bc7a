"""Makes body.safetensors: a convolutional body that PyTorch has trained on the digits 0 to 4.

    python body.py FOLDER    # with the four MNIST files, as gzip

It sees no 5, 6, 7, 8 or 9: those are for the example.
"""

import gzip
import pathlib
import sys

import numpy
import torch
from safetensors.torch import save_file
from torch import nn
from torch.nn import functional as F


class Body(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 16, 3, padding=1)
        self.bn1 = nn.BatchNorm2d(16)
        self.conv2 = nn.Conv2d(16, 32, 3, padding=1)
        self.bn2 = nn.BatchNorm2d(32)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.bn1(self.conv1(x))), 2)
        x = F.max_pool2d(F.relu(self.bn2(self.conv2(x))), 2)
        return F.avg_pool2d(x, 3, stride=2).flatten(1)  # (B, 32 * 3 * 3)


def read(folder, name, header):
    return numpy.frombuffer(gzip.open(pathlib.Path(folder) / name).read(), numpy.uint8, offset=header)


def main():
    torch.manual_seed(1)
    images = read(sys.argv[1], "train-images-idx3-ubyte.gz", 16).reshape(-1, 1, 28, 28)
    labels = read(sys.argv[1], "train-labels-idx1-ubyte.gz", 8)
    few = labels < 5
    x, y = torch.tensor(images[few]) / 255.0, torch.tensor(labels[few]).long()
    body, head = Body(), nn.Linear(288, 5)
    optimizer = torch.optim.AdamW([*body.parameters(), *head.parameters()], lr=1e-3)
    for epoch in range(2):
        for rows in torch.randperm(len(x)).split(64):
            optimizer.zero_grad()
            loss = F.cross_entropy(head(body(x[rows])), y[rows])
            loss.backward()
            optimizer.step()
        print("epoch", epoch + 1, "loss", loss.item())
    save_file(body.state_dict(), pathlib.Path(__file__).with_name("body.safetensors"), metadata={"format": "pt"})


main()
