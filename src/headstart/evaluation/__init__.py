"""How good scores are, and how sure one may be. NumPy alone; no network and no file is known here.

`metric` says what a metric is: a value, and what each row moves it by. `binary`, `multiclass`, `multilabel`, `ordinal` and
`regression` have the metrics of a kind of target each, `figures` measures all of a kind. `draws` gives estimates,
differences and what is shown of several strategies for any metric, `picking` what is shown where the best of several was
picked, `label_curves` labels saved.
"""

from headstart.evaluation.binary import AUC, METRICS, auc, auc_interval, delong_test, evaluate_scores
from headstart.evaluation.metric import Metric, sigmoid

__all__ = ["AUC", "METRICS", "Metric", "auc", "auc_interval", "delong_test", "evaluate_scores", "sigmoid"]
