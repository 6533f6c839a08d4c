"""A tiny ONNX model, for the page on own models: audio (n, n_samples) to 24 numbers every 25 ms, (n, n_frames, 24)."""

import numpy as np


def write(path):
    """Write the model to a file; needs the package `onnx`."""
    from onnx import TensorProto, checker, helper, numpy_helper, save

    kernels = np.random.default_rng(0).normal(size=(24, 1, 400)).astype(np.float32) / 20
    nodes = [
        helper.make_node("Unsqueeze", ["audio", "axis"], ["channel"]),
        helper.make_node("Conv", ["channel", "kernels"], ["filtered"], strides=[400]),
        helper.make_node("Abs", ["filtered"], ["energies"]),
        helper.make_node("Transpose", ["energies"], ["frames"], perm=[0, 2, 1]),
    ]
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info("audio", TensorProto.FLOAT, ["n", "n_samples"])],
        [helper.make_tensor_value_info("frames", TensorProto.FLOAT, ["n", "n_frames", 24])],
        [numpy_helper.from_array(kernels, "kernels"), numpy_helper.from_array(np.array([1], np.int64), "axis")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    checker.check_model(model)
    save(model, path)
