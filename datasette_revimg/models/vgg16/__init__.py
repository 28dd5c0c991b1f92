"""VGG16: its architecture, its graph in ONNX, its R-MAC vectors."""
