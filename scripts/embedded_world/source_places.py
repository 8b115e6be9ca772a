"""Source domains one can visit: hotels, museums, gardens, sports clubs, shops and cinemas."""

HOTEL = """
domain hotel: place, establishment
name = house
Type = hotel | guest house | hostel | inn
Type noun: {v}
area = city centre | old town | harbour | riverside | suburbs | hills
area loc: in the {v} | not far from the {v}
area post: in a quiet part of the {v} area
area verb: stands in the {v} | can be found in the {v}
area clause: its address is in the {v}
area [city centre] mod: central
area [city centre] verb: lies in the centre of the city | is right in the middle of town
area [riverside] verb: looks out over the river | has rooms along the river | is in the heart of the riverside quarter
area [riverside] post: with a view of the river
area [harbour] post: beside the boats of the harbour
stars = 1 star | 2 stars | 3 stars | 4 stars | 5 stars
stars post: of {v} | with {v} over the door
stars verb: holds {v} | was given {v} last year
stars front: With its {v}
stars [1 star, 2 stars] mod: simple | plain
stars [4 stars, 5 stars] mod: grand | excellent
stars [5 stars] verb: gets five stars out of five from its guests
stars [5 stars] clause: guests give it the highest rating
stars [3 stars] mod: decent
price per night = £30 | £45 | £60 | £85 | £120 | £200
price per night post: at {v} a night | with beds from {v}
price per night verb: costs {v} per night | asks for {v} a night
price per night clause: a room costs {v} | guests pay {v} for the night
price per night [£30, £45] mod: inexpensive | low-cost
price per night [£30, £45] clause: the rooms are cheap at {v}
price per night [£120, £200] mod: rather expensive | costly
price per night [£120, £200] verb: is on the expensive side at {v} a night
breakfast = included | not included | English breakfast | French breakfast
breakfast [included] post: with a free breakfast
breakfast [included] verb: includes breakfast | gives its guests breakfast
breakfast [not included] verb: does not include breakfast | has no breakfast menu
breakfast [not included] clause: breakfast is not part of the price
breakfast [English breakfast, French breakfast] verb: puts a/an {v} on the table every morning | \
cooks a/an {v} for its guests
breakfast [English breakfast, French breakfast] clause: the kitchen makes a/an {v}
pets = yes | no
pets [yes] mod: dog-friendly
pets [yes] verb: accepts pets | lets guests bring their dog
pets [yes] clause: pets are fine
pets [no] verb: does not take pets
pets [no] clause: dogs have to stay at home | no pets are allowed in the rooms
facility = swimming pool | wine bar | coffee shop | restaurant | pub | gym | bistro
facility post: with its own {v} | that comes with a/an {v}
facility verb: has a/an {v} on the ground floor | includes a/an {v} | runs a/an {v} | offers a/an {v} to its guests
facility clause: there is a/an {v} downstairs
family friendly = yes | no
family friendly [yes] verb: calls itself family-friendly | keeps family rooms for parents and kids \
| looks after younger guests too
family friendly [yes] post: for the whole family
family friendly [yes] clause: young guests sleep here for free
family friendly [no] verb: calls itself adults-only | takes grown-up guests only | keeps its rooms for adults
family friendly [no] clause: guests under eighteen are turned away
near = @sight
near loc: a short walk from {v} | across the street from {v}
near verb: is two minutes from {v} | faces {v} | is so close to {v} that you hear its bells
near front: Close by, across from {v}
near clause: {v} is around the corner
"""

MUSEUM = """
domain museum: place, venue
name = sight
Type = museum | gallery | science centre | theatre
Type noun: {v}
exhibits = old paintings | French art | Japanese prints | trains | Indian cloth | Italian glass | \
Chinese vases | English silver
exhibits post: of {v} | full of {v}
exhibits verb: shows {v} | displays a collection of {v}
exhibits clause: the rooms are filled with {v} | visitors come for the {v}
entry = free | £5 | £8 | £12 | £15
entry [free] mod: free
entry [free] verb: lets everybody in for free | charges nothing
entry [free] clause: entry is free | neither child nor adult pays
entry [£5, £8, £12, £15] verb: charges {v} at the door | asks {v} for a ticket
entry [£5, £8, £12, £15] clause: a ticket is {v} | visitors pay {v} to get in
entry [£5, £8, £12, £15] front: For a ticket of {v}
open = weekends | every day | mornings only | until late
open verb: opens {v} | is open {v}
open post: open {v}
area = city centre | old town | harbour | university quarter | riverside
area loc: in the {v}
area verb: is situated on a square of the {v} | belongs to the {v} | has its home in the {v}
area clause: people of the {v} are proud of it | it is found on the edge of the {v}
area [riverside] loc: on the banks of the river
family friendly = yes | no
family friendly [yes] verb: welcomes children with a tour of their own | has a lot for kids to try \
| is fun for the whole family
family friendly [yes] clause: families with small children like it | parents and children learn something together
family friendly [yes] mod: kid-friendly
family friendly [no] verb: does not welcome children under twelve | is too serious for kids | is best left to adults
family friendly [no] clause: small children will be bored
near = @sight
near loc: beside {v} | behind {v}
near verb: shares a square with {v} | is situated between {v} and the river
visitor rating = poor | fair | good | excellent
visitor rating post: with {v} reviews
visitor rating verb: gets {v} reviews | has earned a/an {v} name among visitors
visitor rating clause: visitors find it {v} | the reviews are {v}
"""

GARDEN = """
domain garden: place, spot
name = place
Type = garden | park | orchard | farm
Type noun: {v}
known for = roses | olive trees | a pond | herbs | apple trees | rice fields | mustard flowers
known for post: known for {v} | with {v}
known for verb: is famous for {v} | owes its name to {v}
known for clause: {v} can be seen all year
entry = free | £3 | £6 | £9
entry [free] verb: costs nothing to visit
entry [free] clause: nobody has to pay
entry [free] front: Without a ticket
entry [£3, £6, £9] verb: costs {v} to enter
entry [£3, £6, £9] clause: adults pay {v}
entry [£3, £6, £9] post: with a fee of {v}
season = spring | summer | autumn | winter
season loc: at its best in {v}
season verb: is worth a trip in {v} | looks lovely in {v}
season front: In {v}
season clause: {v} is the time to go
food on site = coffee and cake | burgers | fruit and cheese | nothing | ice cream | noodles
food on site [nothing] verb: has nothing to eat on site
food on site [nothing] clause: bring your own food
food on site [all but nothing] verb: sells {v} at the gate | has a kiosk for {v}
food on site [all but nothing] clause: {v} can be had near the gate
area = riverside | valley | hills | coast
area loc: down by the {v} | on the {v}
area verb: stretches along the {v}
near = @sight
near loc: just past {v} | on the road to {v}
near verb: begins where {v} ends | is next door to {v}
near front: Near the gates of {v} | Next door to {v}
near clause: the path starts at {v} | the gate is close to {v}
dogs = allowed | not allowed
dogs verb: states that dogs are {v}
dogs clause: dogs are {v}
dogs [not allowed] clause: the dog has to wait at home
"""

CLUB = """
domain club: group, team
name = place
Type = club | society | team | league
Type noun: {v}
sport = tennis | swimming | football | cricket | chess | running | rowing
sport mod: {v}
sport post: for lovers of {v}
sport verb: plays and teaches {v} | is all about {v}
sport front: For fans of {v}
sport clause: {v} is the thing here
ages = adults | kids | students | everybody | over 60s | teenagers
ages post: for {v} | open to {v}
ages verb: is meant for {v} | wants more {v} as members
ages clause: {v} can join
ages [kids] clause: children are the heart of it
ages [adults] verb: is strictly for grown-ups
fee = £5 | £10 | £20 | £25 | £30
fee post: with a fee of {v} a month
fee verb: takes {v} a month | charges members {v}
fee clause: members pay {v} | the fee is {v} a month
fee [£5] clause: the fee is a low {v}
fee [£30] clause: the fee is a high {v}
meets = Mondays | Tuesdays | Fridays | Sundays
meets verb: meets on {v} | trains on {v}
meets front: On {v}
meets clause: practice is on {v}
level = beginners | average players | strong players | experts
level verb: is suitable for {v} | gathers {v}
level clause: {v} feel at home
level post: of {v}
venue = @sight
venue loc: at {v}
venue verb: uses the hall at {v} | has its rooms at {v}
venue clause: the matches take place at {v}
"""

SHOP = """
domain shop: place, address
name = house
Type = shop | bakery | bookshop | market stall | store
Type noun: {v}
sells = fresh bread | Italian shoes | French cheese | Japanese tea | Indian spices | second-hand books | \
flowers | Spanish wine
sells post: selling {v} | stocked with {v}
sells verb: sells {v} | trades in {v} | has {v} on its shelves
sells clause: people queue here for {v}
prices = low | fair | average | high | very high
prices mod: {v}-price
prices post: at {v} prices
prices verb: has {v} prices | asks {v} prices | keeps its prices {v}
prices clause: the bills are {v}
prices [low] verb: is cheap
prices [low] clause: you would pay more elsewhere | prices start low
prices [high, very high] clause: other shops ask less | prices start high
prices [high, very high] verb: is dear
customer rating = 1 | 2 | 3 | 4 | 5
customer rating post: rated {v} by shoppers
customer rating verb: has a customer rating of {v} points | scores {v} with shoppers | gets {v} out of five from buyers
customer rating clause: shoppers give it {v} points | customers praise it with {v} points
customer rating [1] clause: shoppers rate it badly with only {v}
customer rating [5] clause: shoppers rate it highly with a full {v}
area = city centre | station quarter | old town | riverside
area loc: in the {v}
area verb: is located in a side street of the {v} | does business in the {v} | is located on a corner of the {v}
area front: Located on a corner of the {v}
open = seven days a week | from noon | until midnight | on weekdays
open verb: is open {v} | welcomes customers {v}
open clause: the doors are open {v}
near = @near
near loc: alongside {v}
near verb: shares a wall with {v} | sits opposite {v}
near clause: look for it beside {v}
"""

PLACES = (HOTEL, MUSEUM, GARDEN, CLUB, SHOP)
