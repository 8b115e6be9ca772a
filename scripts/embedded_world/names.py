"""Proper names, made of two word lists each, with one pair in five kept back for the target domain.

A name is a pattern filled with word `i` of one list and word `j` of another. Pairs with `(i + j) % 5 == 0` are kept
back: `draw_name` never gives one as the name of a source thing.

That keeps a name of several words out of the source text, while each of its words is seen there. It does not keep out
every coined name of one word: the coined words inside `_MODEL` and `_SIGHT` are made of the same syllables and are not
filtered one by one, so that *Indale*, kept back as a name, comes up in "Indale 75". README.md counts how many do.
The shipped weights read this text, so it stays.
"""

import random
from dataclasses import dataclass

RESERVED_EVERY = 5


def _words(text: str) -> list[str]:
    return text.split()


ADJECTIVES = _words(
    "Golden Silver Blue Red Green White Black Old Little Royal Merry Hungry Quiet Happy Crooked Copper Painted Wild "
    "Sleepy Proud Salty Velvet Amber Jolly Lucky Hidden Northern Crimson Rusty Gentle"
)
THINGS = _words(
    "Lantern Anchor Fox Barrel Crown Swan Harp Kettle Ship Bell Oak Rose Eagle Lamb Mill Bridge Pear Fig Olive "
    "Pepper Lion Owl Sparrow Dragon Otter Wheel Moon Star Plough Tiger Cricket Castle Arms Rice Spoon Vine Garden "
    "Phoenix Salmon Bear Hare Thistle Maple Candle Feather Boat"
)
SURNAMES = _words(
    "Harper Bennett Marlow Fisher Clarke Dobson Whitby Ellis Turner Baker Morgan Holloway Quinn Ashton Pearce "
    "Rowley Sutton Gilbert Hanley Novak Rossi Moreau Tanaka Singh Chen Garcia Lindqvist Okafor Murphy Browne"
)
ROOMS = _words("Table Kitchen Corner Yard House Place Rooms Larder Cellar Terrace Hall Court")
TOWNS = _words(
    "Sicilia Verona Lisbon Avignon Kyoto Delhi Seville Adriatic Geneva Bruges Malta Havana Athens Lyon Bergen "
    "Dublin Cairo Oslo Porto Riga Naples Vienna"
)
SIGHTS = _words("Station Museum Hotel Theatre Market Library Park Cinema Square Church College Gallery")
FIRST_SYLLABLES = _words(
    "Al Bel Cor Dan El Fen Gar Hol In Jor Kel Lum Mar Nor Or Pal Quen Ros Sal Tor Ul Ven Wes Yar Zan Bra Cli Dre "
    "Fla Gri"
)
LAST_SYLLABLES = _words(
    "ano bury dale ford ham ico ley mere mond ora ston ton vale wick entum ista olo ette ington arra illo umi essa "
    "ander"
)
GIVEN = _words(
    "Anna Ben Clara David Emma Felix Grace Henry Ivy Jack Laura Mark Nina Oscar Paula Robert Sarah Tom Vera Will"
)


@dataclass(frozen=True)
class NamePattern:
    """Two word lists and the format that joins a word of each."""

    form: str
    left: tuple[str, ...]
    right: tuple[str, ...]

    def name(self, i: int, j: int) -> str:
        """Return the name of word `i` of the left list and word `j` of the right."""
        return self.form.format(self.left[i], self.right[j])


def _pattern(form: str, left: list[str], right: list[str]) -> NamePattern:
    return NamePattern(form, tuple(left), tuple(right))


_THE = _pattern("The {} {}", ADJECTIVES, THINGS)
_PAIR = _pattern("{} & {}", THINGS, THINGS)
_OWNED = _pattern("{}'s {}", SURNAMES, ROOMS)
_COINED = _pattern("{}{}", FIRST_SYLLABLES, LAST_SYLLABLES)
_CAFE = _pattern("{} {}", ["Café", "Bar", "Hotel", "Casa", "Villa"], TOWNS)
_TOWN = _pattern("{} {}", TOWNS, ROOMS)
_PLACE = _pattern("{} {}", ADJECTIVES, ROOMS)
_SIGHT = _pattern("{} {}", TOWNS + [a + b for a in FIRST_SYLLABLES[:12] for b in LAST_SYLLABLES[:8]], SIGHTS)
_PERSON = _pattern("{} {}", GIVEN, SURNAMES)
_TITLE = _pattern("The {} of the {}", THINGS, THINGS)
_MODEL = _pattern(
    "{} {}", [a + b for a in FIRST_SYLLABLES for b in LAST_SYLLABLES[:12]], [str(n) for n in range(2, 90)]
)

POOLS: dict[str, tuple[NamePattern, ...]] = {
    "house": (_THE, _THE, _PAIR, _OWNED, _COINED, _TOWN, _PLACE),
    "place": (_PLACE, _TOWN, _COINED),
    "near": (_THE, _CAFE, _SIGHT, _OWNED, _TOWN),
    "sight": (_SIGHT, _COINED, _TOWN),
    "town": (_COINED,),
    "person": (_PERSON,),
    "title": (_TITLE, _THE, _PAIR, _PLACE),
    "model": (_MODEL,),
}


def draw_name(pool: str, rng: random.Random) -> str:
    """Draw a name that is not kept back for the target domain as a whole; its first word alone may be one."""
    pattern = rng.choice(POOLS[pool])
    while True:
        i, j = rng.randrange(len(pattern.left)), rng.randrange(len(pattern.right))
        if not _is_reserved(i, j) and pattern.left[i] != pattern.right[j]:
            return pattern.name(i, j)


def reserved_names(pool: str) -> list[str]:
    """Every name of `pool` that is kept back for the target domain, in a fixed order, each once."""
    names = [
        pattern.name(i, j)
        for pattern in POOLS[pool]
        for i in range(len(pattern.left))
        for j in range(len(pattern.right))
        if _is_reserved(i, j) and pattern.left[i] != pattern.right[j]
    ]
    return list(dict.fromkeys(names))


def _is_reserved(i: int, j: int) -> bool:
    return (i + j) % RESERVED_EVERY == 0
