"""Dense, batch normalisation, activation, dropout: the block that towers are made of."""

from __future__ import annotations

from torch import Tensor, nn

from headstart.errors import unknown_name

ACTIVATIONS: dict[str, type[nn.Module]] = {
    "relu": nn.ReLU,
    "tanh": nn.Tanh,
    "gelu": nn.GELU,
    "silu": nn.SiLU,
    "leaky-relu": nn.LeakyReLU,
    "elu": nn.ELU,
}


class DenseBlock(nn.Module):
    """Dense -> batch normalisation -> activation -> dropout.

    Args:
        n_inputs: size of what comes in.
        n_outputs: size of what goes out.
        activation: a name from `ACTIVATIONS`.
        dropout: share of the outputs set to zero in training.
        batch_norm: whether to normalise over the batch.
    """

    def __init__(
        self, n_inputs: int, n_outputs: int, *, activation: str = "relu", dropout: float = 0.0, batch_norm: bool = True
    ) -> None:
        super().__init__()
        if activation not in ACTIVATIONS:
            raise unknown_name("activation", activation, ACTIVATIONS)
        self.linear = nn.Linear(n_inputs, n_outputs)
        self.norm = nn.BatchNorm1d(n_outputs) if batch_norm else nn.Identity()
        self.activation = ACTIVATIONS[activation]()
        self.dropout = nn.Dropout(dropout)

    def forward(self, values: Tensor) -> Tensor:
        """Map [rows, n_inputs] to [rows, n_outputs]."""
        output: Tensor = self.dropout(self.activation(self.norm(self.linear(values))))
        return output


def xavier(net: nn.Module) -> None:
    """Draw every weight matrix from Xavier's uniform distribution and set every bias to zero.

    Source: Glorot and Bengio, "Understanding the difficulty of training deep feedforward neural
    networks", AISTATS 2010. The gates of a recurrent matrix are drawn as one matrix, as Gluon does.
    """
    for name, parameter in net.named_parameters():
        if parameter.dim() >= 2:
            nn.init.xavier_uniform_(parameter)
        elif "bias" in name:
            nn.init.zeros_(parameter)
