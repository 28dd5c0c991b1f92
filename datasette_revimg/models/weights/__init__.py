"""Weights of VGG16: fetched, read from any format they are published in, installed."""
