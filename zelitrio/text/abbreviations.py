"""Abbreviations: how they are read, and whether a sentence can end after their full stop."""

from __future__ import annotations

from zelitrio.text.tables import table, words

TITLES = table(
    """
    mr=mister mrs=missus ms=miz mx=mix prof=professor rev=reverend hon=honorable gov=governor sen=senator
    rep=representative pres=president gen=general col=colonel capt=captain lt=lieutenant sgt=sergeant
    cmdr=commander maj=major cpl=corporal pvt=private adm=admiral supt=superintendent fr=father br=brother
    sr=sister messrs=messieurs mme=madame mlle=mademoiselle dr=doctor st=saint mt=mount ft=fort
    """
)
"""Readings of abbreviations before a capitalised name."""

MONTHS = table(
    """
    jan=january feb=february mar=march apr=april jun=june jul=july aug=august sep=september sept=september
    oct=october nov=november dec=december
    """
)
DAYS = table(
    """
    mon=monday tue=tuesday tues=tuesday wed=wednesday thu=thursday thur=thursday thurs=thursday fri=friday
    sat=saturday sun=sunday
    """
)

PLACES = table(
    """
    ave=avenue blvd=boulevard rd=road hwy=highway pkwy=parkway ln=lane sq=square pl=place ct=court st=street
    dr=drive ter=terrace cir=circle
    """
)
"""Readings of abbreviations after a capitalised name or a house number."""

WORDS = table(
    """
    etc=et_cetera vs=versus approx=approximately dept=department inc=incorporated corp=corporation
    co=company ltd=limited bros=brothers jr=junior sr=senior esq=esquire govt=government assn=association
    univ=university vol=volume vols=volumes fig=figure figs=figures ch=chapter sec=section pp=pages p=page
    ext=extension tel=telephone dist=district intl=international min=minimum max=maximum misc=miscellaneous
    nos=numbers para=paragraph temp=temperature avg=average attn=attention cf=compare viz=namely ca=circa
    apt=apartment bldg=building ste=suite rte=route jct=junction est=established eq=equation ref=reference
    incl=including excl=excluding dob=date_of_birth eds=editors conf=conference natl=national ctrl=control
    rm=room fl=floor yr=year yrs=years hr=hour hrs=hours wk=week wks=weeks mfg=manufacturing
    """
)
"""Readings of abbreviations with their full stop, in any context."""

BARE = words("ctrl vs mr mrs dr prof jr sr ltd inc blvd ave dept approx")
"""Abbreviations that are also read without a full stop, because they have no other meaning."""

LETTERED = table(
    """
    et_al.=and_others e.g.=for_example i.e.=that_is a.k.a.=also_known_as et_al.=and_others w/o=without
    w/=with b/c=because
    """
)
"""Abbreviations of several letters and marks."""

_FOLLOWED = words("p pp fig figs ch sec vol eq ref no nos cf viz ext tel attn ca mr mrs ms eg ie e.g i.e")

ENDING = frozenset({*WORDS, *MONTHS, *DAYS, *PLACES, "am", "pm"}) - _FOLLOWED
"""Abbreviations that may also be the last word of a sentence."""

BEFORE_NAMES = (frozenset(TITLES) | _FOLLOWED) - {"st", "dr", "sr", "no"}
"""Abbreviations that never end a sentence, because a name follows."""

STARTERS = words(
    """
    The A An It He She We They I You This That These Those There Here What When Where Why How Who But And So
    Then If In On At For My Your His Her Our Their Its As After Before While Since Because Although However
    Please Thanks Thank Yes No Not Now Next Also Let Do Does Did Is Are Was Were Can Could Will Would Should
    Have Has Had Might Once Some Many Most All Each Every One Both
    """
)
"""Capitalised words that nearly always begin a new sentence after an abbreviation."""
