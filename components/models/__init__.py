"""What a model is: towers, configs, weights, tokenizer, preprocessing, encoder. No training."""
