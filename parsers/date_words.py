"""The words of dates in English and French: months, weekdays, numbers, units, and how a date is written out.

Every key is folded: lower case, no accents (see `date_tokens.fold`).
"""

from __future__ import annotations

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

# "sept" is also the French seven; the grammar tries numbers with a unit before months.
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
    "eleven": 11, "onze": 11, "twelve": 12, "douze": 12, "fifteen": 15, "quinze": 15,
    "sixteen": 16, "seize": 16, "eighteen": 18, "twenty": 20, "vingt": 20, "thirty": 30, "trente": 30,
}  # fmt: skip

# unit -> (months, days) of one
UNITS = {
    "day": (0, 1), "days": (0, 1), "jour": (0, 1), "jours": (0, 1),
    "week": (0, 7), "weeks": (0, 7), "semaine": (0, 7), "semaines": (0, 7),
    "month": (1, 0), "months": (1, 0), "mois": (1, 0), "mth": (1, 0), "mths": (1, 0),
    "quarter": (3, 0), "quarters": (3, 0), "trimestre": (3, 0), "trimestres": (3, 0),
    "semester": (6, 0), "semesters": (6, 0), "semestre": (6, 0), "semestres": (6, 0),
    "year": (12, 0), "years": (12, 0), "yr": (12, 0), "yrs": (12, 0),
    "an": (12, 0), "ans": (12, 0), "annee": (12, 0), "annees": (12, 0),
}  # fmt: skip

ORDINALS = frozenset({"st", "nd", "rd", "th", "er", "ere", "eme", "e"})
ARTICLES = frozenset({"the", "le", "la", "l", "les", "au", "du", "this", "cette", "ce", "cet"})
OF = frozenset({"of", "de", "d", "du", "in"})
END_WORDS = frozenset({"end", "fin", "ends", "ending"})
MIDDLE_WORDS = frozenset({"mid", "middle", "mi", "milieu"})
VAGUE_WORDS = frozenset({"beginning", "start", "early", "late", "debut", "courant", "during"})
NEXT_WORDS = frozenset({"next", "following", "prochain", "prochaine"})

# A date right after one of these is where something starts, not where it ends.
START_WORDS = frozenset(
    {"from", "since", "starting", "start", "beginning", "after", "apres", "depuis", "des", "partir"}
)
# A period near one of these is not counted from today.
NOT_FROM_TODAY = frozenset(
    {
        "after",
        "before",
        "ago",
        "every",
        "each",
        "per",
        "since",
        "last",
        "past",
        "apres",
        "avant",
        "depuis",
        "chaque",
        "old",
    }
)
NEGATIONS = frozenset({"not", "no", "pas", "never", "jamais", "except", "sauf", "isn", "t", "cannot"})
# "not after", "no later than", "pas au-dela": these negations say exactly what an end date is.
NEGATED_LIMITS = frozenset(
    {"later", "after", "beyond", "past", "longer", "more", "plus", "apres", "tard", "au", "than"}
)
ENDLESS_WORDS = frozenset(
    {
        "forever", "unlimited", "permanent", "permanently", "indefinite", "indefinitely", "never", "infinite", "always",
        "illimite", "illimitee", "toujours", "indetermine", "indeterminee", "indefiniment", "jamais",
        "maximum", "max", "maximal", "possible",
    }
)  # fmt: skip
