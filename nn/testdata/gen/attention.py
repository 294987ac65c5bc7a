"""Makes attention.safetensors: torch.nn.functional.scaled_dot_product_attention of heads that lie
side by side, torch.nn.MultiheadAttention and torch.nn.TransformerEncoderLayer with
batch_first=True, in training, without dropout."""

import math

import torch
from torch import nn
from torch.nn import functional as F

from common import Fixtures, normal, seeded

f = Fixtures()


def split(x, heads):
    return x.unflatten(-1, (heads, -1)).transpose(1, 2)


def attention(name, batch, queries, keys, heads, groups, width, values=None, mask=None, padding=None, **options):
    inputs = {
        "q": normal(name + "q", batch, queries, heads * width),
        "k": normal(name + "k", batch, keys, groups * width),
        "v": normal(name + "v", batch, keys, groups * (values or width)),
    }
    if mask is not None:
        inputs["mask"] = mask
    if padding is not None:
        inputs["padding"] = padding

    def forward(m, q, k, v, mask=None, padding=None):
        if padding is not None:
            padding = padding[:, None, None, :]
            mask = padding if mask is None else mask + padding
        y = F.scaled_dot_product_attention(
            split(q, heads), split(k, groups), split(v, groups), attn_mask=mask, enable_gqa=groups != heads, **options
        )
        return y.transpose(1, 2).flatten(-2)

    f.case(name, nn.Module(), inputs, forward)


def hidden(name, *shape, share=0.3):
    """A mask with some keys hidden, and a bias for the others. Query 0 sees key 0."""
    x = normal(name, *shape)
    hide = normal(name + "hide", *shape) < -0.5
    hide[..., 0] = False
    return x.masked_fill(hide, -math.inf)


attention("plain", 2, 5, 5, 3, 3, 4)
attention("one", 1, 1, 1, 1, 1, 1)
attention("cross", 2, 3, 7, 2, 2, 5, values=3)
attention("causal", 2, 7, 7, 2, 2, 4, is_causal=True)
attention("causal_wide", 1, 3, 6, 2, 2, 4, is_causal=True)
attention("causal_tall", 1, 6, 3, 2, 2, 4, is_causal=True)
attention("grouped", 2, 5, 6, 6, 2, 4)
attention("one_group", 1, 4, 4, 3, 1, 4, is_causal=True)
attention("scale", 2, 3, 4, 2, 2, 4, scale=0.7)
attention("mask_2", 2, 3, 5, 2, 2, 4, mask=hidden("mask_2", 3, 5))
attention("mask_3", 2, 3, 5, 2, 2, 4, mask=hidden("mask_3", 2, 3, 5))
attention("mask_4", 2, 3, 5, 2, 2, 4, mask=hidden("mask_4", 2, 1, 3, 5))
attention("mask_full", 2, 3, 5, 2, 2, 4, mask=hidden("mask_full", 2, 2, 3, 5))
attention("padding", 2, 3, 5, 4, 2, 4, padding=hidden("padding", 2, 5))
attention("both", 2, 3, 5, 2, 2, 4, mask=hidden("both", 1, 2, 1, 5), padding=hidden("both p", 2, 5))
blind = hidden("blind", 3, 5)
blind[1] = -math.inf
attention("blind", 2, 3, 5, 2, 2, 4, mask=blind)


def multihead(name, heads, inputs, forward, **options):
    m = seeded(nn.MultiheadAttention(inputs["q"].shape[-1], heads, batch_first=True, **options), name)
    f.case(name, m, inputs, forward)


def own(m, q, **masks):
    return m(q, q, q, need_weights=False, **masks)[0]


q, kv, v = normal("mha q", 2, 5, 6), normal("mha k", 2, 4, 6), normal("mha v", 2, 4, 6)
multihead("mha.self", 3, {"q": q}, own)
multihead("mha.no_bias", 2, {"q": q}, own, bias=False)
multihead("mha.cross", 3, {"q": q, "k": kv}, lambda m, q, k: m(q, k, k, need_weights=False)[0])
multihead("mha.three", 3, {"q": q, "k": kv, "v": v}, lambda m, q, k, v: m(q, k, v, need_weights=False)[0])
multihead("mha.same_key", 3, {"q": q, "v": normal("mha w", 2, 5, 6)}, lambda m, q, v: m(q, q, v, need_weights=False)[0])
multihead("mha.mask", 3, {"q": q, "mask": hidden("mha mask", 5, 5)}, lambda m, q, mask: own(m, q, attn_mask=mask))
multihead(
    "mha.padding",
    3,
    {"q": q, "padding": hidden("mha padding", 2, 5)},
    lambda m, q, padding: own(m, q, key_padding_mask=padding),
)
causal = nn.Transformer.generate_square_subsequent_mask(5)
multihead(
    "mha.both",
    2,
    {"q": q, "padding": hidden("mha both", 2, 5)},
    lambda m, q, padding: own(m, q, key_padding_mask=padding, attn_mask=causal.to(q.dtype)),
)


def block(name, inputs, forward=None, **options):
    m = nn.TransformerEncoderLayer(6, 2, dim_feedforward=9, dropout=0.0, batch_first=True, **options)
    f.case(name, seeded(m, name), inputs, forward)


x = normal("block", 2, 5, 6)
block("block.last", {"x": x})
block("block.first", {"x": x}, norm_first=True)
block("block.gelu", {"x": x}, activation="gelu", norm_first=True, bias=False)
block("block.eps", {"x": x}, layer_norm_eps=0.1)
block(
    "block.masked",
    {"x": x, "padding": hidden("block padding", 2, 5)},
    lambda m, x, padding: m(x, src_mask=causal.to(x.dtype), src_key_padding_mask=padding),
)
f.save("attention")
