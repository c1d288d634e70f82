"""Names of the symbols of mathematics: Greek letters, signs, LaTeX commands."""

from __future__ import annotations

from zelitrio.text.tables import table, words

GREEK = dict(
    zip(
        "αβγδεζηθικλμνξοπρσςτυφχψω",
        "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi omicron pi rho sigma sigma "
        "tau upsilon phi chi psi omega".split(),
        strict=True,
    )
)
"""Names of the Greek letters."""

SIGNS = table(
    """
    +=plus −=minus -=minus ×=times ·=times ⋅=times *=times ÷=divided_by /=over ±=plus_or_minus
    ∓=minus_or_plus <=is_less_than >=is_greater_than ≤=is_at_most ≥=is_at_least ≪=is_much_less_than
    ≫=is_much_greater_than ≠=is_not_equal_to ≈=is_about ≃=is_about ≅=is_congruent_to ~=is_similar_to
    ∼=is_similar_to ≡=is_equivalent_to ∝=is_proportional_to →=to ↦=maps_to ⇒=implies ⇔=if_and_only_if
    ∞=infinity ∈=in ∉=not_in ∀=for_all ∃=there_exists ∪=union ∩=intersection ⊂=is_a_subset_of
    ⊆=is_a_subset_of ∅=the_empty_set ∧=and ∨=or ¬=not ∂=partial ∇=nabla ∑=the_sum_of ∏=the_product_of
    ∫=the_integral_of √=the_square_root_of ∛=the_cube_root_of !=factorial %=percent °=degrees ∘=composed_with
    ⊕=x_or ⊗=tensor ⊥=is_perpendicular_to ∥=is_parallel_to ∠=angle ∴=therefore ′=prime '=prime ’=prime
    ℝ=the_real_numbers ℕ=the_natural_numbers ℤ=the_integers ℚ=the_rational_numbers ℂ=the_complex_numbers
    …=and_so_on ∆=delta
    """
)
SIGNS["="] = "equals"

COMMANDS = table(
    """
    times=times cdot=times div=divided_by pm=plus_or_minus mp=minus_or_plus leq=is_at_most le=is_at_most
    geq=is_at_least ge=is_at_least lt=is_less_than gt=is_greater_than neq=is_not_equal_to ne=is_not_equal_to
    approx=is_about simeq=is_about sim=is_similar_to equiv=is_equivalent_to cong=is_congruent_to
    propto=is_proportional_to ll=is_much_less_than gg=is_much_greater_than to=to rightarrow=to
    longrightarrow=to mapsto=maps_to leftarrow=from Rightarrow=implies implies=implies
    Leftrightarrow=if_and_only_if iff=if_and_only_if leftrightarrow=if_and_only_if infty=infinity in=in
    notin=not_in forall=for_all exists=there_exists cup=union cap=intersection subset=is_a_subset_of
    subseteq=is_a_subset_of supset=is_a_superset_of setminus=minus emptyset=the_empty_set
    varnothing=the_empty_set land=and wedge=and lor=or vee=or lnot=not neg=not partial=partial nabla=nabla
    sin=sine cos=cosine tan=tangent cot=cotangent sec=secant csc=cosecant arcsin=arc_sine arccos=arc_cosine
    arctan=arc_tangent sinh=hyperbolic_sine cosh=hyperbolic_cosine tanh=hyperbolic_tangent log=log
    ln=natural_log exp=exp min=min max=max argmax=arg_max argmin=arg_min det=determinant_of gcd=g_c_d
    dim=dimension_of ker=kernel_of ldots=and_so_on cdots=and_so_on dots=and_so_on vdots=and_so_on
    prime=prime circ=degrees degree=degrees angle=angle perp=is_perpendicular_to parallel=is_parallel_to
    mid=given therefore=therefore because=because oplus=x_or otimes=tensor bullet=times ast=times star=star
    hbar=h_bar ell=l Re=real_part_of Im=imaginary_part_of quad= qquad= left= right= big= Big= bigg= Bigg=
    displaystyle= limits= nolimits= percent=percent mod=mod bmod=mod pmod=mod epsilon=epsilon
    varepsilon=epsilon vartheta=theta varphi=phi varrho=rho varsigma=sigma langle= rangle= lvert= rvert=
    """
)
BIG = table(
    "sum=the_sum prod=the_product int=the_integral iint=the_double_integral oint=the_contour_integral "
    "bigcup=the_union bigcap=the_intersection lim=the_limit ∑=the_sum ∏=the_product ∫=the_integral"
)
"""Operators with a range: from below to above."""
WRAPPED = words(
    "text mathrm mathbf mathit mathsf mathcal mathbb mathfrak operatorname boldsymbol textbf textit boxed "
    "mbox bm underline overline widehat widetilde phantom color tag label begin end"
)
SILENT_WITH_ARGUMENT = words("phantom color tag label begin end")
ACCENTS = table("hat=hat bar=bar vec=vector tilde=tilde dot=dot ddot=double_dot overline=bar widehat=hat")
SETS = table(
    "R=the_real_numbers N=the_natural_numbers Z=the_integers Q=the_rational_numbers C=the_complex_numbers "
    "E=e P=p"
)
FUNCTIONS = words(
    "sin cos tan cot sec csc log ln exp min max lim det gcd mod abs sum avg sqrt arcsin arccos arctan"
)
"""Names that a formula in plain text uses as they are."""
