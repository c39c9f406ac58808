"""Training: `Trainer`, its phases, losses, optimizers and checkpoints."""

from headstart.train.losses import LOSSES, Loss, loss_function
from headstart.train.schedule import OPTIMIZERS, SCHEDULES, Phase
from headstart.train.trainer import Event, Trainer

__all__ = [
    "LOSSES",
    "OPTIMIZERS",
    "SCHEDULES",
    "Event",
    "Loss",
    "Phase",
    "Trainer",
    "loss_function",
]
