"""How the command line asks for a model: every command takes the same locations and says so in the same words."""

# What `components.models.find.find_model` finds; this file imports nothing, so that `mofi --help` stays quick.
LOCATIONS = (
    "a model folder (of `mofi pretrain`, or a CLIP of transformers as MOFI was released), s3://BUCKET/PREFIX of one, "
    "models:/NAME@ALIAS of the registry, or NAME:TAG or NAME:FILE.safetensors of open_clip."
)
