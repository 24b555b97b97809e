"""Trained students as ONNX files with all that has to be known of them, in a folder to take home; needs the extra `export`."""
