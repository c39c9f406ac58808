"""Models as ONNX graphs, with a reader of texts next to them: what scores without headstart, torch or a compiler."""

from headstart.foreign.onnx.folder import check_place, export_onnx
