"""Reports: figures, maps and pages from plain rows and arrays. Nothing here imports torch.

Figures are `Figure` objects: ``save`` writes PNG, PDF or SVG, a `Page` shows them with hovering::

    figure = learning_curves(history)
    figure.save("curves.png")
    Page("My run").section("Training").figure(figure).write("report.html")
"""

from headstart.report.chart import Chart, Figure
from headstart.report.maps import neighbour_vote_auc, tsne
from headstart.report.page import Page
from headstart.report.run import run_report
from headstart.report.scores import calibration_curve, score_separation
from headstart.report.strategies import LabelsSaved, strategy_curves, strategy_table, summarise
from headstart.report.tables import Estimate
from headstart.report.training import layer_auc, learning_curves
from headstart.report.wordmap import MapFigure, map_figure

__all__ = [
    "Chart",
    "Estimate",
    "Figure",
    "LabelsSaved",
    "MapFigure",
    "Page",
    "calibration_curve",
    "layer_auc",
    "learning_curves",
    "map_figure",
    "neighbour_vote_auc",
    "run_report",
    "score_separation",
    "strategy_curves",
    "strategy_table",
    "summarise",
    "tsne",
]
