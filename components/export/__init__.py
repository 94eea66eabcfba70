"""Ways out: a finished model as a folder of Hugging Face `transformers`, or as ONNX files."""
