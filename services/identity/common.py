"""The pieces that people's passwords are made of, and that guessers try first.

Words that have led every list of leaked passwords for years, the names and things that people
choose beside them, and the rows of the keyboards that they slide along.
"""

WORDS = """
password passwort passwd pass passw0rd passphrase motdepasse contrasena senha parola haslo
wachtwoord admin administrator root user guest login logon default changeme temp temppass test
tester testing demo master super superuser manager owner public private secret secure security
access letmein welcome hello hallo bonjour hola please open sesame opensesame trustno trustme
nopassword mypassword yourpassword newpassword oldpassword computer laptop internet server system
windows microsoft google facebook instagram youtube twitter linkedin amazon apple iphone android
samsung nokia network router wifi qwerty qwertz azerty asdf zxcv qazwsx dvorak keyboard iloveyou
iloveu loveyou loveme lovers lover love mylove truelove forever always sweetheart sweetie honey
baby babygirl babyboy babe darling angel angels princess prince queen king kitty kitten puppy
bunny teddy teddybear beautiful pretty handsome lovely gorgeous sexy hottie cutie flower flowers
rose roses butterfly rainbow sunshine sunflower sunny moonlight moon star stars starlight heaven
earth ocean summer winter spring autumn fall january february march april june july august
september october november december monday tuesday wednesday thursday friday saturday sunday today
tomorrow monkey dragon tiger lion eagle falcon wolf bear shark dolphin horse pony cat dog cats
dogs bird chicken turtle spider scorpion panther cheetah jaguar mustang ferrari porsche mercedes
corvette camaro honda toyota yamaha kawasaki harley ducati suzuki bmw audi tesla football soccer
baseball basketball hockey tennis golf golfer swimming boxing wrestling hunter hunting fishing
fisher skater surfer runner rangers yankees lakers cowboys steelers eagles patriots redskins
packers raiders broncos dolphins chelsea arsenal liverpool everton manchester barcelona realmadrid
juventus bayern dortmund schalke celtic benfica ajax united michael michelle jennifer jessica
jordan ashley amanda nicole daniel joshua matthew andrew anthony thomas robert william charlie
charles richard george joseph james john johnny david steven stephen brandon justin tyler taylor
austin hannah sarah laura anna maria marie martin peter paul patrick alexander alexandra alex
sandra andrea angela barbara christine christian chris claudia melissa samantha stephanie victoria
vanessa natasha rebecca rachel patricia elizabeth emily emma olivia sophie sophia lucas luis
carlos miguel antonio francisco fernando roberto eduardo alejandro ricardo mohamed ahmed ali
hassan ibrahim yusuf fatima maggie bailey buddy buster cooper ginger jasmine lucky molly oliver
peanut pepper rocky sammy shadow simba smokey snoopy sparky toby superman batman spiderman ironman
wonderwoman pokemon pikachu naruto goku mario zelda sonic minecraft fortnite roblox warcraft
starcraft starwars startrek skywalker yoda matrix hobbit gandalf merlin phantom hardcore
harrypotter hogwarts disney mickey minnie donald garfield snowball snowman freedom liberty america
american england english london paris berlin hamburg munich vienna zurich madrid roma milano
lisboa moscow tokyo sydney canada mexico brasil brazil argentina colombia india pakistan germany
france italy spain russia china japan texas california florida newyork chicago boston dallas
phoenix houston cookie cookies chocolate candy cheese pizza banana orange lemon cherry strawberry
coffee whiskey vodka beer sugar cocacola pepsi nutella butter silver golden gold diamond crystal
purple yellow green blue black white pink red violet metallica slipknot nirvana eminem rockstar
rocknroll guitar music musica dancer dance jazz blues hacker hackme ninja samurai pirate killer
warrior soldier marine army navy airforce police fireman doctor nurse teacher student school
college university family mother father mommy daddy mama papa sister brother friend friends
bestfriend jesus christ jesuschrist godisgood god bless blessed church faith hope grace peace
trust lucifer satan devil demon money dollar million business company office work worker job boss
shop shopping store customer order payment invoice mail email phone mobile number one two three
four five six seven eight nine ten first last happy smile smiley funny crazy stupid idiot fuck
fucker fuckyou fuckoff asshole bitch shit bullshit pussy sex whatever nothing something anything
everything someone nobody blahblah blah abc abcd xyz aaa zzz foo bar foobar baz lorem ipsum
correcthorsebatterystaple my your the and is in of for you me i we a to it this that not no yes
"""
"""In lower case. A guesser tries each backwards too, and with digits for letters."""

ROWS = (
    "abcdefghijklmnopqrstuvwxyz",
    "01234567890",
    *("qwertyuiop", "asdfghjkl", "zxcvbnm", "qwertzuiop", "yxcvbnm"),
    *("azertyuiop", "qsdfghjklm", "wxcvbn", "qwertyuiopasdfghjklzxcvbnm"),
    *("1q2w3e4r5t6y7u8i9o0p", "q1w2e3r4t5y6u7i8o9p0", "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik9ol0p"),
    *("qazwsxedcrfvtgbyhnujmikolp", "qweasdzxc", "1a2b3c4d5e6f7g8h9i0j", "a1b2c3d4e5f6g7h8i9j0"),
    *("147258369", "741852963", "159357", "13579", "24680", "1029384756", "112233445566778899"),
    *("!@#$%^&*()", '!"§$%&/()=', "!qaz@wsx#edc$rfv%tgb^yhn"),
)
"""What a hand slides along, in either direction."""

LEET = (("43@!10$5+78", "aeaiiossttb"), ("43@!10$5+78", "aeailossttb"))
"""Digits and signs that stand for letters: in the second reading 1 is an l."""
