"""Who has to mend an issue? The lead unit, the joint units, and why.

The order is that of the domain reference (§3, default), the first that fits:

1. an override of the office: for a site before one for an area (the finest first) before one for a
   category; of equally specific ones the newest;
2. an issue of a checklist: the department of its item, which knows what is inside and what around a site;
3. inside the gate of a site or inside a compound: whoever runs it, with its line department (joint);
4. the department of the category.

A site that a unit of the rule book runs itself, such as a market hall of the market regulation, is that
unit's: it does not stand twice. The subdistrict of the place is always joint, as owner of the
territory, and leads where nobody else can: a department that runs sites or compounds where there is
none. A compound without a property company is the residents' committee's (unmanaged old compounds).
The department that is passed over by 3 stays joint, as it is the one that knows the matter.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from geo.errors import DesignError
from layers.rules import Category, Item

from .rulebook import RuleBook

OPERATOR, PROPERTY, COMMUNITY, TERRITORY = "site_owner", "property", "community", "subdistrict"
"""Kinds of units that stand for a body that differs from place to place."""

WHYS = (
    "override_site", "override_area", "override_category", "item", "category", "site_owner", "property",
    "community", "subdistrict", "by_hand",
)  # fmt: skip
"""Codes of the reasons; the text is ``assign.why.<code>``."""


@dataclass(frozen=True, kw_only=True)
class Where:
    """What is known of the place of an issue.

    Parameters
    ----------
    site, site_type : str or None
        The site or unit it was found at, as the issue names it.
    inside_site : bool
        Inside the gate of a site that somebody runs (see `runs_itself`).
    inside_compound : bool
        Inside a compound, or found at one.
    owner : str or None
        The name of the body that runs that site or compound; a compound without one is unmanaged.
    district, community : str or None
        Names of the subdistrict and the community that hold the point.
    grid : str or None
        Code of the grid cell, as text.
    area_owner : str or None
        The unit of the subdistrict; `community_owner`: that of the community.
    compound : str or None
        Id of the compound.
    areas : tuple of str
        Ids of all areas that hold the point, the widest first.
    """

    site: str | None
    site_type: str | None
    inside_site: bool
    inside_compound: bool
    owner: str | None
    district: str | None
    community: str | None
    grid: str | None
    area_owner: str | None
    compound: str | None
    community_owner: str | None = None
    areas: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Override:
    """A decision of the office that goes before the rules, for what fulfils all its conditions.

    `area` is the id of an area of any level. Without joint units those of the rules stay.
    """

    id: int
    lead_unit: str
    at: datetime
    who: str
    why: str
    category: str | None = None
    site: str | None = None
    area: str | None = None
    joint_units: tuple[str, ...] = ()
    removed_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Assignment:
    """Lead and joint units by their ids in the rule book.

    `responsible` is the name of the body that leads, where the kind of unit alone does not say it;
    `why` is one of `WHYS`; `override` the number of the override that decided.
    """

    lead_unit: str
    joint_units: tuple[str, ...]
    responsible: str | None
    why: str
    override: int | None = None


def assign(
    category: Category, item: Item | None, where: Where, book: RuleBook, overrides: Sequence[Override] = ()
) -> Assignment:
    """The unit that leads and those that join, see the head of this module.

    Raises
    ------
    DesignError
        `category_without_unit`, `units_unknown`.
    """
    lead, joint, why = _by_rules(category, item, where, book)
    number = None
    if (chosen := _chosen(overrides, category.code, where)) is not None:
        require_units((chosen.lead_unit, *chosen.joint_units), book)
        stays = [unit for unit in (lead, *joint) if unit != chosen.lead_unit]
        lead, joint = chosen.lead_unit, list(chosen.joint_units) or stays
        why, number = f"override_{_kind(chosen)}", chosen.id
    return _made(lead, joint, where, why, book, number)


def by_hand(lead: str, joint: Sequence[str], where: Where | None, book: RuleBook) -> Assignment:
    """The assignment that somebody decided; the subdistrict is joint only where they said so."""
    require_units((lead, *joint), book)
    others = tuple(dict.fromkeys(unit for unit in joint if unit != lead))
    return Assignment(
        lead_unit=lead, joint_units=others, why="by_hand",
        responsible=None if where is None else _body(lead, where, book),
    )  # fmt: skip


def require_units(ids: Iterable[str], book: RuleBook) -> None:
    """DesignError `units_unknown` for all ids at once that the rule book does not have."""
    unknown = list(dict.fromkeys(unit for unit in ids if unit not in book.units))
    if unknown:
        named = ", ".join(repr(unit[:40]) for unit in unknown[:10])
        raise DesignError(
            f"{len(unknown)} units are not in the rule book: {named}; zhoubian rules export shows those there"
            " are, with the names they go by",
            code="units_unknown", count=len(unknown), units=named,
        )  # fmt: skip


def require_departments(codes: Iterable[str], book: RuleBook) -> None:
    """DesignError `category_without_unit` for all categories at once that nobody answers for."""
    wrong = [
        code
        for code in dict.fromkeys(codes)
        if code not in book.categories or book.categories[code].department not in book.units
    ]
    if wrong:
        named = ", ".join(code[:20] for code in wrong[:10])
        raise DesignError(
            f"{len(wrong)} categories have no responsible unit in the rule book {book.version}: {named};"
            " give each a department in issue_categories (zhoubian rules export, then import)",
            code="category_without_unit", count=len(wrong), categories=named, version=book.version,
        )  # fmt: skip


def runs_itself(site_type: str | None, book: RuleBook) -> bool:
    """Whether sites of a type have an operator: it leads by default, or an item of its checklist."""
    found = book.site_types.get(site_type or "")
    if found is None:
        return False
    return OPERATOR in found.leads or any(
        item.department == OPERATOR for item in book.items.get(found.id, ())
    )


def line_department(site_type: str | None, book: RuleBook) -> str | None:
    """The department above the operators of a type of site: the first of its leads that is one."""
    found = book.site_types.get(site_type or "")
    leads = () if found is None else found.leads
    return next((unit for unit in leads if unit not in (OPERATOR, PROPERTY, TERRITORY)), None)


def unit_named(name: str, book: RuleBook) -> str | None:
    """The id of the unit that goes by an id, a name or another name; None if nobody does.

    A city writes its own name or 市, 区, 县 before the names of its bureaus: 市城管局 is 城管局.
    """
    wanted = name.strip()
    for told in (wanted, wanted[1:] if wanted[:1] in ("市", "区", "县") else wanted):
        for unit in book.units.values():
            if told in (unit.id, unit.zh, unit.en, *unit.aliases):
                return unit.id
    return None


def _by_rules(
    category: Category, item: Item | None, where: Where, book: RuleBook
) -> tuple[str, list[str], str]:
    department, why = category.department, "category"
    if item is not None and item.department:
        department, why = item.department, "item"
    if department not in book.units:
        require_departments([category.code], book)
        require_units([department], book)
    here = _runs_here(where, book)
    if department in (OPERATOR, PROPERTY) or (item is None and here is not None):
        if here is None:
            return TERRITORY, [], "subdistrict"
        above = line_department(where.site_type if where.inside_site else "compound", book)
        return here, [above or "", department], here
    return department, [here or ""], why


def _runs_here(where: Where, book: RuleBook) -> str | None:
    """The kind of body that runs the place, a site before the compound around it."""
    if where.inside_site:
        return OPERATOR
    if where.inside_compound:
        return COMMUNITY if not where.owner or _is_committee(where.owner, book) else PROPERTY
    return None


def _is_committee(name: str, book: RuleBook) -> bool:
    """Whether the name of a body is that of a residents' committee (瑞井社区居委会)."""
    committee = book.units.get(COMMUNITY)
    return committee is not None and name.endswith((committee.zh, *committee.aliases))


def _made(
    lead: str, joint: Sequence[str], where: Where, why: str, book: RuleBook, override: int | None
) -> Assignment:
    stand_ins = {OPERATOR, PROPERTY} - {_runs_here(where, book)}  # nobody is there to join
    if override is not None:
        stand_ins = set()
    body = _body(lead, where, book)
    if override is None and (bureau := _bureau(where, book)) is not None:
        lead = bureau if lead == OPERATOR else lead
        joint = [bureau if unit == OPERATOR else unit for unit in joint]
    others = dict.fromkeys(
        unit for unit in (*joint, TERRITORY) if unit in book.units and unit != lead and unit not in stand_ins
    )
    return Assignment(
        lead_unit=lead,
        joint_units=tuple(others),
        responsible=body,
        why=why,
        override=override,
    )


def _bureau(where: Where, book: RuleBook) -> str | None:
    """The unit of the rule book that itself runs the site, as a bureau does with a market hall."""
    if not (where.inside_site and where.owner):
        return None
    named = unit_named(where.owner, book)
    return None if named in (OPERATOR, PROPERTY, COMMUNITY, TERRITORY) else named


def _body(lead: str, where: Where, book: RuleBook) -> str | None:
    """The name of the body that leads, where its kind stands for many."""
    runs = _runs_here(where, book)
    if lead in (OPERATOR, PROPERTY):
        return where.owner if runs == lead else None
    if lead == COMMUNITY:
        own = where.owner if runs == COMMUNITY else None
        return own or where.community_owner or where.community
    if lead == TERRITORY:
        return where.area_owner or where.district
    return None


def _chosen(overrides: Sequence[Override], category: str, where: Where) -> Override | None:
    fitting = [
        one
        for one in overrides
        if one.removed_at is None
        and one.category in (None, category)
        and (one.site is None or one.site in (where.site, where.compound))
        and (one.area is None or one.area in where.areas)
    ]
    depth = {area: number for number, area in enumerate(where.areas, 1)}
    return max(
        fitting,
        key=lambda one: (
            one.site is not None, depth.get(one.area or "", 0), one.category is not None, one.at, one.id,
        ),
        default=None,
    )  # fmt: skip


def _kind(override: Override) -> str:
    if override.site is not None:
        return "site"
    return "area" if override.area is not None else "category"
