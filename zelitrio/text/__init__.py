"""Text processing: from text to utterances, the words of which have phones, spans and breaks.

Nothing here waits, and no text raises an error.  A `FrontEnd` is immutable and shared by all streams and
threads.  A `StreamReader` belongs to one stream: it knows the stream's current sentence.
"""

from __future__ import annotations

from zelitrio.text.blocks import SkippedParts
from zelitrio.text.dictionaries import Dictionaries, Dictionary, load_dictionary
from zelitrio.text.dictionary_rules import Rule, compile_rules, pls_of, rules_from_file, rules_of
from zelitrio.text.explain import explain
from zelitrio.text.foreign import ForeignFrontEnd
from zelitrio.text.front_end import FrontEnd, load_front_end
from zelitrio.text.guess import LanguageGuess, primary_code, scripts_of, seems_other
from zelitrio.text.letter_to_sound import GraphoneModel, LetterToSound
from zelitrio.text.lexicon import Lexicon, load_lexicon
from zelitrio.text.lexicon_file import DATA, load_cmudict
from zelitrio.text.limit import Limit
from zelitrio.text.phones import (
    CODE_OF_PHONE,
    PHONES,
    is_vowel,
    without_stress,
)
from zelitrio.text.respelt import RespeltFrontEnd
from zelitrio.text.sentences import find_phrase_end, find_sentence_end
from zelitrio.text.spoken_text import spoken_text
from zelitrio.text.types import (
    SENTENCE_ENDS,
    Break,
    Phones,
    Utterance,
    Word,
)
from zelitrio.text.unspoken import first_unspoken
from zelitrio.text.utterances import Reading, StreamReader, read_text
from zelitrio.text.visemes import REST, viseme_of

__all__ = [
    "CODE_OF_PHONE",
    "DATA",
    "PHONES",
    "REST",
    "SENTENCE_ENDS",
    "Break",
    "Dictionaries",
    "Dictionary",
    "ForeignFrontEnd",
    "FrontEnd",
    "GraphoneModel",
    "LanguageGuess",
    "LetterToSound",
    "Lexicon",
    "Limit",
    "Phones",
    "Reading",
    "RespeltFrontEnd",
    "Rule",
    "SkippedParts",
    "StreamReader",
    "Utterance",
    "Word",
    "compile_rules",
    "explain",
    "find_phrase_end",
    "find_sentence_end",
    "first_unspoken",
    "is_vowel",
    "load_cmudict",
    "load_dictionary",
    "load_front_end",
    "load_lexicon",
    "pls_of",
    "primary_code",
    "read_text",
    "rules_from_file",
    "rules_of",
    "scripts_of",
    "seems_other",
    "spoken_text",
    "viseme_of",
    "without_stress",
]
