"""The pattern that finds LaTeX formulas in a text."""

from __future__ import annotations

LATEX = (
    r"\$\$[^$]{1,1000}\$\$"
    r"|\\\((?:[^\n\\]|\\[^()\n]){1,400}\\\)"
    r"|\\\[(?:[^\\]|\\[^\[\]]){1,1000}\\\]"
    # Between dollars there must be a sign of mathematics or a single letter: "$5 and $6" is money.
    r"|\$(?!\s)(?=(?:[^$\n]{0,400}[\\^_={}<>+*/!|]|[A-Za-z]{1,2}'?\$|\d{1,6}[a-z]\$|[A-Za-z]\())"
    r"(?!\d[\d.,]*[ ][^$\n]{0,200}[ ]\$)[^$\n]{1,400}(?<!\s)\$(?![\d\w])"
)
"""A formula between dollars, or between the brackets \\( \\) or \\[ \\]."""
