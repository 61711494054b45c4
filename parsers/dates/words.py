"""The words of dates in English and French: months, weekdays, numbers, units, and how a date is written out.

Every key is folded: lower case, no accents (see `parsers.text.folding.fold`).
"""

from __future__ import annotations


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


MONTH_NAMES = {
    "en": (
        "January", "February", "March", "April", "May", "June",
        "July", "August", "September", "October", "November", "December",
    ),
    "fr": (
        "janvier", "février", "mars", "avril", "mai", "juin",
        "juillet", "août", "septembre", "octobre", "novembre", "décembre",
    ),
}  # fmt: skip

WEEKDAY_NAMES = {
    "en": ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
    "fr": ("lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi", "dimanche"),
}

# "sept" is also the French seven; the grammar tries a number with a unit before a month.
MONTHS = {
    "january": 1, "jan": 1, "janvier": 1, "janv": 1,
    "february": 2, "feb": 2, "febr": 2, "fevrier": 2, "fevr": 2, "fev": 2,
    "march": 3, "mar": 3, "mars": 3,
    "april": 4, "apr": 4, "avril": 4, "avr": 4,
    "may": 5, "mai": 5,
    "june": 6, "jun": 6, "juin": 6,
    "july": 7, "jul": 7, "juillet": 7, "juil": 7,
    "august": 8, "aug": 8, "aout": 8,
    "september": 9, "sept": 9, "sep": 9, "septembre": 9,
    "october": 10, "oct": 10, "octobre": 10,
    "november": 11, "nov": 11, "novembre": 11,
    "december": 12, "dec": 12, "decembre": 12,
}  # fmt: skip

# French "mar." (mardi) is left out: it is March in English.
WEEKDAYS = {
    "monday": 0, "mon": 0, "lundi": 0, "lun": 0,
    "tuesday": 1, "tue": 1, "tues": 1, "mardi": 1,
    "wednesday": 2, "wed": 2, "mercredi": 2, "mer": 2,
    "thursday": 3, "thu": 3, "thur": 3, "thurs": 3, "jeudi": 3, "jeu": 3,
    "friday": 4, "fri": 4, "vendredi": 4, "ven": 4,
    "saturday": 5, "sat": 5, "samedi": 5, "sam": 5,
    "sunday": 6, "sun": 6, "dimanche": 6, "dim": 6,
}  # fmt: skip

NUMBERS = {
    "a": 1, "an": 1, "one": 1, "un": 1, "une": 1,
    "two": 2, "deux": 2, "three": 3, "trois": 3, "four": 4, "quatre": 4, "five": 5, "cinq": 5,
    "six": 6, "seven": 7, "sept": 7, "eight": 8, "huit": 8, "nine": 9, "neuf": 9, "ten": 10, "dix": 10,
    "eleven": 11, "onze": 11, "twelve": 12, "douze": 12, "thirteen": 13, "treize": 13, "fourteen": 14, "quatorze": 14,
    "fifteen": 15, "quinze": 15, "sixteen": 16, "seize": 16, "seventeen": 17, "eighteen": 18, "nineteen": 19,
    "twenty": 20, "vingt": 20, "thirty": 30, "trente": 30, "sixty": 60, "soixante": 60,
}  # fmt: skip

DAY_WORDS = {
    "first": 1, "premier": 1, "second": 2, "third": 3, "fourth": 4, "fifth": 5, "sixth": 6, "seventh": 7, "eighth": 8,
    "ninth": 9, "tenth": 10, "eleventh": 11, "twelfth": 12, "thirteenth": 13, "fourteenth": 14, "fifteenth": 15,
    "sixteenth": 16, "seventeenth": 17, "eighteenth": 18, "nineteenth": 19, "twentieth": 20, "thirtieth": 30,
}  # fmt: skip

# unit -> (months, days) of one
UNITS = {
    "day": (0, 1), "days": (0, 1), "jour": (0, 1), "jours": (0, 1),
    "week": (0, 7), "weeks": (0, 7), "semaine": (0, 7), "semaines": (0, 7),
    "month": (1, 0), "months": (1, 0), "mois": (1, 0), "mth": (1, 0), "mths": (1, 0),
    "quarter": (3, 0), "quarters": (3, 0), "trimestre": (3, 0), "trimestres": (3, 0),
    "semester": (6, 0), "semesters": (6, 0), "semestre": (6, 0), "semestres": (6, 0),
    "mo": (1, 0), "y": (12, 0), "year": (12, 0), "years": (12, 0), "yr": (12, 0), "yrs": (12, 0),
    "an": (12, 0), "ans": (12, 0), "annee": (12, 0), "annees": (12, 0),
}  # fmt: skip

ORDINALS = _words("st nd rd th er ere eme e")
ARTICLES = _words("the le la l les au du this cette ce cet")
OF = _words("of de d du in")
END_WORDS = _words("end fin ends ending")
MIDDLE_WORDS = _words("mid middle mi milieu")
VAGUE_WORDS = _words("beginning start early late debut courant during")
NEXT_WORDS = _words("next following prochain prochaine")

# "The first week of March 2027" names no day.
PARTS_OF_A_MONTH = frozenset(WEEKDAYS) | _words(
    "week weeks weekend half part third days fortnight semaine semaines quinzaine moitie decade jours course"
)
# What may follow "end of 2027" without naming another year, as "end of the 2027 season" does.
AFTER_AN_END = _words(
    "at latest included inclusive including please if possible as because for when since due so thanks thank max maximum"
    " which that is but and with until or i my we our au plus tard inclus car pour si merci svp et ou mon ma mes at the"
)

# A date right after one of these is where something starts, not where it ends.
START_WORDS = _words("between entre from since starting start beginning after apres depuis des partir compter")
# "From A to B", "du A au B", "A - B": between two dates these say that the second is the end.
RANGE_WORDS = _words("to until till through untill - au jusqu et and a the le l '")
RANGE_NEEDED = _words("to until till through untill - au jusqu")
# A period beside one of these is not simply counted from today.
NOT_FROM_TODAY = _words(
    "after before ago every each per since last past apres avant depuis chaque old than moins over almost nearly presque"
    " half demi demie quarter couple few several quelques times fois prior"
)
NEGATIONS = _words("not no pas never jamais except sauf cannot isn")
# "not after", "no later than", "pas au-delà": these negations say exactly what an end date is.
NEGATED_LIMITS = _words("later after beyond past longer more plus apres tard au")
ENDLESS_WORDS = _words(
    "forever unlimited permanent permanently indefinite indefinitely never infinite always illimite illimitee toujours"
    " indetermine indeterminee indefiniment jamais maximum max maximal possible"
)
MAXIMUM_WORDS = _words("max maximum maximal at most")
# Number words that are not also an article or another word: alone they are a number that belongs to nothing.
STRAY_NUMBERS = frozenset(NUMBERS) - _words("a an one un une sept neuf dix six")
STRAY_MONTHS = frozenset(MONTHS) - _words("may mar march mars mai sept sep dec jan")
# "The coming year" beside a date without a year.
STRAY_YEARS = _words("year annee")
