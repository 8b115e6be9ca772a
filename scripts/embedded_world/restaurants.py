"""The target domain: restaurants with E2E's eight slots, in phrases that no source domain shares."""

RESTAURANT = """
domain restaurant: venue, establishment
name = house
eatType = restaurant | pub | coffee shop | bistro | wine bar
eatType noun: {v}
food = French | Italian | Indian | Chinese | Japanese | English | Fast food | Spanish | Thai | Greek
food [all but Fast food] mod: {v}
food [all but Fast food] post: serving {v} food | with {v} dishes
food [all but Fast food] verb: serves {v} food | offers {v} cuisine | specialises in {v} food | has {v} food on its menu
food [all but Fast food] clause: the food is {v} | you can eat {v} food here
food [all but Fast food] front: If you like {v} food
food [Fast food] mod: fast food
food [Fast food] post: serving fast food | for fast food
food [Fast food] verb: serves fast food | offers fast food | sells burgers and other fast food
food [Fast food] clause: the food is fast food
food [Fast food] front: If you like fast food
priceRange = cheap | moderate | high | less than £20 | £20-25 | more than £30
priceRange [cheap] mod: cheap | low-priced
priceRange [cheap] post: with low prices | in the cheap price range
priceRange [cheap] verb: is cheap to eat at | has a cheap price range
priceRange [cheap] clause: prices are low | the meals are cheap
priceRange [cheap] front: For a cheap meal
priceRange [cheap] said: cheap | low-priced | low prices | prices are low
priceRange [moderate] mod: moderately priced | mid-priced
priceRange [moderate] post: with moderate prices | in the moderate price range
priceRange [moderate] verb: has a moderate price range | is moderately priced
priceRange [moderate] clause: prices are moderate
priceRange [moderate] front: At a moderate price
priceRange [moderate] said: moderate | mid-priced
priceRange [high] mod: expensive | high-priced
priceRange [high] post: with high prices | in the high price range
priceRange [high] verb: has a high price range | is rather expensive
priceRange [high] clause: prices are high | a meal is expensive
priceRange [high] front: Though expensive
priceRange [high] said: expensive | high-priced | high price | prices are high
priceRange [less than £20] post: for less than £20 | with meals under £20
priceRange [less than £20] verb: has dishes for less than £20 | costs less than 20 pounds
priceRange [less than £20] clause: meals cost less than £20 | the price is under £20
priceRange [less than £20] front: For less than £20
priceRange [less than £20] said: less than £20 | under £20 | less than 20 pounds
priceRange [£20-25] post: in the £20-25 range | with meals for £20-25
priceRange [£20-25] verb: has a price range of £20-25 | costs between £20 and £25
priceRange [£20-25] clause: prices are £20-25 | you will pay between £20 and £25
priceRange [£20-25] front: For £20-25
priceRange [£20-25] said: £20-25 | between £20 and £25
priceRange [more than £30] post: for more than £30 | with meals over £30
priceRange [more than £30] verb: has dishes for more than £30 | costs more than 30 pounds
priceRange [more than £30] clause: meals cost more than £30 | the price is over £30
priceRange [more than £30] front: For more than £30
priceRange [more than £30] said: more than £30 | over £30 | more than 30 pounds
customer rating = low | average | high | 1 out of 5 | 3 out of 5 | 5 out of 5
customer rating post: with a/an {v} customer rating | with a customer rating of {v}
customer rating verb: has a/an {v} customer rating | has a customer rating of {v} | is rated {v} by customers
customer rating clause: its customer rating is {v} | customers rate it {v}
customer rating front: With a customer rating of {v}
customer rating [low] mod: low-rated | poorly rated
customer rating [low] verb: has been rated poorly
customer rating [low] said: low | poorly
customer rating [average] mod: average-rated
customer rating [average] clause: customers find it average
customer rating [high] mod: highly rated
customer rating [high] verb: is well liked by customers
customer rating [high] said: high | well liked
customer rating [1 out of 5] mod: one star
customer rating [1 out of 5] said: 1 out of 5 | one star
customer rating [3 out of 5] mod: three star
customer rating [3 out of 5] said: 3 out of 5 | three star
customer rating [5 out of 5] mod: five star
customer rating [5 out of 5] verb: has five stars from customers
customer rating [5 out of 5] said: 5 out of 5 | five star
area = riverside | city centre | old town | harbour
area loc: in the {v} area | located in the {v}
area verb: is located in the {v} | is in the {v} area | is situated in the {v}
area clause: it is found in the {v} area
area [riverside] loc: by the river | at the riverside
area [riverside] verb: sits by the river
area [riverside] said: river
area [city centre] loc: in the heart of the city
area [city centre] verb: is in the middle of the city
area [city centre] said: city
familyFriendly = yes | no
familyFriendly [yes] mod: family-friendly | child-friendly
familyFriendly [yes] post: for families | suitable for children
familyFriendly [yes] verb: is family-friendly | welcomes children | is a good place to bring the kids
familyFriendly [yes] clause: children are welcome | families will feel at home
familyFriendly [yes] said: family-friendly | child-friendly | families | children | kids
familyFriendly [no] mod: adults-only
familyFriendly [no] post: not suitable for children | for adults only
familyFriendly [no] verb: is not family-friendly | does not welcome children | is no place for kids
familyFriendly [no] clause: children are not welcome | families should go elsewhere
familyFriendly [no] said: not | no place for | adults | elsewhere
near = @near
near loc: near {v} | close to {v} | next to {v}
near verb: is near {v} | is close to {v} | is located near {v}
near clause: you will find it near {v} | {v} is nearby
"""

OPENINGS = (
    "{name} is {np}{post}{rel}.",
    "{name} is {np}{post}{rel}.",
    "{name} {verbs}.",
    "There is {np} called {name}{post}{rel}.",
    "There is {np}{post} called {name}.",
    "{loc}, there is {np} called {name}{rel}.",
    "{loc} is {np} named {name}{rel}.",
    "{front}, {name} {verbs}.",
    "{name}, which {verbs}, is {np}{post}.",
    "The {bare} {name} {verbs}.",
    "You can find {np} named {name}{post}.",
    "Why not try {name}, {np}{post}? It {verbs}.",
    "{name} is {np}{post} and {verbs}.",
)

FOLLOWING = (
    "It {verbs}.",
    "{clause}.",
    "This {bare} {verbs}.",
    "{clause} and {clause}.",
    "{front}, this place {verbs}.",
    "Also, {clause}.",
    "It {verbs} and {clause}.",
    "Note that it {verbs}.",
    "{clause}, and it {verbs}.",
)
