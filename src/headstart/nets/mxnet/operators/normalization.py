"""Operators that normalise: batch, layer, instance, group and L2 normalisation, softmax, dropout."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from headstart.nets.mxnet.attributes import Attributes
from headstart.nets.mxnet.operators.base import Call, Kernel, Operator
from headstart.nets.mxnet.operators.dense import whole


def has_fixed_gamma(attributes: Attributes) -> bool:
    """Return whether a ``BatchNorm`` counts its stored gamma as 1; MXNet's default is that it does."""
    return attributes.flag("fix_gamma", True)


def _batch_norm(attributes: Attributes) -> Kernel:
    attributes.expects(5)
    eps, momentum = attributes.real("eps", 1e-3, low=0.0), attributes.real("momentum", 0.9)
    fixed, frozen = has_fixed_gamma(attributes), attributes.flag("use_global_stats", False)
    axis = attributes.integer("axis", 1, low=-32, high=32)
    attributes.skip("min_calib_range", "max_calib_range")
    _refuse_extra_outputs(attributes)

    def _run(call: Call, x: Tensor, gamma: Tensor, beta: Tensor, mean: Tensor, variance: Tensor) -> Tensor:
        _check_vectors(attributes, x, axis, gamma, beta, mean, variance)
        if call.training and not frozen and (gamma.requires_grad or beta.requires_grad):
            axes = [i for i in range(x.dim()) if i != axis % x.dim()]
            batch_variance, batch_mean = torch.var_mean(x, axes, correction=0)
            _move(mean, batch_mean, momentum)
            _move(variance, batch_variance, momentum)
            mean, variance = batch_mean, batch_variance
        scale = torch.rsqrt(variance + eps)
        return _along(x - _along_axis(mean, x, axis), scale if fixed else scale * gamma, beta, axis)

    return _run


def _check_vectors(attributes: Attributes, x: Tensor, axis: int, *vectors: Tensor) -> None:
    for vector in vectors:
        if tuple(vector.shape) != (x.shape[axis],):
            attributes.fail(
                f"its data has the shape {tuple(x.shape)} and one of its parameters {tuple(vector.shape)}; "
                f"expected ({x.shape[axis]},), one value for each entry of axis {axis}"
            )


def _move(statistic: Tensor, batch: Tensor, momentum: float) -> None:
    """MXNet moves the variance towards the biased one; torch's own layer takes the unbiased."""
    with torch.no_grad():
        statistic.mul_(momentum).add_(batch.detach(), alpha=1 - momentum)


def _along_axis(vector: Tensor, x: Tensor, axis: int) -> Tensor:
    return vector.reshape(-1, *(1,) * (x.dim() - 1 - axis % x.dim()))


def _along(x: Tensor, scale: Tensor, shift: Tensor, axis: int) -> Tensor:
    return x * _along_axis(scale, x, axis) + _along_axis(shift, x, axis)


def _refuse_extra_outputs(attributes: Attributes) -> None:
    if attributes.flag("output_mean_var", False):
        attributes.fail("its option 'output_mean_var' is True; its mean and variance as outputs are not covered")


def _standardised(x: Tensor, axes: Sequence[int], eps: float) -> Tensor:
    variance, mean = torch.var_mean(x, list(axes), correction=0, keepdim=True)
    return (x - mean) * torch.rsqrt(variance + eps)


def _layer_norm(attributes: Attributes) -> Kernel:
    attributes.expects(3)
    axis, eps = attributes.integer("axis", -1, low=-32, high=32), attributes.real("eps", 1e-5, low=0.0)
    _refuse_extra_outputs(attributes)

    def _run(_call: Call, x: Tensor, gamma: Tensor, beta: Tensor) -> Tensor:
        _check_vectors(attributes, x, axis, gamma, beta)
        return _along(_standardised(x, [axis], eps), gamma, beta, axis)

    return _run


def _instance_norm(attributes: Attributes) -> Kernel:
    attributes.expects(3)
    eps = attributes.real("eps", 1e-3, low=0.0)

    def _run(_call: Call, x: Tensor, gamma: Tensor, beta: Tensor) -> Tensor:
        _check_vectors(attributes, x, 1, gamma, beta)
        return _along(_standardised(x, range(2, x.dim()), eps), gamma, beta, 1)

    return _run


def _group_norm(attributes: Attributes) -> Kernel:
    attributes.expects(3)
    n_groups, eps = attributes.integer("num_groups", 1, low=1), attributes.real("eps", 1e-5, low=0.0)
    _refuse_extra_outputs(attributes)

    def _run(_call: Call, x: Tensor, gamma: Tensor, beta: Tensor) -> Tensor:
        grouped = x.reshape(x.shape[0], n_groups, -1)
        _check_vectors(attributes, grouped, 1, gamma, beta)  # one value a group, where torch has one a channel
        return _along(_standardised(grouped, [2], eps), gamma, beta, 1).reshape(x.shape)

    return _run


def _l2_normalization(attributes: Attributes) -> Kernel:
    attributes.expects(1)
    eps = attributes.real("eps", 1e-10, low=0.0)
    mode = attributes.choice("mode", ("instance", "channel", "spatial"), "instance")

    def _run(_call: Call, x: Tensor) -> Tensor:
        axes = {"instance": range(1, x.dim()), "channel": [1], "spatial": range(2, x.dim())}[mode]
        return x * torch.rsqrt(x.square().sum(list(axes), keepdim=True) + eps)

    return _run


def _local_response(attributes: Attributes) -> Kernel:
    attributes.expects(1)
    size = attributes.integer("nsize", low=1, high=65_535)
    alpha, beta, k = attributes.real("alpha", 1e-4), attributes.real("beta", 0.75), attributes.real("knorm", 2.0)
    return lambda _call, x: functional.local_response_norm(x, size, alpha, beta, k)


def _softmax(function: str) -> Operator:
    def _build(attributes: Attributes) -> Kernel:
        axis = attributes.integer("axis", -1, low=-32, high=32)
        temperature = attributes.optional_real("temperature") or 1.0
        attributes.choice("dtype", ("None", "float16", "float32", "float64"), "None")
        masked = attributes.flag("use_length", False)
        attributes.expects(2 if masked else 1)
        if masked and function != "softmax":
            attributes.fail("its option 'use_length' is covered for softmax only")

        def _run(_call: Call, x: Tensor, lengths: Tensor | None = None) -> Tensor:
            x = (-x if function == "softmin" else x) / temperature
            if lengths is not None:
                return _masked_softmax(x, lengths, axis)
            return functional.log_softmax(x, axis) if function == "log_softmax" else functional.softmax(x, axis)

        return _run

    return Operator(_build)


def _masked_softmax(x: Tensor, lengths: Tensor, axis: int) -> Tensor:
    """Softmax over the first `lengths` entries of `axis`; 0 beyond. A length of 0 gives zeros."""
    place = _along_axis(torch.arange(x.shape[axis], device=x.device), x, axis)
    inside = place < whole(lengths).unsqueeze(axis)
    weights = functional.softmax(x.masked_fill(~inside, torch.finfo(x.dtype).min), axis)
    return weights.masked_fill(~inside, 0.0)


def _softmax_activation(attributes: Attributes) -> Kernel:
    attributes.expects(1)
    channel = attributes.choice("mode", ("instance", "channel"), "instance") == "channel"
    return lambda _call, x: functional.softmax(x, 1 if channel else -1)


def _softmax_output(attributes: Attributes) -> Kernel:
    attributes.expects(1)
    attributes.skip("grad_scale", "ignore_label", "use_ignore", "normalization", "out_grad", "smooth_alpha")
    channel, last = attributes.flag("multi_output", False), attributes.flag("preserve_shape", False)
    if channel or last:
        return lambda _call, x: functional.softmax(x, 1 if channel else -1)
    return lambda _call, x: functional.softmax(x.flatten(1), 1).reshape(x.shape)


def _loss_output(attributes: Attributes) -> Kernel:
    attributes.expects(1)
    attributes.skip("grad_scale", "margin", "regularization_coefficient", "use_linear", "valid_thresh", "normalization")
    logistic = attributes.node.op == "LogisticRegressionOutput"
    return lambda _call, x: torch.sigmoid(x) if logistic else x


def _dropout(attributes: Attributes) -> Kernel:
    attributes.expects(1)
    p = attributes.real("p", 0.5, low=0.0, high=1.0)
    always = attributes.choice("mode", ("training", "always"), "training") == "always"
    axes = attributes.shape("axes", ())

    def _run(call: Call, x: Tensor) -> Tensor:
        if p == 0.0 or not (call.training or always):
            return x
        if not axes:
            return functional.dropout(x, p, True)
        kept = [1 if i in axes else size for i, size in enumerate(x.shape)]  # one decision along each of `axes`
        return x * functional.dropout(torch.ones(kept, dtype=x.dtype, device=x.device), p, True)

    return _run


OPERATORS: dict[str, Operator] = {
    "BatchNorm": Operator(_batch_norm, statistics=(3, 4)),
    "_contrib_SyncBatchNorm": Operator(_batch_norm, statistics=(3, 4)),
    "LayerNorm": Operator(_layer_norm),
    "InstanceNorm": Operator(_instance_norm),
    "GroupNorm": Operator(_group_norm),
    "L2Normalization": Operator(_l2_normalization),
    "LRN": Operator(_local_response),
    "softmax": _softmax("softmax"),
    "log_softmax": _softmax("log_softmax"),
    "softmin": _softmax("softmin"),
    "SoftmaxActivation": Operator(_softmax_activation),
    "SoftmaxOutput": Operator(_softmax_output, labels=(1,)),
    "LogisticRegressionOutput": Operator(_loss_output, labels=(1,)),
    "LinearRegressionOutput": Operator(_loss_output, labels=(1,)),
    "MAERegressionOutput": Operator(_loss_output, labels=(1,)),
    "SVMOutput": Operator(_loss_output, labels=(1,)),
    "MakeLoss": Operator(_loss_output),
    "Dropout": Operator(_dropout),
}
