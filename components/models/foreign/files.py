"""The files that a model may consist of: no others are copied from a bucket or the registry."""

# As they are: text and protocol buffers. Vocabularies that are pickles are none of them.
VOCABULARIES = frozenset(
    {
        "tokenizer.json",
        "vocab.json",
        "vocab.txt",
        "merges.txt",
        "bpe.codes",
        "dict.txt",
        "spiece.model",
        "spm.model",
        "sentencepiece.model",
        "sentencepiece.bpe.model",
        "tokenizer.model",
    }
)
_CONFIGS = (
    "open_clip_config.json",
    "mofi.json",
    "classes.json",
    "config.json",
    "preprocessor_config.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
)
# Patterns of names directly in the folder.
MODEL_FILES = ("*.safetensors", *_CONFIGS, *sorted(VOCABULARIES))
