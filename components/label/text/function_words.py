"""English words that name nothing in a picture. Names may still contain them."""

_CLOSED_CLASSES = """
a an the this that these those some any each every its his her their our your my it he she they we you i
of in on at by for from to with into onto over under between through during about against as like
and or but nor so than if while when which who whose what where
is are was were be been being am has have had do does did can could will would shall should may might must
"""
_PICTURES = """
image images img photo photos photograph photography picture pictures pic pics icon icons logo logos illustration
illustrations drawing sketch graphic graphics clipart thumbnail screenshot banner avatar closeup video wallpaper
untitled placeholder spacer http https www html jpg
"""
# Two words for the picture, or for the terms on which an agency sells it.
_PICTURE_PAIRS = """
close up,royalty free,stock photo,stock photos,stock image,stock images,stock picture,stock pictures,stock photography,
stock vector,stock illustration,stock illustrations,stock footage,stock video,vector illustration,vector illustrations,
vector image,vector images,vector icon,vector logo,vector graphic,vector graphics,vector art,clip art,high resolution
"""
_VIEWS = "view views shot shots macro portrait portraits snapshot up"
# What follows one of these after a name is where, when or for whom the named thing is, and no part
# of it: "crab on a plate". In "cat with wry smile" and "cup of tea" it is a part.
_CIRCUMSTANCES = """
in on at by for from into onto over under between through during against before after behind beside near inside
outside above below around along across among within while when where
"""
# Participles without "ed": "crab seen from the side".
_PARTICIPLES = """
seen shown taken made drawn worn held hung set built left caught found kept lit put cut frozen grown hidden written
"""

# Nouns that end as participles do: "crab building on a hill" is a building.
_NOUNS = """
building buildings painting drawing clothing ceiling wedding pudding stocking earring railing string spring swing sling
sibling duckling gosling herring sterling morning evening lightning meeting parking dwelling landing crossing steed moped
hundred breed
"""
# What stands between the words of a phrase: "black and white photo", "a side view".
_WITHIN = "a an the and or"
_MONTHS = """
january february march april may june july august september october november december
jan feb mar apr jun jul aug sep sept oct nov dec
"""

# Articles, pronouns, prepositions, conjunctions, auxiliaries: they join other words.
FUNCTION_WORDS = frozenset(_CLOSED_CLASSES.split())
# What follows one of these is not in the picture.
NEGATIONS = frozenset({"no", "not", "non", "without", "never"})
# Words for the picture itself: "photo of a crab" is about the crab, a bare "photo" about nothing.
PICTURE_WORDS = frozenset(_PICTURES.split())
PICTURE_PAIRS = frozenset(tuple(pair.split()) for pair in _PICTURE_PAIRS.split(","))
# Before "of" these are the picture, too: "side view of a crab".
VIEWS = PICTURE_WORDS | frozenset(_VIEWS.split())
CIRCUMSTANCES = frozenset(_CIRCUMSTANCES.split())
# Before these a phrase has ended: in "hotel with a view of the sea" the hotel is not the picture.
PHRASE_STARTS = FUNCTION_WORDS - frozenset(_WITHIN.split())
MONTHS = frozenset(_MONTHS.split())
_IRREGULAR, _NEVER = frozenset(_PARTICIPLES.split()), frozenset(_NOUNS.split())
_SHORTEST_PARTICIPLE = 5


def is_participle(word: str) -> bool:
    """Whether a word may be a participle, with which a circumstance may begin."""
    regular = len(word) >= _SHORTEST_PARTICIPLE and word.endswith(("ing", "ed"))
    return word in _IRREGULAR or (regular and word not in _NEVER)
