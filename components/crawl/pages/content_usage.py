"""Usage preferences: AIPREF's `Content-Usage` and the older `Content-Signal`."""

import re

from components.crawl.pages.agent_name import plain

# What this project does with pictures and texts: automated processing, text and data mining, and
# the training of models. The names are those of all drafts so far.
_OURS = frozenset(("ai", "all", "automated", "bots", "foundation", "genai", "ml", "tdm", "train", "training"))
_NO = frozenset(("n", "no", "0", "false", "f", "off", "deny", "disallow", "none"))
_YES = frozenset(("y", "yes", "1", "true", "t", "on", "allow"))
_PREFERENCE = re.compile(r"(?<![a-z0-9_-])([a-z0-9_-]+) ?[=:] ?[^a-z0-9,;=: ]?([a-z0-9]+)")


def training_preference(value: str) -> bool | None:
    """Whether content may be mined or trained on; None if the value does not say.

    `train-ai=n` (draft-ietf-aipref-vocab) and `ai-train=no` forbid it, whatever else may be said;
    `search=n` does not concern it.
    """
    answers = {
        answer
        for name, answer in _PREFERENCE.findall(plain(value))
        if "train" in name or not _OURS.isdisjoint(re.split("[_-]", name))
    }
    if not answers.isdisjoint(_NO):
        return False
    return None if answers.isdisjoint(_YES) else True
