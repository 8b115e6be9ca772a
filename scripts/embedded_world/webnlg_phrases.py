"""What can be said of the things in triples: eight seen and four unseen categories, and the things they link to.

The notation is that of `categories`.
"""

from types import MappingProxyType

from embedded_world.categories import parse_category

HOTEL = """
category Hotel: hotel
name = house
location = @town
location verb: is located in {o} | stands in {o} | can be found in {o}
location post: located in {o} | in {o}
owner = @person
owner verb: is owned by {o} | belongs to {o}
owner post: owned by {o}
owner of: the owner of {s} is {o} | {o} is the owner of {s} | {o} owns {s}
pricePerNight = £30 | £45 | £60 | £85 | £120 | £200
pricePerNight verb: costs {o} a night | charges {o} per night
pricePerNight of: the price of a night at {s} is {o} | a room at {s} costs {o}
numberOfRooms = 12 | 20 | 30 | 45 | 60 | 80
numberOfRooms verb: has {o} rooms | offers {o} rooms
numberOfRooms post: with {o} rooms
numberOfRooms of: there are {o} rooms in {s}
facility = swimming pool | wine bar | coffee shop | gym | bistro
facility verb: has its own {o} | comes with a {o}
facility post: with a {o}
facility of: there is a {o} at {s} | one of the facilities of {s} is a {o}
nearTo = @sight
nearTo verb: is close to {o} | is situated near {o}
nearTo post: situated close to {o} | near {o}
nearTo of: {o} is near {s}
"""

MUSEUM = """
category Museum: museum
name = sight
city = @town
city verb: is in the city of {o} | is found in {o}
city post: in the city of {o} | found in {o}
city of: the city in which {s} is found is {o}
director = @person
director verb: is directed by {o} | has {o} at its head
director post: with {o} at its head
director of: the head of {s} is {o} | {o} is the head of {s}
collection = old paintings | French art | Japanese prints | Indian cloth | Italian glass | Chinese vases
collection verb: displays {o} | has a collection of {o}
collection post: known for its {o} | with a collection of {o}
collection of: the collection of {s} is one of {o} | {o} can be seen at {s}
entryFee = £3 | £5 | £8 | £12 | £15
entryFee verb: has an entry fee of {o} | takes {o} from visitors
entryFee post: with an entry fee of {o}
entryFee of: the entry fee of {s} is {o} | visitors of {s} pay {o}
visitorsPerYear = 2000 | 5000 | 8000 | 12000 | 30000
visitorsPerYear verb: is visited by {o} people a year | has {o} visitors per year
visitorsPerYear of: {o} people visit {s} every year
"""

GARDEN = """
category Garden: garden
name = place
location = @town
location verb: is located in {o} | lies in {o}
location post: located in {o} | in the town of {o}
location of: {o} is where {s} lies
plantedBy = @person
plantedBy verb: was planted by {o} | is the work of {o}
plantedBy post: made by {o}
plantedBy of: {o} planted {s}
knownFor = roses | olive trees | herbs | apple trees | rice fields | mustard flowers
knownFor verb: is known for its {o} | is famous for {o}
knownFor post: known for {o}
knownFor of: the {o} of {s} are famous
bestSeason = spring | summer | autumn | winter
bestSeason verb: is best seen in {o} | is at its best in {o}
bestSeason post: best visited in {o}
bestSeason of: the best time for {s} is {o}
entryFee = £3 | £5 | £6 | £9
entryFee verb: has an entry fee of {o} | costs {o} to enter
entryFee post: with an entry fee of {o}
entryFee of: the entry fee of {s} is {o}
"""

CLUB = """
category SportsClub: club
name = place
sport = tennis | swimming | football | cricket | chess | rowing
sport verb: plays {o} | is a {o} club
sport of: {o} is what {s} plays
ground = @sight
ground verb: plays at {o} | trains at {o}
ground post: based at {o}
ground of: the ground of {s} is {o} | {o} is the ground of {s}
coach = @person
coach verb: is trained by {o} | has {o} as its teacher
coach post: trained by {o}
coach of: the teacher of {s} is {o} | {o} trains {s}
numberOfMembers = 25 | 40 | 60 | 90 | 120 | 250
numberOfMembers verb: has {o} members
numberOfMembers post: with {o} members
numberOfMembers of: there are {o} members in {s} | {o} people are members of {s}
league = first league | old league | town league | school league
league verb: plays in the {o} | belongs to the {o}
league post: of the {o}
league of: the league of {s} is the {o}
"""

SHOP = """
category Shop: shop
name = house
location = @town
location verb: is located in {o} | does business in {o}
location post: located in {o}
location of: {o} is the home of {s}
founder = @person
founder verb: was founded by {o} | was started by {o}
founder post: founded by {o} | started by {o}
founder of: the founder of {s} is {o} | {o} founded {s}
sells = fresh bread | Italian shoes | French cheese | Japanese tea | Indian spices | second-hand books | Spanish wine
sells verb: sells {o} | trades in {o}
sells post: selling {o}
sells of: {o} can be bought at {s}
openingDay = Mondays | Tuesdays | Fridays | weekdays | Sundays
openingDay verb: is open on {o} | opens on {o}
openingDay post: open on {o}
openingDay of: customers are welcomed at {s} on {o}
nextTo = @sight
nextTo verb: is next to {o} | stands beside {o}
nextTo post: next to {o} | beside {o}
nextTo of: {o} is next to {s}
"""

TRAIN = """
category TrainService: train
name = title
departsFrom = @town
departsFrom verb: leaves from {o} | starts in {o}
departsFrom post: from {o}
departsFrom of: {o} is where {s} starts
destination = @town
destination verb: goes to {o} | is bound for {o}
destination post: bound for {o}
destination of: the last stop of {s} is {o}
departureTime = 6:15 | 8:40 | 12:30 | 17:05 | 21:50
departureTime verb: departs at {o} | leaves at {o}
departureTime of: the time at which {s} leaves is {o}
fare = £7 | £12 | £18 | £20 | £25 | £30
fare verb: has a fare of {o} | costs {o} one way
fare post: with a fare of {o}
fare of: the fare of {s} is {o} | a ticket for {s} costs {o}
driver = @person
driver verb: is driven by {o}
driver post: driven by {o}
driver of: the driver of {s} is {o} | {o} drives {s}
"""

FILM = """
category Film: film
name = title
director = @person
director verb: was directed by {o} | was made by {o}
director post: made by {o}
director of: the maker of {s} is {o} | {o} is the maker of {s} | {o} directed {s}
starring = @person
starring verb: stars {o} | has {o} in it
starring post: starring {o}
starring of: {o} is one of the stars of {s} | {o} plays in {s}
runtime = 80 minutes | 95 minutes | 110 minutes | 125 minutes
runtime verb: runs for {o} | lasts {o}
runtime post: of {o}
runtime of: it takes {o} to see {s}
language = English | French | Japanese | Italian | Spanish | Greek
language verb: is in {o} | was made in {o}
language of: {o} is spoken in {s}
filmedIn = @town
filmedIn verb: was filmed in {o}
filmedIn post: filmed in {o}
filmedIn of: {o} is where {s} was filmed
"""

BOOK = """
category Book: book
name = title
author = @person
author verb: was written by {o}
author post: written by {o}
author of: {s} is the work of {o} | {o} wrote {s}
numberOfPages = 90 | 150 | 240 | 320 | 500
numberOfPages verb: has {o} pages | is {o} pages long
numberOfPages post: of {o} pages
numberOfPages of: there are {o} pages in {s} | {o} is how many pages {s} has
subject = the sea | French cooking | English gardens | two families | Italian cities | Japan
subject verb: is about {o} | tells of {o}
subject post: with {o} as its subject
subject of: the subject of {s} is {o}
price = £6 | £9 | £14 | £20 | £30
price verb: is priced at {o} | can be bought for {o}
price post: priced at {o}
price of: the price of {s} is {o}
precededBy = @title
precededBy verb: follows {o} | was written after {o}
precededBy post: written after {o}
precededBy of: the book after {o} is {s}
"""

PRODUCT = """
category Product: product
name = model
manufacturer = @company
manufacturer verb: is made by {o} | is a product of {o}
manufacturer post: made by {o}
manufacturer of: the maker of {s} is {o} | {o} makes {s}
weight = 300 grams | 2 kilos | 5 kilos | 12 kilos
weight verb: weighs {o} | has a weight of {o}
weight post: with a weight of {o}
weight of: the weight of {s} is {o}
colour = red | blue | green | black | white | silver
colour verb: is painted {o} | comes in {o}
colour of: {o} is how {s} is painted
price = £15 | £25 | £40 | £75 | £90
price verb: is priced at {o} | sells for {o}
price post: priced at {o}
price of: the price of {s} is {o}
guarantee = one year | two years | five years
guarantee verb: has a guarantee of {o}
guarantee post: with a guarantee of {o}
guarantee of: the guarantee of {s} is {o}
"""

DISH = """
category Dish: dish
name = house
mainIngredient = rice | fish | cheese | beans | chicken | mushrooms
mainIngredient verb: is made of {o} | is based on {o}
mainIngredient post: made of {o} | with {o}
mainIngredient of: {o} gives {s} its flavour
createdBy = @person
createdBy verb: was first cooked by {o}
createdBy post: first cooked by {o}
createdBy of: {o} is the cook who made {s}
placeOfOrigin = @town
placeOfOrigin verb: comes from {o}
placeOfOrigin post: from {o}
placeOfOrigin of: the home of {s} is {o}
cookingTime = 15 minutes | 30 minutes | one hour | two hours
cookingTime verb: takes {o} to cook | needs {o}
cookingTime of: the cooking time of {s} is {o}
servings = two | four | six | eight
servings verb: serves {o} people | feeds {o}
servings of: {o} people can eat {s}
"""

COURSE = """
category Course: course
name = title
teacher = @person
teacher verb: is taught by {o} | has {o} as its teacher
teacher post: taught by {o}
teacher of: the teacher of {s} is {o} | {o} teaches {s}
taughtIn = @town
taughtIn verb: is taught in {o} | takes place in {o}
taughtIn post: held in {o}
taughtIn of: {o} is where {s} is held
fieldOfStudy = cooking | painting | music | wine | Greek dance | Spanish
fieldOfStudy verb: is about {o} | teaches {o}
fieldOfStudy post: on {o}
fieldOfStudy of: the subject of {s} is {o}
tuition = £15 | £20 | £50 | £90
tuition verb: costs {o} | can be taken for {o}
tuition post: with a fee of {o}
tuition of: the fee of {s} is {o} | students of {s} pay {o}
weekday = Monday | Wednesday | Thursday | Saturday
weekday verb: is held on {o} | takes place on {o}
weekday post: held on {o}
weekday of: the day of {s} is {o}
"""

COMPANY = """
category Company: company
name = house
headquarter = @town
headquarter verb: is based in {o} | has its office in {o}
headquarter post: based in {o}
headquarter of: the home of {s} is {o}
chairman = @person
chairman verb: is run by {o} | is led by {o}
chairman post: run by {o}
chairman of: the head of {s} is {o} | {o} runs {s}
product = Chinese noodles | fast food | coffee machines | bicycles | kettles | lamps
product verb: makes {o} | is in the business of {o}
product post: known for its {o}
product of: the products of {s} are {o} | {o} are made by {s}
numberOfWorkers = 15 | 35 | 50 | 75 | 140 | 300
numberOfWorkers verb: has {o} workers | gives work to {o} people
numberOfWorkers post: with {o} workers
numberOfWorkers of: {o} people work for {s} | the workers of {s} are {o}
hourlyWage = £9 | £11 | £14 | £20
hourlyWage verb: pays {o} an hour
hourlyWage of: the wage at {s} is {o} an hour
"""

#: Things that are linked to; `of` and `verb` alone, since they are said in relative clauses or sentences of their own.
PERSON = """
category Person: person
name = person
birthPlace = @town
birthPlace verb: comes from {o} | has a home in {o}
birthPlace of: {s} is from {o} | the home of {s} is {o}
age = 25 years | 35 years | 50 years | 60 years
age verb: is {o} old
age of: the age of {s} is {o}
language = English | French | Italian | Greek | Spanish
language verb: speaks {o}
language of: {o} is what {s} speaks
"""

TOWN = """
category Town: town
name = town
landscape = coast | river | hills | valley
landscape verb: lies near the {o} | is close to the {o}
landscape of: {s} is a town near the {o}
famousFor = fresh bread | French cheese | ice cream | Spanish wine | old paintings
famousFor verb: is famous for {o}
famousFor of: people visit {s} for {o} | {o} can be found all over {s}
"""

SIGHT = """
category Sight: place
name = sight
ticketPrice = £2 | £4 | £10 | £11
ticketPrice verb: can be visited for {o} | asks {o} for a ticket
ticketPrice of: a ticket for {s} is {o}
closedOn = Mondays | Tuesdays | Fridays | Sundays
closedOn verb: is not open on {o}
closedOn of: nobody can visit {s} on {o}
"""

SEEN = tuple(parse_category(text) for text in (HOTEL, MUSEUM, GARDEN, CLUB, SHOP, TRAIN, FILM, BOOK))
UNSEEN = tuple(parse_category(text) for text in (PRODUCT, DISH, COURSE, COMPANY))
LINKED = MappingProxyType(
    {category.pool: category for category in (parse_category(text) for text in (PERSON, TOWN, SIGHT))}
)
#: The word that starts a clause on a linked thing.
RELATIVES = MappingProxyType({"person": "who", "town": "which", "sight": "which"})
