"""A scikit-learn model as ONNX: exported and compared, its card checked, then run one row at a time.

card      what stands beside a model: features, versions, digest
export    scikit-learn to ONNX; refused unless both answer alike
model     loads and checks outside of the hot path, then answers one row

Only `export` needs scikit-learn; the engine's host needs onnxruntime alone.
"""
