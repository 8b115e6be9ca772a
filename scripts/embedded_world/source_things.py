"""Source domains one can have, take or do: journeys, films, books, products, recipes, courses, jobs and caterers."""

TRAIN = """
domain train: service, connection
name = title
Type = train | bus | ferry | boat
Type noun: {v}
from = @town
from post: from {v}
from verb: leaves from {v} | starts in {v}
from front: From {v}
to = @town
to post: to {v} | bound for {v}
to verb: goes to {v} | takes you to {v}
to clause: the last stop is {v}
departs = 6:15 | 8:40 | 12:30 | 17:05 | 21:50
departs verb: departs at {v} | sets off at {v}
departs post: at {v}
departs front: At {v} | By {v}
departs clause: you should be on the platform by {v}
fare = £7 | £12 | £18 | £20 | £25 | £30
fare verb: costs {v} one way | has tickets for {v}
fare clause: the fare is {v} | a seat is {v}
fare [£7, £12] clause: at {v} it is a cheap ride
fare [£25, £30] clause: at {v} it is not cheap
fare [£20, £25, £30] clause: the price is between £15 and {v}
class = first class only | second class only | both classes
class verb: has {v} | runs with {v}
class clause: there are seats in {v}
speed = fast | slow | moderate
speed mod: {v}
speed verb: is a/an {v} one | travels at a/an {v} speed
food = sandwiches | hot meals | Chinese noodles | fast snacks | no food
food verb: has {v} on board
food clause: {v} is what the dining car has
food [no food] clause: take something to eat with you
"""

FILM = """
domain film: picture, work
name = title
Type = film | series | cartoon | documentary
Type noun: {v}
genre = comedy | crime | romance | science fiction | horror | family
genre mod: {v}
genre verb: belongs to the {v} shelf | is pure {v}
genre clause: fans of {v} love it
director = @person
director post: by {v} | directed by {v}
director verb: was made by {v} | is the work of {v}
director clause: {v} directed it
rating = low | average | high | 2 out of 5 | 4 out of 5
rating post: with a score of {v}
rating verb: has a/an {v} score from critics | has been given a/an {v} score by the press
rating [low] clause: it did poorly with the press
rating [high] verb: is much liked by the press
rating [high] clause: critics highly recommend it
rating clause: critics rate it {v} | the ratings are {v}
length = 80 minutes | 95 minutes | 110 minutes | three hours
length verb: lasts {v} | runs for {v}
length post: of {v}
length clause: it takes {v} to watch
language = English | French | Japanese | Italian | Indian | Chinese | Thai | Greek | Spanish
language mod: {v}
language verb: is spoken in {v} | comes in {v} with subtitles
language clause: the actors speak {v}
suitable for = children | adults only | teenagers | families
suitable for verb: was made for {v} | is recommended for {v}
suitable for post: for {v}
suitable for clause: the age label says {v}
suitable for [adults only] clause: kids should not watch it
suitable for [children, families] mod: kid-safe
"""

BOOK = """
domain book: title, volume
name = title
Type = novel | cookbook | guide | story
Type noun: {v}
author = @person
author post: by {v}
author verb: was written by {v} | is the latest of {v}
author clause: {v} wrote it
subject = the sea | French cooking | English gardens | a cheap hotel | two families \
| Italian cities | a small bistro | Japan
subject post: about {v}
subject verb: tells of {v} | deals with {v}
subject clause: the subject is {v}
pages = 90 | 150 | 240 | 320 | 500
pages post: of {v} pages
pages verb: has {v} pages | fills {v} pages
pages clause: there are {v} pages to read
price = £6 | £9 | £14 | £20 | £30 | less than £10 | more than £25
price post: priced at {v}
price verb: sells for {v} | is priced at {v}
price clause: expect a bill of {v}
price front: At {v}
readers = children | adults | students | travellers | cooks
readers post: for {v}
readers verb: is written for {v} | speaks to {v}
readers clause: {v} enjoy it
reviews = poor | mixed | good | great
reviews mod: {v}
reviews post: with {v} reviews
reviews verb: was met with {v} reviews | has {v} reviews
"""

PRODUCT = """
domain product: thing, item
name = model
Type = kettle | lamp | phone | camera | bicycle | coffee machine
Type noun: {v}
brand = @town
brand mod: {v}
brand verb: is made by {v} | comes from the house of {v}
brand clause: the maker is {v}
colour = red | blue | green | black | white | silver
colour mod: {v}
colour verb: comes in {v} | is painted {v}
colour post: in {v}
price = cheap | moderate | high | £20 | £25 | £40 | £75 | less than £15 | more than £90
price [cheap] verb: is sold at a cheap price
price [moderate] verb: is sold at a moderate price
price [high] verb: is sold at a high price
price [cheap, moderate, high] clause: the shop price is {v} | the price range is {v}
price [moderate] mod: moderately expensive | mid-range
price [£20, £25, £40, £75] post: for {v}
price [£20, £25, £40, £75] verb: is yours for {v} | ranges around {v}
price [less than £15, more than £90] verb: sells for {v} pounds
price [less than £15, more than £90] clause: the price range is {v}
customer rating = low | average | high | 1 out of 5 | 3 out of 5 | 5 out of 5
customer rating verb: shows a customer rating of {v} on the box | was rated {v} in our test | has ratings that are {v}
customer rating clause: buyers rate it {v} | owners call it {v}
customer rating post: with {v} as its customer rating | judged {v} by owners
customer rating [high] mod: highly praised
customer rating [low] mod: badly reviewed
weight = 300 grams | 2 kilos | 5 kilos | 12 kilos
weight verb: weighs {v}
weight front: Though it weighs {v}
weight post: of {v}
weight clause: its weight is {v}
guarantee = one year | two years | five years | none
guarantee [one year, two years, five years] post: with a guarantee of {v}
guarantee [one year, two years, five years] verb: has a guarantee of {v} | can be returned within {v}
guarantee [none] verb: has no guarantee
guarantee [none] clause: a guarantee is not given
"""

RECIPE = """
domain recipe: dish, meal
name = house
Type = soup | curry | pasta | pie | salad | burger | cake
Type noun: {v}
cuisine = French | Italian | Indian | Chinese | Japanese | English | Spanish | Thai | Greek
cuisine mod: {v}
cuisine verb: comes out of the {v} kitchen | follows a/an {v} recipe | belongs to {v} cuisine
cuisine clause: {v} cooks know it well
main ingredient = rice | fish | cheese | beans | chicken | noodles | mushrooms
main ingredient post: with {v} | made of {v}
main ingredient verb: is based on {v} | uses plenty of {v}
main ingredient clause: {v} gives it its flavour
time = 15 minutes | 30 minutes | one hour | two hours
time verb: takes {v} | needs {v} in the kitchen
time front: In {v}
time clause: it is on the table in {v}
serves = two | four | six | eight
serves verb: serves {v} | feeds {v} people
serves post: for {v}
serves clause: {v} people can eat from it
level = easy | moderate | difficult
level mod: {v}
level verb: is {v} to cook
level clause: cooks call it {v}
heat = mild | spicy | very hot
heat mod: {v}
heat verb: tastes {v} | is {v}
kids = like it | do not like it
kids [like it] verb: is loved by kids | goes down well with children
kids [like it] clause: children ask for more
kids [do not like it] verb: is nothing for kids | is not to the taste of children
kids [do not like it] clause: only adults eat it
cost = £3 | £5 | £8 | £12 a head
cost verb: costs about {v}
cost clause: the ingredients are around {v}
"""

COURSE = """
domain course: class, programme
name = title
Type = course | workshop | evening class | lecture
Type noun: {v}
subject = cooking | Spanish | Japanese | painting | music | wine | Greek dance | French
subject post: in {v} | on {v}
subject verb: teaches {v} | is about {v}
subject front: For people who like {v}
teacher = @person
teacher post: with {v} | by {v}
teacher verb: is taught by {v} | has {v} as its teacher
teacher clause: the teacher is {v}
level = beginners | average students | advanced students
level post: for {v}
level verb: is suited to {v} | offers {v} something new
level clause: {v} are welcome to join
fee = free | £15 | £20 | £50 | £90 | less than £30
fee [free] mod: free
fee [free] verb: is free of charge
fee [£15, £20, £50, £90, less than £30] verb: costs {v} in all | can be taken for {v}
fee [£15, £20, £50, £90, less than £30] clause: students pay {v}
day = Monday | Wednesday | Thursday | Saturday
day verb: takes place on {v} | is held on {v}
day front: Every {v}
day post: on {v}
near = @sight
near loc: at {v} | in a room near {v}
near verb: is held close by {v} | meets in the vicinity of {v}
near clause: the bus stops nearby, at {v}
rating = low | average | high
rating verb: is rated {v} by its students | gets {v} marks from its students | is given a/an {v} grade
rating post: with {v} marks
rating clause: students rate it {v}
"""

JOB = """
domain job: firm, employer
name = house
Type = cook | waiter | driver | nurse | gardener | clerk
Type verb: is looking for a/an {v} | needs a/an {v} | wants to hire a/an {v}
Type clause: a/an {v} is wanted
place = riverside | city centre | harbour | old town | north of town
place loc: in the {v}
place verb: has its office in the {v} | is based in the {v}
pay = low | average | high | £9 an hour | £14 an hour | more than £20 an hour
pay [low, average, high] verb: pays a/an {v} wage
pay [low, average, high] clause: wages are {v}
pay [£9 an hour, £14 an hour, more than £20 an hour] verb: pays {v}
pay [£9 an hour, £14 an hour, more than £20 an hour] clause: the wage is {v}
hours = full time | part time | weekends | nights
hours verb: has work for {v} | plans with {v}
hours clause: the hours are {v}
experience = none | one year | three years
experience [none] verb: does not ask for experience
experience [none] clause: no experience is needed
experience [one year, three years] verb: asks for {v} of experience
experience [one year, three years] clause: you need {v} of experience
language = English | French | Italian | Thai | Chinese
language verb: expects you to speak {v} | works in {v}
language clause: you should know {v}
children = kindergarten | no kindergarten
children verb: has {v} for the children of its workers
children [kindergarten] clause: workers may bring their kids to the kindergarten
"""

CATERER = """
domain caterer: firm, company
name = house
Type = caterer | food truck | canteen | delivery service
Type noun: {v}
kitchen = French | Italian | Indian | Chinese | Japanese | English | fast food | Spanish | Thai | Greek
kitchen verb: serves {v} food at weddings | brings {v} plates to your party | specialises in {v} meals \
| cooks {v} lunches
kitchen post: with a/an {v} menu
kitchen clause: the menu is {v} | its cooks make {v} dishes
price range = cheap | moderate | high | less than £15 | £10-15 | £20-25 | more than £40
price range [cheap] verb: delivers cheap meals
price range [cheap] clause: a cheap dinner is what you get
price range [moderate] verb: delivers meals of moderate cost
price range [moderate] clause: a moderate sum covers dinner | meals are neither cheap nor dear
price range [high] verb: delivers pricey meals
price range [high] clause: a high bill comes with dinner | meals come at a high cost
price range [less than £15, £10-15, £20-25, more than £40] post: at {v} per guest
price range [less than £15, £10-15, £20-25, more than £40] verb: feeds a guest for {v} | takes {v} per head
price range [less than £15, £10-15, £20-25, more than £40] clause: a plate costs {v}
hygiene = low | average | high | 1 out of 5 | 3 out of 5 | 5 out of 5
hygiene verb: was given a hygiene score of {v} | passed its inspection with {v} marks
hygiene clause: inspectors gave it {v}
hygiene post: inspected as {v}
delivery area = riverside | city centre | suburbs | old town | harbour
delivery area loc: around the {v}
delivery area verb: drives to the {v} | covers the {v} area by van
delivery area post: serving the {v} district
delivery area clause: the vans serve the {v} district
kids menu = yes | no
kids menu [yes] verb: has a kids menu | cooks smaller plates for kids
kids menu [yes] clause: there is something on the menu for children
kids menu [no] verb: has no kids menu
kids menu [no] clause: there is nothing on the menu for children
base = @near
base loc: around the corner from {v}
base verb: keeps its vans near {v} | parks beside {v}
base clause: its kitchen is near {v} | the cooks can be found near {v}
"""

THINGS = (TRAIN, FILM, BOOK, PRODUCT, RECIPE, COURSE, JOB, CATERER)
