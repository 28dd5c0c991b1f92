"""The weights of VGG16: downloaded, read from any format they are published in, installed."""
