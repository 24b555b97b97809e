"""What travels with exported students: predictions for a folder of pictures, with ONNX Runtime, NumPy and Pillow alone.

Nothing else of the project is imported here, because `predict.pyz` holds these modules and nothing more.
"""
