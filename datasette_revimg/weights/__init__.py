"""The networks' weights: what exists, how they are read, and how they become ONNX graphs."""
