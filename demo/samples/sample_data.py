# ruff: noqa: E501 (a record in a line)
"""What the sample databases are made of."""

from __future__ import annotations

ALBUMS = (
    ("Miles Davis", "Kind of Blue", 1959, "Jazz", ("So What", "Freddie Freeloader", "Blue in Green", "All Blues", "Flamenco Sketches")),
    ("John Coltrane", "A Love Supreme", 1965, "Jazz", ("Acknowledgement", "Resolution", "Pursuance", "Psalm")),
    ("John Coltrane", "Giant Steps", 1960, "Jazz", ("Giant Steps", "Cousin Mary", "Countdown", "Spiral", "Syeeda's Song Flute", "Naima", "Mr. P.C.")),
    ("Dave Brubeck Quartet", "Time Out", 1959, "Jazz", ("Blue Rondo à la Turk", "Strange Meadow Lark", "Take Five", "Three to Get Ready", "Kathy's Waltz")),
    ("Nina Simone", "Pastel Blues", 1965, "Blues", ("Be My Husband", "Nobody Knows You When You're Down and Out", "Trouble in Mind", "Strange Fruit", "Sinnerman")),
    ("The Beatles", "Revolver", 1966, "Rock", ("Taxman", "Eleanor Rigby", "I'm Only Sleeping", "Here, There and Everywhere", "Yellow Submarine", "Got to Get You into My Life", "Tomorrow Never Knows")),
    ("The Beatles", "Abbey Road", 1969, "Rock", ("Come Together", "Something", "Octopus's Garden", "Here Comes the Sun", "Golden Slumbers", "The End")),
    ("Pink Floyd", "The Dark Side of the Moon", 1973, "Rock", ("Speak to Me", "Breathe", "Time", "The Great Gig in the Sky", "Money", "Us and Them", "Brain Damage", "Eclipse")),
    ("Led Zeppelin", "Led Zeppelin IV", 1971, "Rock", ("Black Dog", "Rock and Roll", "The Battle of Evermore", "Stairway to Heaven", "Going to California", "When the Levee Breaks")),
    ("Joni Mitchell", "Blue", 1971, "Folk", ("All I Want", "Carey", "Blue", "California", "River", "A Case of You")),
    ("Stevie Wonder", "Innervisions", 1973, "Soul", ("Too High", "Living for the City", "Golden Lady", "Higher Ground", "Don't You Worry 'bout a Thing")),
    ("Marvin Gaye", "What's Going On", 1971, "Soul", ("What's Going On", "Save the Children", "Mercy Mercy Me", "Right On", "Inner City Blues")),
    ("Fela Kuti", "Zombie", 1976, "Afrobeat", ("Zombie", "Mister Follow Follow", "Observation Is No Crime", "Mistake")),
    ("Kraftwerk", "The Man-Machine", 1978, "Electronic", ("The Robots", "Spacelab", "Metropolis", "The Model", "Neon Lights", "The Man-Machine")),
    ("Kraftwerk", "Computer World", 1981, "Electronic", ("Computer World", "Pocket Calculator", "Numbers", "Computer Love", "It's More Fun to Compute")),
    ("Yellow Magic Orchestra", "Solid State Survivor", 1979, "Electronic", ("Technopolis", "Absolute Ego Dance", "Rydeen", "Castalia", "Behind the Mask", "Day Tripper", "Insomnia")),
    ("Michael Jackson", "Thriller", 1982, "Pop", ("Wanna Be Startin' Somethin'", "Baby Be Mine", "Thriller", "Beat It", "Billie Jean", "Human Nature")),
    ("Kate Bush", "Hounds of Love", 1985, "Pop", ("Running Up That Hill", "Hounds of Love", "The Big Sky", "Cloudbusting", "And Dream of Sheep", "Under Ice")),
    ("Prince", "Sign o' the Times", 1987, "Pop", ("Sign o' the Times", "Play in the Sunshine", "Housequake", "Starfish and Coffee", "If I Was Your Girlfriend")),
    ("Nirvana", "Nevermind", 1991, "Rock", ("Smells Like Teen Spirit", "In Bloom", "Come as You Are", "Lithium", "Polly", "Something in the Way")),
    ("Portishead", "Dummy", 1994, "Electronic", ("Mysterons", "Sour Times", "Strangers", "Wandering Star", "Roads", "Glory Box")),
    ("Björk", "Homogenic", 1997, "Electronic", ("Hunter", "Jóga", "Unravel", "Bachelorette", "All Neon Like", "All Is Full of Love")),
    ("Radiohead", "OK Computer", 1997, "Rock", ("Airbag", "Paranoid Android", "Exit Music", "Let Down", "Karma Police", "No Surprises", "Lucky")),
    ("Buena Vista Social Club", "Buena Vista Social Club", 1997, "Latin", ("Chan Chan", "De camino a la vereda", "El cuarto de Tula", "Dos gardenias", "Candela", "Veinte años")),
    ("João Gilberto", "Chega de Saudade", 1959, "Latin", ("Chega de Saudade", "Lobo bobo", "Brigas, nunca mais", "Desafinado", "Bim bom", "Aos pés da cruz")),
)  # fmt: skip
"""Artist, title, year, genre, songs."""

FIRST_NAMES = (
    "Ana", "Ben", "Clara", "Davi", "Emi", "Femi", "Greta", "Hugo", "Ines", "Jan", "Kaori", "Luca", "Mira", "Nils",
    "Olga", "Priya", "Quinn", "Rosa", "Sven", "Tomás",
)  # fmt: skip
LAST_NAMES = (
    "Alves", "Berg", "Chandra", "Dubois", "Eze", "Fischer", "Gupta", "Horák", "Ito", "Jansen", "Kato", "Lopes",
    "Martin", "Novák", "Obi", "Pereira", "Richter", "Smith", "Tanaka", "Weiss",
)  # fmt: skip

# code | name | capital | continent | area in km² | population in millions | neighbours
COUNTRIES = """
AR|Argentina|Buenos Aires|South America|2780400|45.8|BO BR CL PY UY
AU|Australia|Canberra|Oceania|7692024|26.6|
AT|Austria|Vienna|Europe|83871|9.1|CZ DE HU IT CH SK SI
BE|Belgium|Brussels|Europe|30528|11.8|FR DE NL LU
BO|Bolivia|Sucre|South America|1098581|12.2|AR BR CL PY PE
BR|Brazil|Brasília|South America|8515767|203.1|AR BO CO PY PE UY
CA|Canada|Ottawa|North America|9984670|40.1|US
CL|Chile|Santiago|South America|756102|19.6|AR BO PE
CN|China|Beijing|Asia|9596961|1410.7|IN MN NP RU VN
CO|Colombia|Bogotá|South America|1141748|52.3|BR EC PE
HR|Croatia|Zagreb|Europe|56594|3.9|HU SI
CZ|Czechia|Prague|Europe|78871|10.9|AT DE PL SK
DK|Denmark|Copenhagen|Europe|42943|5.9|DE
EC|Ecuador|Quito|South America|276841|16.9|CO PE
EG|Egypt|Cairo|Africa|1002450|105.2|SD
EE|Estonia|Tallinn|Europe|45339|1.4|LV RU
ET|Ethiopia|Addis Ababa|Africa|1104300|107.3|KE SD
FI|Finland|Helsinki|Europe|338455|5.6|NO RU SE
FR|France|Paris|Europe|551695|68.4|BE DE IT ES CH LU
DE|Germany|Berlin|Europe|357592|84.5|AT BE CZ DK FR NL PL CH LU
GH|Ghana|Accra|Africa|239567|33.0|
GR|Greece|Athens|Europe|131957|10.4|TR
HU|Hungary|Budapest|Europe|93030|9.6|AT HR SK SI
IS|Iceland|Reykjavík|Europe|103000|0.4|
IN|India|New Delhi|Asia|3287263|1428.6|CN NP
ID|Indonesia|Jakarta|Asia|1904569|277.5|
IE|Ireland|Dublin|Europe|70273|5.3|GB
IT|Italy|Rome|Europe|301340|58.9|AT FR CH SI
JP|Japan|Tokyo|Asia|377975|124.4|
KE|Kenya|Nairobi|Africa|580367|51.5|ET
LV|Latvia|Riga|Europe|64589|1.9|EE LT RU
LT|Lithuania|Vilnius|Europe|65300|2.9|LV PL
LU|Luxembourg|Luxembourg|Europe|2586|0.7|BE FR DE
MX|Mexico|Mexico City|North America|1964375|129.7|US
MN|Mongolia|Ulaanbaatar|Asia|1564110|3.5|CN RU
MA|Morocco|Rabat|Africa|446550|37.8|
NP|Nepal|Kathmandu|Asia|147516|29.2|CN IN
NL|Netherlands|Amsterdam|Europe|41850|17.9|BE DE
NZ|New Zealand|Wellington|Oceania|268021|5.2|
NG|Nigeria|Abuja|Africa|923768|223.8|
NO|Norway|Oslo|Europe|385207|5.5|FI SE RU
PY|Paraguay|Asunción|South America|406752|6.1|AR BO BR
PE|Peru|Lima|South America|1285216|33.7|BO BR CL CO EC
PH|Philippines|Manila|Asia|300000|112.9|
PL|Poland|Warsaw|Europe|312696|37.7|CZ DE LT SK
PT|Portugal|Lisbon|Europe|92230|10.6|ES
RU|Russia|Moscow|Europe|17098246|146.4|CN EE FI LV MN NO
SK|Slovakia|Bratislava|Europe|49035|5.4|AT CZ HU PL
SI|Slovenia|Ljubljana|Europe|20271|2.1|AT HR HU IT
ZA|South Africa|Pretoria|Africa|1221037|62.0|
KR|South Korea|Seoul|Asia|100363|51.7|
ES|Spain|Madrid|Europe|505990|48.6|FR PT
SD|Sudan|Khartoum|Africa|1886068|48.1|EG ET
SE|Sweden|Stockholm|Europe|450295|10.6|FI NO
CH|Switzerland|Bern|Europe|41291|9.0|AT FR DE IT
TR|Türkiye|Ankara|Asia|783562|85.4|GR
GB|United Kingdom|London|Europe|244376|68.3|IE
US|United States|Washington, D.C.|North America|9833517|334.9|CA MX
UY|Uruguay|Montevideo|South America|176215|3.4|AR BR
VN|Vietnam|Hanoi|Asia|331212|100.3|CN
"""
