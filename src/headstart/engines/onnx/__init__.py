"""Networks as ONNX graphs, and ONNX Runtime as an engine; `headstart.foreign.onnx` writes the same graphs to a folder."""

from headstart.engines.onnx.engine import OnnxEngine, open_network
