"""What happens in the world: twelve kinds of local event, and the sentences in which a newspaper tells of them.

One kind is one text:

    kind closure: hotel, museum, shop
    years = 12 | 20 | 35
    event: {S} will close its doors on {day}      the news itself, without its cause
    detail: ...                                   facts that a summary needs; every detail line gives one sentence
    cause rent: the rent has gone up twice        one cause is drawn; its sentence stands after the event
    quote: we are sorry for our guests            what a person of the story says
    before: {O} had to close its doors            what happened to another thing at another time

`{S}` is the thing that it happens to and `{O}` another one, by name or, once known, as "the hotel"; `{thing}` is the
noun of `{S}`. Other sites are the kind's own values, or `{town} {person} {day}`, which every story has. `| ` parts
wordings. Summaries are not here but in `xsum`, out of the reach of whatever is pre-trained on articles.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from embedded_world.pretraining import SOURCE_DOMAINS
from embedded_world.world import Domain

LINES = ("event", "quote", "before")


@dataclass(frozen=True, eq=False)
class Kind:
    """A kind of event: the things it happens to, its values, and its sentences.

    Attributes:
        name: E.g. `closure`.
        things: Nouns, keys of `THINGS`.
        values: Value name -> closed values, or one `@pool`.
        lines: `event`, `quote`, `before` -> wordings.
        details: Wordings of each detail.
        causes: Cause -> wordings.
    """

    name: str
    things: tuple[str, ...]
    values: Mapping[str, tuple[str, ...]]
    lines: Mapping[str, tuple[str, ...]]
    details: tuple[tuple[str, ...], ...]
    causes: Mapping[str, tuple[str, ...]]


def parse_kind(text: str) -> Kind:
    """Read one kind from the notation in this module's docstring.

    Raises:
        ValueError: A line is not in the notation, or event, quote, before or cause is missing.
    """
    header, *rows = (row.strip() for row in text.strip().splitlines())
    name, _, things = header.removeprefix("kind ").partition(": ")
    values: dict[str, tuple[str, ...]] = {}
    lines: dict[str, tuple[str, ...]] = {}
    details: list[tuple[str, ...]] = []
    causes: dict[str, tuple[str, ...]] = {}
    for row in rows:
        left, mark, right = row.partition(": ")
        value, is_value, listed = row.partition(" = ")
        if is_value:
            values[value] = _split(listed)
        elif mark and left in LINES:
            lines[left] = _split(right)
        elif mark and left == "detail":
            details.append(_split(right))
        elif mark and left.startswith("cause "):
            causes[left.removeprefix("cause ")] = _split(right)
        else:
            raise ValueError(f"expected a value, event, detail, cause, quote or before, found {row!r}")
    missing = [line for line in LINES if line not in lines] + ([] if causes else ["cause"])
    if missing:
        raise ValueError(f"expected event, quote, before and cause, found no {missing[0]} in kind {name!r}")
    return Kind(name, tuple(things.split(", ")), values, lines, tuple(details), causes)


def _split(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split("|"))


_DOMAINS = {domain.name: domain for domain in SOURCE_DOMAINS}
#: Noun -> the source domain whose phrases describe such a thing, and the pool of its names.
THINGS: Mapping[str, tuple[Domain, str]] = MappingProxyType(
    {
        "hotel": (_DOMAINS["hotel"], "house"),
        "guest house": (_DOMAINS["hotel"], "house"),
        "museum": (_DOMAINS["museum"], "sight"),
        "theatre": (_DOMAINS["museum"], "sight"),
        "garden": (_DOMAINS["garden"], "place"),
        "park": (_DOMAINS["garden"], "place"),
        "club": (_DOMAINS["club"], "place"),
        "team": (_DOMAINS["club"], "place"),
        "shop": (_DOMAINS["shop"], "house"),
        "bakery": (_DOMAINS["shop"], "house"),
        "bookshop": (_DOMAINS["shop"], "house"),
        "train": (_DOMAINS["train"], "title"),
        "ferry": (_DOMAINS["train"], "title"),
        "bus": (_DOMAINS["train"], "title"),
        "film": (_DOMAINS["film"], "title"),
        "book": (_DOMAINS["book"], "title"),
        "company": (_DOMAINS["caterer"], "house"),
    }
)

CLOSURE = """
kind closure: hotel, guest house, museum, theatre, shop, bakery, bookshop
years = 12 | 20 | 35 | 60
event: {S} will close its doors on {day} | on {day}, {S} will open for the last time | {S} has told its workers that \
{day} is its last day
detail: {S} has been in {town} for {years} years | for {years} years {S} has been a part of {town}
cause rent: the rent has gone up twice this year | the owner of the house asks for twice the rent
cause visitors: on most days only two or three people come in | the rooms have been nearly empty since the summer
cause age: {person}, who runs {S}, is over 60 and wants to stop working | \
{person} has run {S} alone and now wants to rest
cause roof: rain comes in through the roof | the roof is so old that nobody should stand under it
quote: we did what we could | thanks to everybody who came to see us | it is a day which nobody wanted
before: {O} had to close its doors | {O} was shut for good | {O} was in danger of being shut
"""

OPENING = """
kind opening: hotel, guest house, museum, theatre, shop, bakery, bookshop
jobs = 8 | 15 | 25 | 40
event: {S} will open its doors on {day} | the doors of {S} will be open for the first time on {day} | on {day} {S} \
will welcome its first guests
detail: {S} will be the first {thing} of its kind in {town} | many people in {town} have waited for such a {thing}
detail: {jobs} people from the town will work there | {jobs} workers have been hired
cause mill: {S} stands where the old mill was | the house was once a mill
cause station: {S} stands where the old station was | the house was once a station
cause church: {S} stands where the old church was | the house was once a church
cause school: {S} stands where the old school was | the house was once a school
quote: we cannot wait to see our first guests | it took us three years to get here | there is something for everybody
before: {O} opened its doors | {O} brought new jobs to the old town
"""

DEARER = """
kind dearer: museum, theatre, garden, park, train, ferry, bus
old = £3 | £4 | £5
new = £6 | £8 | £9 | £12
event: a ticket for {S} will cost {new} from {day} | from {day}, {S} will ask {new} for a ticket
detail: until now a ticket was {old} | people have paid {old} so far
detail: {S} belongs to the town of {town} | it is the town of {town} that runs {S}
cause wages: the town has to pay higher wages to the workers | there is not enough money for the wages of the workers
cause light: it costs more and more to light {S} | the light at {S} is twice as expensive as last year
cause seats: new seats will have to be paid for | the old seats need work that costs a lot
quote: visitors have asked us about it | nobody likes to pay more, but life has become expensive | \
I will not come as often
before: {O} asked for more money than expected | tickets for {O} went up by £2
"""

CHEAPER = """
kind cheaper: museum, theatre, garden, park, train, ferry, bus
old = £6 | £8 | £9 | £12
new = £3 | £4 | £5
event: a ticket for {S} will cost {new} from {day} | from {day}, {S} will ask {new} for a ticket
detail: until now a ticket was {old} | people have paid {old} so far
detail: {S} belongs to the town of {town} | it is the town of {town} that runs {S}
cause families: the town wants more families to come | parents with two or three children could not pay for a visit
cause visitors: there were too many empty seats last year | not enough people have come since the winter
cause gift: {person} has given the town a large sum for {S} | the money comes from {person}, who is a friend of the town
quote: we want everybody to come | visitors have asked us for this | I will bring my children every week
before: {O} could not sell its tickets | tickets for {O} came down by £2
"""

MATCH = """
kind match: team, club
sport = football | tennis | cricket | chess | rowing
score = 2-1 | 3-0 | 3-2 | 4-1 | 5-3
rival = @place
ground = @sight
event: {S} won {score} against {rival} on {day} | {rival} lost {score} to {S} on {day}
detail: the match took place at {ground} | {ground} was full to the last seat for the match
detail: {person} won the last points of the day | {person} made the difference in the last minutes
detail: both teams have played {sport} for many years | more and more people in {town} play {sport}
cause final: {S} will now play in the final | it takes {S} to the final of the year
cause league: that is enough for {S} to win the league | nobody can take the league from {S} now
cause stay: with these points {S} can stay in the first league | without the points {S} had to leave the first league
quote: it makes me happy to see them play | nobody expected us to do this | the other team was strong today
before: {O} beat a team from the coast | {O} lost a match at home
"""

PRIZE = """
kind prize: book, film
money = £500 | £2000 | £5000 | £10000
second = @person
event: {person} has been given the {town} prize for {S} | the {town} prize goes to {person} for {S}
detail: the prize comes with {money} | with the prize come {money}
detail: {second} was second | second place went to {second}
cause sea: the {thing} tells of a family by the sea | {S} is the story of a family by the sea
cause town: the {thing} tells of a town in winter | {S} is the story of a town in winter
cause cook: the {thing} tells of a young cook | {S} is the story of a young cook
cause friends: the {thing} tells of two old friends | {S} is the story of two old friends
quote: I did not expect this at all | it took me five years to make it | thanks to my parents, who helped me
before: {O} was given a prize by the press | the prize of the year went to {O}
"""

CANCELLED = """
kind cancelled: train, bus
end = @town
event: {S} will not run before {day} | there will be no service on {S} until {day}
detail: {S} goes from {town} to {end} every hour | {S} is the fast connection between {town} and {end}
cause snow: there is too much snow on the way | snow has fallen for three days
cause tree: a large tree has fallen across the way | it is a large tree that lies across the way
cause drivers: the drivers do not work because they want higher wages | the drivers have stopped work to ask for \
higher wages
cause bridge: the bridge by the river is not safe any more | workers have found that the bridge by the river is not safe
quote: I have waited here since six | travellers have to find another way | we are doing what we can
before: {O} was in trouble because of snow | people had to do without {O} for a week
"""

FESTIVAL = """
kind festival: garden, park
theme = music | food | dance | wine | art
number = 900 | 2000 | 5000 | 8000
expected = 500 | 700
event: the {theme} festival at {S} came to an end on {day} | on {day} the {theme} festival at {S} was over
detail: the festival was visited by {number} people | {number} tickets were sold for the festival
detail: the town of {town} had planned for {expected} visitors | in {town} they had hoped for {expected} visitors
cause sun: the sun was out all week | it was warm and dry all week
cause free: children did not have to pay | children got in for free
cause star: {person} came to sing | the songs of {person} could be heard across the town
quote: we will do it again next year | I have never seen so many people here | my feet hurt, but I am happy
before: bad weather put an end to a festival at {O} | there was a small festival at {O}
"""

HEAD = """
kind head: museum, theatre, hotel, club, team
former = @person
years = 4 | 7 | 11 | 15
event: {person} will be the new head of {S} from {day} | from {day}, {S} will have {person} as its head
detail: {former} was at the head of {S} for {years} years | {S} was run by {former} for {years} years
detail: {S} is one of the best known in {town} | everybody in {town} knows {S}
cause rest: {former} wants to have more time for the family | {former} had asked for more time at home
cause abroad: {former} has found work in Japan | Japan is where {former} will work from now on
cause quarrel: {former} and the town could not agree on money | there were hard words between {former} and the town \
about money
quote: one leaves and another one comes | we are happy to have found somebody so good | I will listen before I speak
before: {O} was led by three different people | {O} found a new head
"""

JOBS = """
kind jobs: company, hotel, bakery
number = 20 | 45 | 80 | 120
left = 30 | 60 | 150
event: {number} people will lose their work at {S} | {S} will let {number} of its workers go
detail: the others, {left} in all, can stay | there will be {left} workers left
detail: the last day for them is {day} | they have to leave by {day}
detail: {S} has its home in {town} | the house of {S} can be seen from everywhere in {town}
cause machine: a new machine will do their work | what they do will be done by a machine
cause orders: customers order less than they did | there are too few orders from customers
cause move: a part of the business goes to Italy | Italy is where their work will be done
quote: I have two children and a house to pay | we did not see this coming | it was this or the end of the business
before: {O} hired ten workers | there were more cuts than jobs at {O}
"""

SALE = """
kind sale: hotel, guest house, theatre, shop, bookshop
sum = £90000 | £200000 | £300000 | £750000
buyer = @person
event: {S} has been sold to {buyer} | {buyer} is the new owner of {S}
detail: the price was {sum} | {sum} were paid for {S}
detail: {S} is one of the oldest houses of {town} | in {town} {S} is known as the old house on the corner
cause flats: there will be flats in the house for families | families will live in the house once there are flats in it
cause school: there will be a school of music in the house | children will learn music in the house
cause restaurant: there will be a restaurant in the house | people will eat where now there are empty rooms
cause same: nothing will change for the guests or the workers | the workers can stay and so can the name
quote: I fell in love with it as a child | we are glad that it is in good hands | it needs a lot of work
before: a family bought {O} | nobody knew what {O} would turn into
"""

FIRE = """
kind fire: hotel, guest house, theatre, museum, bakery
number = 12 | 30 | 45 | 70
hour = one | two | three | four
event: there was a fire at {S} on {day} | on {day} a fire broke out at {S}
detail: {number} people were taken out of the house | {number} people had to stand in the street
detail: it was {hour} in the night when somebody in {town} saw the smoke | \
the smoke was seen from all over {town} at {hour} in the night
cause candle: a candle had been left on a table | somebody forgot a candle
cause kitchen: the fire started in the kitchen, in a pan of oil | a pan of oil in the kitchen was too hot
cause lamp: an old lamp was the cause | an old lamp had got too hot
quote: I took my dog and ran | nobody was hurt, and that is all that counts | we have to paint every wall again
before: a bus drove into a wall of {O} | a tree fell on {O}
"""

KINDS = tuple(
    parse_kind(text)
    for text in (CLOSURE, OPENING, DEARER, CHEAPER, MATCH, PRIZE, CANCELLED, FESTIVAL, HEAD, JOBS, SALE, FIRE)
)
