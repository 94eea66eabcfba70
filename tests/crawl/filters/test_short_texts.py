"""Texts that are too short for a detector to be sure of: by their script, and by comparison."""

import pytest

from tests.crawl.filters.test_filters import reason

ENGLISH = """A red crab on the beach;Sunset over the sea;Golden Gate Bridge at night;Team photo;Blue shirt;A man riding a horse;
Contact us;London skyline;Our products;Red shoes;Sunflower;Portrait of John Smith;Black cat;Chocolate chip cookies;
New York City;the quick brown fox;Nike running shoes for women;beautiful girl;coffee cup on table;
green field and blue sky;Baby elephant;Bus station;Happy family;wooden chair;old church in the village;
view from the hill;white bread with butter;two dogs in the snow;map of the world;flowers in a vase;a cup of tea;
bridge over the river;children playing football;painting of a woman;sea turtle swimming;night sky with stars"""
OTHERS = {
    "de": """Hafen am Abend;Frau mit Hut;Haus am See;Hund im Schnee;Karte der Welt;Blumen in einer Vase;eine Tasse Tee;
    Brücke über den Fluss;spielende Kinder;alte Kirche im Dorf;Blick vom Berg;Sonnenuntergang am Meer;Winter in Berlin;
    Hand in Hand;Band auf der Bühne;Test im Labor;warme Suppe;Bus in der Stadt;Park und Garten;Wind und Wasser""",
    "fr": """Le chat noir;voiture rouge;vue sur la mer;carte du monde;fleurs dans un vase;une tasse de thé;
    pont sur la rivière;enfants jouant;vieille église;chien dans la neige;table en bois;image de la ville;
    Portrait de femme;station de métro;jardin botanique;nature morte;restaurant au centre;sport national;grand hotel;
    place du village""",
    "es": """casa roja;mapa del mundo;flores en un vaso;una taza de té;puente sobre el río;niños jugando;
    perro en la nieve;mesa de madera;gato negro;iglesia antigua;hotel central;vista al mar;plaza mayor;animal salvaje;
    festival de musica;club de futbol;arte moderno;hospital general;color natural;fruta fresca""",
    "nl": """kaart van de wereld;bloemen in een vaas;een kop thee;brug over de rivier;spelende kinderen;
    hond in de sneeuw;houten tafel;zwarte kat;oude kerk;zicht op zee;water in het glas;de man in het huis;wind en water;
    warm bed;best hotel in de stad;boot op het water;winter in Holland;rode wijn;groen gras;blauwe lucht""",
    "it": """casa rossa;mappa del mondo;fiori in un vaso;una tazza di tè;ponte sul fiume;bambini che giocano;
    cane nella neve;tavolo di legno;gatto nero;chiesa antica;vista sul mare;hotel centrale;piazza grande;
    animale marino;pasta al forno;arte moderna;sport estremo;camera da letto;via principale;porto vecchio""",
    "pl": """czarny kot;mapa świata;stary kościół;dom nad rzeką;hotel w centrum;drewniany stół;pies na śniegu;
    kwiaty w wazonie;nowy most;plan miasta""",
    "no": """svart katt;kart over verden;gammel kirke;hus ved sjøen;bro over elven;hund i snøen;et glass vann;
    en kopp te;ny bil;barn som leker""",
    "sv": """svart katt;karta över världen;gammal kyrka;hus vid havet;bro över floden;hund i snön;ett glas vatten;
    en kopp te;ny bil;barn som leker""",
    "da": """sort kat;kort over verden;gammel kirke;hus ved havet;bro over floden;hund i sneen;et glas vand;en kop te;
    ny bil;børn der leger""",
}


def texts(several: str) -> list[str]:
    return [text.strip() for text in several.split(";")]


@pytest.mark.parametrize("page", OTHERS)
def test_most_short_english_texts_stay_on_pages_that_declare_another_language(page: str) -> None:
    found = texts(ENGLISH)
    assert sum(reason(text, page, min_text=1) is None for text in found) >= 0.8 * len(found)


def test_nine_in_ten_stay_and_none_of_the_declared_language() -> None:
    english = [reason(text, page, min_text=1) is None for page in OTHERS for text in texts(ENGLISH)]
    others = [text for page, several in OTHERS.items() for text in texts(several) if reason(text, page) is None]
    assert sum(english) >= 0.9 * len(english)
    assert not others


@pytest.mark.parametrize(
    "text",
    [
        "iPhone чехол",
        "Чехол для iPhone 13 Pro Max",
        "Samsung Galaxy S21 черный",
        "BMW X5 черный",
        "фото: Ivan Petrov",
        "Canon EOS объектив",
        "Bosch GSR дриль",
        "Nike Air Max παπούτσια",
    ],
)
@pytest.mark.parametrize("page", ["", "en", "ru"])
def test_a_text_of_another_script_with_names_in_latin_is_dropped(text: str, page: str) -> None:
    assert reason(text, page) == "language"


@pytest.mark.parametrize(
    "text",
    [
        "the Кремль in Moscow",
        "red square (красная площадь) at night",
        "Mount Fuji (富士山)",
        "Moscow Kremlin (Кремль)",
        "Sony α7",
        "5 μm",
    ],
)
@pytest.mark.parametrize("page", ["", "en"])
def test_a_latin_text_with_a_name_or_translation_in_another_script_stays(text: str, page: str) -> None:
    assert reason(text, page, min_text=1) is None


@pytest.mark.parametrize("text", ["Чехол для iPhone 13", "чехол", "Samsung Galaxy S21 черный"])
def test_they_stay_where_the_script_is_a_wanted_one(text: str) -> None:
    assert reason(text, "ru", languages=["ru", "en"]) is None
