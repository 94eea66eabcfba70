"""What a model is: towers and their configs, weights, tokenizer, preprocessing, encoder. No training code."""
