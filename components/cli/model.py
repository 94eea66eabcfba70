"""How commands ask for a model: all take the same locations and share one help text."""

# What `components.models.find.find_model` accepts. No imports here: `mofi --help` stays fast.
LOCATIONS = (
    "a model folder (of `mofi pretrain`, or a CLIP of transformers as MOFI was released), s3://BUCKET/PREFIX of one, "
    "models:/NAME@ALIAS of the registry, or NAME:TAG or NAME:FILE.safetensors of open_clip."
)
