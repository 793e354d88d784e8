"""Writes test/golden/std-layer-arguments.json: less usual arguments of layers, in the form of std_layers.py.

    python std_layer_arguments.py

They are what random arguments and shapes of every layer found to differ from PyTorch, and some around them.
"""

from pathlib import Path

import torch
from torch import nn

from std_layers import IMAGE, Apply, Case, masked_attention, write

GOLDEN = Path(__file__).parent.parent / "golden" / "std-layer-arguments.json"
INFINITY = float("inf")


def embedding(text: str, count: int, size: int, shape=(5,), batch=3, **options) -> Case:
    return Case(f"layer: embedding({count}, {size}, {text})", shape, lambda: nn.Embedding(count, size, **options), batch, tokens=count)


def pad(net: str, module: nn.Module, shape=IMAGE, batch=3) -> Case:
    return Case(net, shape, lambda: module, batch)


def decoder(**options) -> Apply:
    """With all masks: of the tokens themselves and of the others, by place and by content."""
    module = nn.TransformerDecoderLayer(4, 2, 7, 0.0, batch_first=True, **options)

    def run(self, x):
        return self.layer(
            x[:, :3], x, tgt_mask=places(3, 3) == 1, memory_mask=places(3, 5) == 2,
            tgt_key_padding_mask=x[:, :3, 0] > 1.2, memory_key_padding_mask=x[:, :, 0] > 1.2,
        )  # fmt: skip

    return Apply(run, layer=module)


def places(rows: int, columns: int) -> torch.Tensor:
    return (torch.arange(rows)[:, None] + torch.arange(columns)) % 3


def without_any(x):
    """Hides all tokens from the first, and so leaves it nothing."""
    return torch.arange(5)[:, None].expand(5, 5) == 0


CASES: list[Case] = [
    embedding("padding_idx = 1, max_norm = 1", 7, 4, padding_idx=1, max_norm=1.0),
    embedding("max_norm = 0.5, norm_type = 1", 7, 4, max_norm=0.5, norm_type=1.0),
    embedding("max_norm = 0.6, norm_type = 1 / 0, scale_grad_by_freq = true", 5, 3, (2, 4), max_norm=0.6, norm_type=INFINITY, scale_grad_by_freq=True),
    embedding("padding_idx = 0, scale_grad_by_freq = true", 3, 2, batch=1, padding_idx=0, scale_grad_by_freq=True),
    Case("layer: bilinear(4)", (2, 3, 5), lambda: Apply(lambda self, x: self.layer(x, x), layer=nn.Bilinear(5, 5, 4))),
    Case("layer: linear(4)", (2, 1, 3, 5), lambda: nn.Linear(5, 4)),
    Case("layer: group_norm(2, bias = false)", (6, 2, 3), lambda: nn.GroupNorm(2, 6, bias=False)),
    pad("zero_pad2d([-1, 2, 1, -2])", nn.ZeroPad2d((-1, 2, 1, -2))),
    pad("constant_pad1d([-1, 2], value = 3)", nn.ConstantPad1d((-1, 2), 3.0), (2, 5)),
    pad("reflection_pad2d([-1, 2, 3, -2])", nn.ReflectionPad2d((-1, 2, 3, -2))),
    pad("reflection_pad1d([-1, 1])", nn.ReflectionPad1d((-1, 1)), (2, 2), 1),
    pad("replication_pad2d([-1, -2, 3, 1])", nn.ReplicationPad2d((-1, -2, 3, 1))),
    pad("circular_pad2d([2, -1, -2, 3])", nn.CircularPad2d((2, -1, -2, 3))),
    pad("circular_pad1d([-1, 2])", nn.CircularPad1d((-1, 2)), (1, 3)),
    Case("upsample(scale_factor = [1.7, 0.6], mode = bilinear, recompute_scale_factor = true)", IMAGE,
         lambda: nn.Upsample(scale_factor=(1.7, 0.6), mode="bilinear", recompute_scale_factor=True)),
    Case("upsample(scale_factor = 2.7, mode = linear, recompute_scale_factor = true)", (2, 5),
         lambda: nn.Upsample(scale_factor=2.7, mode="linear", recompute_scale_factor=True)),
    Case("upsample(scale_factor = [1.1, 1.6], mode = bilinear)", IMAGE, lambda: nn.Upsample(scale_factor=(1.1, 1.6), mode="bilinear")),
    Case("layer: conv_transpose2d(4, kernel = 2, padding = [2, 0], output_padding = [1, 2], dilation = [2, 3], groups = 2)", (4, 4, 3),
         lambda: nn.ConvTranspose2d(4, 4, 2, padding=(2, 0), output_padding=(1, 2), dilation=(2, 3), groups=2)),
    Case("layer: conv_transpose1d(3, kernel = 3, padding = 1, output_padding = 2, dilation = 3)", (2, 5),
         lambda: nn.ConvTranspose1d(2, 3, 3, padding=1, output_padding=2, dilation=3)),
    Case("layer: multi_head_attention(2, add_bias_kv = true)", (5, 6), lambda: masked_attention(2, 6, add_bias_kv=True)),
    Case("layer: multi_head_attention(3, add_zero_attn = true, bias = false)", (5, 6), lambda: masked_attention(3, 6, add_zero_attn=True, bias=False), batch=1),
    Case("layer: multi_head_attention(3, add_bias_kv = true, add_zero_attn = true, attn_mask = (reshape(arange(5), [5, 1]) + arange(5)) % 3 == 1, "
         "key_padding_mask = squeeze(slice(shift, 2, 0, 1), 2) > 1)", (5, 6),
         lambda: masked_attention(3, 6, lambda x: places(5, 5) == 1, lambda x: x[:, :, 0] > 1, add_bias_kv=True, add_zero_attn=True)),
    Case("layer: multi_head_attention(2, attn_mask = broadcast(reshape(arange(5), [5, 1]), [5, 5]) == 0)", (5, 6), lambda: masked_attention(2, 6, without_any)),
    Case("slice(shift, axis = 1, start = 0, stop = 3) |> layer: transformer_decoder_layer(shift, 2, dim_feedforward = 7, dropout = 0, "
         "tgt_mask = (reshape(arange(3), [3, 1]) + arange(3)) % 3 == 1, memory_mask = (reshape(arange(3), [3, 1]) + arange(5)) % 3 == 2, "
         "tgt_key_padding_mask = squeeze(slice(slice(shift, 2, 0, 1), 1, 0, 3), 2) > 1.2, memory_key_padding_mask = squeeze(slice(shift, 2, 0, 1), 2) > 1.2)",
         (5, 4), decoder),
]  # fmt: skip

if __name__ == "__main__":
    # For a token that sees nothing it makes NaN in eval mode of what is 0 in training.
    torch.backends.mha.set_fastpath_enabled(False)
    write(CASES, GOLDEN)
