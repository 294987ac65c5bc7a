"""One small model for each family, as PyTorch programs write them, and how each is trained.

The same models are in families_test.go, by the same names.
"""

import torch
from torch import nn
from torch.nn import functional as F


class MLP(nn.Sequential):
    def __init__(self):
        super().__init__(nn.Linear(6, 16), nn.ReLU(), nn.Linear(16, 9), nn.Tanh(), nn.Linear(9, 4))


class CNN(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 4, 3, padding=1)
        self.bn1 = nn.BatchNorm2d(4)
        self.conv2 = nn.Conv2d(4, 6, 3, stride=2, bias=False)
        self.bn2 = nn.BatchNorm2d(6)
        self.fc = nn.Linear(6, 4)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.bn1(self.conv1(x))), 2)
        x = F.relu(self.bn2(self.conv2(x)))
        return self.fc(x.mean((2, 3)))


class Recurrent(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(11, 6, padding_idx=0)
        self.lstm = nn.LSTM(6, 8, num_layers=2, batch_first=True)
        self.head = nn.Linear(8, 4)

    def forward(self, x):
        return self.head(self.lstm(self.embedding(x))[0][:, -1])


class Encoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(11, 12)
        self.position = nn.Parameter(torch.empty(7, 12))
        self.layers = nn.ModuleList(
            nn.TransformerEncoderLayer(12, 3, 20, dropout=0.0, activation="gelu", batch_first=True) for _ in range(2)
        )
        self.head = nn.Linear(12, 4)

    def forward(self, x):
        x = self.embedding(x) + self.position
        for layer in self.layers:
            x = layer(x)
        return self.head(x.mean(1))


class Decoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(11, 12)
        self.position = nn.Parameter(torch.empty(7, 12))
        self.layers = nn.ModuleList(
            nn.TransformerEncoderLayer(12, 3, 20, dropout=0.0, activation="gelu", batch_first=True, norm_first=True)
            for _ in range(2)
        )
        self.norm = nn.LayerNorm(12)
        self.head = nn.Linear(12, 11, bias=False)
        self.head.weight = self.embedding.weight

    def forward(self, x):
        mask = nn.Transformer.generate_square_subsequent_mask(x.shape[1], dtype=self.position.dtype)
        x = self.embedding(x) + self.position
        for layer in self.layers:
            x = layer(x, src_mask=mask, is_causal=True)
        return self.head(self.norm(x))


FAMILIES = {"mlp": MLP, "cnn": CNN, "recurrent": Recurrent, "encoder": Encoder, "decoder": Decoder}


def optimizer(name, model):
    """The optimizer and the schedule of a family, and the norm to clip at, or None."""
    parameters = model.parameters()
    if name == "mlp":
        o = torch.optim.RMSprop(parameters, lr=0.002, alpha=0.9, momentum=0.5)
        return o, torch.optim.lr_scheduler.ExponentialLR(o, 0.95), None
    if name == "cnn":
        # Not one that divides by the size of gradients: that of a bias before a batch norm is nothing but noise.
        o = torch.optim.SGD(parameters, lr=0.1, momentum=0.9, nesterov=True, weight_decay=1e-3)
        return o, torch.optim.lr_scheduler.StepLR(o, 8, 0.5), None
    if name == "recurrent":
        o = torch.optim.Adam(parameters, lr=0.01)
        return o, torch.optim.lr_scheduler.OneCycleLR(o, 0.01, total_steps=21, cycle_momentum=False), 0.5
    if name == "encoder":
        o = torch.optim.AdamW(parameters, lr=0.003, weight_decay=0.05)
        return o, torch.optim.lr_scheduler.CosineAnnealingLR(o, 20, 0.0003), None
    decay = [p for k, p in model.named_parameters() if p.dim() > 1]
    rest = [p for k, p in model.named_parameters() if p.dim() <= 1]
    o = torch.optim.AdamW(
        [{"params": decay, "weight_decay": 0.1}, {"params": rest, "weight_decay": 0.0}], lr=0.003, betas=(0.9, 0.95)
    )
    return o, torch.optim.lr_scheduler.LinearLR(o, 0.1, 1.0, 5), 1.0


def loss(name, model, x, y):
    logits = model(x)
    return F.cross_entropy(logits.flatten(0, -2), y.flatten(), label_smoothing=0.1 if name == "encoder" else 0.0)
