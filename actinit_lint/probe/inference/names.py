"""What a parameter's name says about its value: name patterns to roles, and profiles that give each role a value.

Sizes that go by several names (input_size is an image's side for one author, a feature count for the next) get the
same number in a profile, so that a wrong reading does no harm.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

#: Pattern of the whole name in snake case → role; the first that matches counts.
_ROLES: list[tuple[str, str]] = [
    (r"(img|image|input|in|obs|observation|state|frame)_shape|shape|input_dims?_chw|chw", "image_shape"),
    (r"(img|image|input|crop|frame|im|spatial)_?(size|res|resolution|hw|side)|resolution|image_?dim", "image"),
    (r"(img|image|input)_?(h|height|w|width)|height|width|h|w", "image"),
    (r"(image_|img_)?patch_?(size|height|width|dim)?|p_size", "patch"),
    (r"(num_|n_|max_)?frames?|frame_patch_size|temporal_.*size|num_segments", "frames"),
    (
        r"(in|inp|input|img|image|src|num|n)_?(c|ch|chans?|channels?|planes)|channels?_in|nc|c_?in|chans?|channels?",
        "channels",
    ),
    (
        r"(num|n|nb|nr|no)_?(of_)?(class(es)?|labels?|targets?|categories)|classes|class_num|nclass|num_cls|n_?cls",
        "outputs",
    ),
    (
        r"(num_|n_|nb_)?(outputs?|actions?)|(out|output|target|action|act)_?(dims?|size|shape|features)|nc_out|c_?out",
        "outputs",
    ),
    (r"(num|n|nb|nr|kv|attn|attention)_?(attention_)?heads?|heads?|nheads?|h_num|query_groups", "heads"),
    (r"(dim|d|size)_?(per_)?heads?|heads?_(dim|size|width)|dim_key|d_?k|d_?v|d_?q|d_head", "head_width"),
    (
        r"(.*_)?depth|(.*_)?(num|n|nb|nr|no|hidden|rnn|lstm|enc|dec|encoder|decoder|res|residual)_?(of_)?(.*_)?"
        r"(layers?|blocks?|stages?|levels?|hierarchies|stacks?|downs|res_?blocks|cells)|layers|blocks|(.*_)?repeats?|n_?layers?|block_num",
        "depth",
    ),
    (
        r"(.*_)?(vocab|vocab_?size|vocabulary|n_?tokens?|num_tokens|num_embeddings|ntokens?|dict_size|num_words|voc_size"
        r"|n_?vocab|num_(users|items|nodes_types|entities|relations|chars)|n_(users|items|chars|words|letters)|max_features)",
        "vocabulary",
    ),
    (r"(.*_)?(pad|pad_?(idx|id|token|index)|idx|index|layer_id|rank|level|bos|eos|sos|(bos|eos|sos|unk)_.*)", "zero"),
    (r"(.*_)?(groups?|stride|dilation|num_groups_in)", "one"),
    (r"(num|n)_?groups", "groups"),
    (r"(.*_)?(kernel|kernel_?sizes?|ks|k_size|filter_size|window|window_?size|ksize)|k", "kernel"),
    (r"(.*_)?padding|p", "one"),
    (
        r"(.*_)?(reduction|ratio|expansion|expand|mult|multiplier|factor|upscale|downscale|up_?scale|scale|multiple|growth)|r",
        "ratio",
    ),
    (r"(.*_)?(drop|dropout|drop_?(path|rate|prob|out)?|p_drop|prob|dropout_.*|.*_dropout)|drop_?.*", "dropout"),
    (r"(.*_)?(eps|epsilon)", "epsilon"),
    (
        r"(.*_)?(momentum|alpha|beta|gamma|lr|rate|temperature|tau|sigma|std|slope|margin|threshold|decay|lambda_?|weight"
        r"|coef|coeff|discount|lam|learning_rate|smoothing)",
        "rate",
    ),
    (
        r"(use|is|has|with|do|return|enable|learn|apply|add|no|freeze)_.*|(.*_)?(bias|bidirectional|batch_?first|verbose|flag"
        r"|norm_?first|inplace|residual|bilinear|causal|training|train|shortcut|affine|last|first|debug|deterministic)",
        "no",
    ),
    (r"(.*_)?(pretrained|weights)", "no"),
    (
        r"(max_|sequence_?|seq_?|src_|tgt_|context_|block_|max|sentence_|time_?|history_|input_|text_)+(len|length|size|pos"
        r"|positions?|steps?|points)|(.*_)?(seq_?len(gth)?|max_?len(gth)?|context_?length|sequence_?length)|t|length|n_ctx"
        r"|num_patches|n_patches|horizon|lookback|seq|context_window|target_window|n_points|num_points|npoints|time_?steps",
        "length",
    ),
    (r"(.*_)?device", "device"),
    (r"(.*_)?dtype", "dtype"),
    (
        r"(.*_)?(act|activations?|act_?(layer|fn|func|f|class|type)|activation_?(fn|layer|func|function)|non_?lin(earity)?)",
        "activation",
    ),
    (r"(.*_)?norm(_?(layer|fn|class|type|func))?", "norm"),
    (r"(.*_)?block(_?(fn|class|type|cls))?", "block"),
    (
        r"(.*_)?(layers?_?(sizes|dims)|hidden_?(sizes|dims|units|layers|channels|features)|dims|sizes|channels_?list|filters_?list"
        r"|features_?list|widths|block_out_channels|(num_)?channels|units|layer_?sizes|layers_dim|mlp_?dims?|features|filters"
        r"|neurons|nodes|n_units|channel_mults|dim_mults)",
        "widths",
    ),
    (r"(.*_)?(name|mode|type|method|pool|pooling|variant|arch|backbone_name|strategy)", "word"),
    (
        r".*(dim|size|hidden|feat|channel|width|units|planes|embed|latent|filter|neuron|state|obs|chan|model|inner|inter).*"
        r"|n?(in|inp|out|input|output|hid)(_.*|put|p|s)?|.*_(in|out|inp|oup|ch|nc|n|c|f|d)|n_.*|num_.*|nb_.*|c\d*|ch\d*|d\d*|n\d*|m|e|f|nf"
        r"|ni|nz|ng?f|ngf|ndf|oup|inp|ninp|nhid|nout|nin|z_.*|.*_z|d_.*|q|v|z",
        "width",
    ),
]
_COMPILED = [(re.compile(pattern), role) for pattern, role in _ROLES]
#: Roles whose value decides how deep a model is.
DEPTH_ROLES = frozenset(("depth",))


@dataclass(frozen=True, slots=True)
class Profile:
    """One consistent choice of sizes."""

    name: str
    width: int = 64
    channels: int = 3
    outputs: int = 10
    image: int = 64
    depth: int = 2
    depth_list: bool = False  # depth is one number a stage
    activation: str = "class"  # how activations are handed over: a class, an object, a function, a name
    channels_last: bool = False


IMAGE = Profile("image")
WIDTHS = Profile("widths", channels=64, outputs=64, activation="object")
LISTS = Profile("lists", channels=1, outputs=1, image=32, depth_list=True, activation="function")
LARGE = Profile("large", width=32, channels=32, outputs=32, image=224, depth=3, activation="name")


def snake(name: str) -> str:
    """`hiddenSize` and `HIDDEN_SIZE` as `hidden_size`."""
    if not name.isupper():
        name = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name)
    return name.lower().strip("_")


def role_of(name: str) -> str | None:
    name = snake(name)
    return next((role for pattern, role in _COMPILED if pattern.fullmatch(name)), None)


#: Roles whose value does not depend on the profile.
_FIXED: dict[str, Any] = {
    "patch": 8,
    "frames": 4,
    "heads": 4,
    "head_width": 16,
    "vocabulary": 100,
    "zero": 0,
    "one": 1,
    "groups": 4,
    "kernel": 3,
    "ratio": 2,
    "dropout": 0.1,
    "epsilon": 1e-5,
    "rate": 0.5,
    "no": False,
    "length": 32,
    "device": "cpu",
    "word": "default",
}


def plain_value(role: str | None, profile: Profile) -> Any:
    """A number, text, list or tuple for a role; None for roles that want an object (activation, norm, block, dtype)."""
    if role in _FIXED:
        return _FIXED[role]
    if role == "depth":
        return [profile.depth] * 4 if profile.depth_list else profile.depth
    if role == "widths":
        return [profile.width, profile.width]
    if role == "image_shape":
        sides = (profile.image, profile.image)
        return (*sides, profile.channels) if profile.channels_last else (profile.channels, *sides)
    if role in ("width", "channels", "outputs", "image"):
        return getattr(profile, role)
    return None
