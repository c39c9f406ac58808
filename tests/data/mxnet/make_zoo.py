"""Writes ``zoo_*``: small untrained networks of Gluon's layers, exported and run by MXNet 1.9.1.

Not run by the tests. It needs an environment of its own: Python 3.11, ``pip install numpy==1.23.5 mxnet==1.9.1``.
For each network: the graph, its parameters as ``export`` and as ``save_parameters`` write them, and in
``.expected.npz`` the inputs (``in:``), all outputs in inference mode (``node:``), and the gradients (``grad:``) of
the sum of squares of the result in training mode, where the network has no dropout.
"""

import os
from pathlib import Path

os.environ["MXNET_SUBGRAPH_BACKEND"] = "NONE"
import mxnet as mx
import numpy as np
from mxnet import autograd, gluon
from mxnet.gluon import nn, rnn

HERE = Path(__file__).parent
ROWS, TOKENS, WORDS, SIZE = 5, 9, 20, 4
rng = np.random.RandomState(3)


class Net(gluon.HybridBlock):
    """A block whose layers are made in one method."""

    def __init__(self, prefix):
        super().__init__(prefix=prefix)
        with self.name_scope():
            self.embed = nn.Embedding(WORDS, SIZE)
            self.make()

    def make(self):
        """Make the layers."""


class Cells(Net):
    """Cells unrolled over six tokens, in both directions, and a residual one: hundreds of small nodes."""

    def make(self):
        self.both = rnn.BidirectionalCell(rnn.LSTMCell(3), rnn.LSTMCell(3))
        self.deep = rnn.HybridSequentialRNNCell()
        self.deep.add(rnn.GRUCell(6))
        self.deep.add(rnn.ResidualCell(rnn.GRUCell(6)))
        self.deep.add(rnn.RNNCell(2, activation="relu"))
        self.out = nn.Dense(1)

    def hybrid_forward(self, F, data):
        states, _ = self.both.unroll(6, self.embed(data), layout="NTC", merge_outputs=True)
        _, last = self.deep.unroll(6, states, layout="NTC", merge_outputs=False)
        return self.out(last[-1])


class TextCNN(Net):
    """Three widths side by side, then a gated layer."""

    def make(self):
        self.convs = nn.HybridSequential()
        for width in (2, 3, 5):
            self.convs.add(nn.Conv1D(3, width, padding=width // 2))
        self.pool, self.swish, self.selu = nn.GlobalMaxPool1D(), nn.Swish(), nn.SELU()
        self.hidden, self.out = nn.Dense(6, activation="softrelu"), nn.Dense(2)

    def hybrid_forward(self, F, data):
        x = self.embed(data).transpose((0, 2, 1))
        pooled = F.concat(*[self.pool(self.selu(conv(x))) for conv in self.convs], dim=1)
        hidden = self.hidden(F.flatten(pooled))
        gate, value = F.split(hidden, num_outputs=2, axis=1)
        return F.log_softmax(self.out(F.sigmoid(gate) * self.swish(value)))


class Attention(Net):
    """Self-attention over the true tokens, with positions, layer norm, and a mean that heeds lengths."""

    def make(self):
        self.q, self.k, self.v = (nn.Dense(SIZE, flatten=False, use_bias=bias) for bias in (True, False, True))
        self.norm, self.gelu = nn.LayerNorm(epsilon=1e-4), nn.GELU()
        self.feed, self.out = nn.Dense(SIZE, flatten=False), nn.Dense(1)

    def hybrid_forward(self, F, data0, data1):
        x = self.embed(data0)
        place = F.contrib.arange_like(data0, axis=1).expand_dims(0)
        inside = F.broadcast_lesser(place, data1.expand_dims(1))
        x = F.broadcast_add(x, F.sin(place * 0.5).expand_dims(-1))
        scores = F.batch_dot(self.q(x), self.k(x), transpose_b=True) / SIZE**0.5
        scores = F.where(F.broadcast_like(inside.expand_dims(1), scores), scores, F.ones_like(scores) * -1e9)
        x = self.norm(x + F.batch_dot(F.softmax(scores), self.v(x)))
        x = F.SequenceMask(self.gelu(self.feed(x)), data1, use_sequence_length=True, axis=1)
        return self.out(F.broadcast_div(F.sum(x, axis=1), data1.expand_dims(1))).tanh()


class Picture(Net):
    """Two-dimensional layers over a text of exactly eight tokens."""

    def make(self):
        self.conv, self.group, self.prelu = nn.Conv2D(4, (3, 2), padding=(1, 1)), nn.GroupNorm(2), nn.PReLU()
        self.up, self.instance = nn.Conv2DTranspose(3, 2, strides=(2, 1)), nn.InstanceNorm()
        self.pool, self.pad = nn.AvgPool2D((2, 2), ceil_mode=True, count_include_pad=False), nn.ReflectionPad2D(1)
        self.batch, self.elu, self.out = nn.BatchNorm(scale=False), nn.ELU(0.7), nn.Dense(1)

    def hybrid_forward(self, F, data):
        x = self.prelu(self.group(self.conv(self.embed(data).expand_dims(1))))
        x = self.elu(self.batch(self.pool(self.pad(self.instance(self.up(x))))))
        return self.out(F.L2Normalization(F.Reshape(x, shape=(0, -3, -2)), mode="channel"))


class Stacked(Net):
    """Two recurrent layers of the plain kind, both directions, read from the end by way of a reversal."""

    def make(self):
        self.rnn = rnn.RNN(3, num_layers=2, activation="tanh", layout="NTC", bidirectional=True)
        self.batch, self.out = nn.BatchNorm(axis=2, momentum=0.7), nn.Dense(1, activation="sigmoid")

    def hybrid_forward(self, F, data0, data1):
        states = self.batch(self.rnn(self.embed(data0))).swapaxes(0, 1)
        turned = F.SequenceReverse(states, data1, use_sequence_length=True)
        first = F.slice_axis(turned, axis=0, begin=0, end=1).squeeze(axis=0)
        most = F.max(F.SequenceMask(states, data1, use_sequence_length=True, value=-5), axis=0)
        return self.out(F.stack(first, most, axis=1))


class TimeMajor(Net):
    """Tokens before rows, as gluonnlp has them."""

    def make(self):
        self.lstm, self.out = rnn.LSTM(3, bidirectional=True), nn.Dense(1)

    def hybrid_forward(self, F, data0, data1):
        return self.out(F.SequenceLast(self.lstm(self.embed(data0)), data1, use_sequence_length=True))


def inputs_of(name, n_tokens):
    ids = rng.randint(0, WORDS, (ROWS, n_tokens)).astype("float32")
    lengths = rng.randint(1, n_tokens + 1, ROWS).astype("float32")
    lengths[0] = n_tokens
    ids[np.arange(n_tokens) >= lengths[:, None]] = 0
    return (ids.T.copy() if name == "timemajor" else ids), lengths


def numbered(names):
    """Yield the place and name of each output; of several that share a name the second is NAME#2, as we call it."""
    seen = {}
    for place, name in enumerate(names):
        seen[name] = seen.get(name, 0) + 1
        if "_output" in name:
            yield place, name if seen[name] == 1 else f"{name}#{seen[name]}"


def write(name, net, n_inputs, n_tokens, half=False):
    prefix = HERE / f"zoo_{name}"
    net.initialize(mx.init.Uniform(0.6))
    values = [mx.nd.array(value) for value in inputs_of(name, n_tokens)[:n_inputs]]
    net.hybridize()
    net(*values)
    for parameter in net.collect_params().values():  # norms off their first values, so that mixing them up shows
        if parameter.name.endswith(("gamma", "beta", "mean", "var")):
            parameter.set_data(mx.nd.random.uniform(0.5, 1.5, parameter.shape))
    if half:
        write_half(prefix, net, values)
        return
    net.export(str(prefix))
    net.save_parameters(f"{prefix}.gluon.params")
    names = ["data"] if n_inputs == 1 else ["data0", "data1"]
    found = {f"in:{key}": value.asnumpy() for key, value in zip(names, values, strict=False)}
    inner = mx.sym.load(f"{prefix}-symbol.json").get_internals()
    listed = list(numbered(inner.list_outputs()))
    listed = listed if len(listed) < 60 else [*listed[:-1:12], listed[-1]]
    group = mx.sym.Group([inner[place] for place, _ in listed])
    block = gluon.SymbolBlock(group, [mx.sym.var(key) for key in names])
    block.collect_params().load(f"{prefix}-0000.params", ignore_extra=True)
    outputs = block(*values)
    found.update({f"node:{key}": value.asnumpy() for (_, key), value in zip(listed, outputs, strict=True)})
    with autograd.record():
        total = (net(*values) ** 2).sum()
    total.backward()
    found.update({f"grad:{p.name}": p.grad().asnumpy() for p in net.collect_params().values() if p.grad_req != "null"})
    np.savez_compressed(f"{prefix}.expected.npz", **found)
    print(name, len(listed), "outputs")


def write_half(prefix, net, values):
    """Parameters in float16. MXNet has no such arithmetic on a CPU: the outputs are those of the same values in float32."""
    for parameter in net.collect_params().values():
        parameter.set_data(parameter.data().astype("float16").astype("float32"))
    result = net(*values).asnumpy()
    net.export(str(prefix))
    halves = {key: value.astype("float16") for key, value in mx.nd.load(f"{prefix}-0000.params").items()}
    mx.nd.save(f"{prefix}-0000.params", halves)
    last = mx.sym.load(f"{prefix}-symbol.json").list_outputs()[0]
    np.savez_compressed(f"{prefix}.expected.npz", **{"in:data": values[0].asnumpy(), f"node:{last}": result})


def write_checkpoint():
    """A network of the older Module interface, which ends in a loss and wants labels."""
    data, table = mx.sym.Variable("data"), mx.sym.Variable("embed_weight")
    x = mx.sym.mean(mx.sym.Embedding(data, table, input_dim=WORDS, output_dim=SIZE, name="embed"), axis=1)
    x = mx.sym.BatchNorm(mx.sym.FullyConnected(x, num_hidden=3, name="fc1"), name="bn1")
    net = mx.sym.SoftmaxOutput(mx.sym.FullyConnected(mx.sym.relu(x), num_hidden=2, name="fc2"), name="softmax")
    ids, _ = inputs_of("checkpoint", TOKENS)
    module = mx.mod.Module(net, label_names=["softmax_label"])
    module.bind([("data", ids.shape)], [("softmax_label", (ROWS,))])
    module.init_params(mx.init.Uniform(0.6))
    module.save_checkpoint(str(HERE / "zoo_checkpoint"), 7)
    batch = mx.io.DataBatch([mx.nd.array(ids)], [mx.nd.zeros(ROWS)])
    module.forward(batch, is_train=False)
    result = module.get_outputs()[0].asnumpy()
    np.savez_compressed(HERE / "zoo_checkpoint.expected.npz", **{"in:data": ids, "node:softmax_output": result})


if __name__ == "__main__":
    mx.random.seed(1)
    write("cells", Cells("cells_"), 1, 6)
    write("textcnn", TextCNN("textcnn_"), 1, TOKENS)
    write("attention", Attention("attention_"), 2, TOKENS)
    write("picture", Picture("picture_"), 1, 8)
    write("stacked", Stacked("stacked_"), 2, TOKENS)
    write("timemajor", TimeMajor("timemajor_"), 2, TOKENS)
    write("half", TextCNN("half_"), 1, TOKENS, half=True)
    write_checkpoint()
