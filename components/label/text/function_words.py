"""English words that name nothing in a picture. Names may still contain them."""

_CLOSED_CLASSES = """
a an the this that these those some any each every its his her their our your my it he she they we you i
of in on at by for from to with into onto over under between through during about against as like
and or but nor so than if while when which who whose what where
is are was were be been being am has have had do does did can could will would shall should may might must
"""
_PICTURES = """
image images img photo photos photograph photography picture pictures pic icon icons logo logos illustration drawing
sketch graphic graphics clipart thumbnail screenshot banner avatar closeup untitled placeholder spacer
"""

# Articles, pronouns, prepositions, conjunctions, auxiliaries: they join other words.
FUNCTION_WORDS = frozenset(_CLOSED_CLASSES.split())
# What follows one of these is not in the picture.
NEGATIONS = frozenset({"no", "not", "non", "without", "never"})
# Words for the picture itself: "photo of a crab" is about the crab, a bare "photo" about nothing.
PICTURE_WORDS = frozenset(_PICTURES.split())
